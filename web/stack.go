package web

import "net/http"

// stackAhead is about what a request needs on its way to a handler. A goroutine begins with
// 2 KiB.
const stackAhead = 4 << 10

// roomy has the stack of a connection's goroutine grow while there is little on it. To grow
// later is to copy the frames of all plugs, which costs more than what they do.
func roomy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		growStack(-1)
		next.ServeHTTP(w, r)
	})
}

// growStack has the room in its frame also where it returns at once, and nobody clears it.
//
//go:noinline
func growStack(at int) byte {
	if at < 0 {
		return 0
	}
	var room [stackAhead]byte
	return room[at]
}
