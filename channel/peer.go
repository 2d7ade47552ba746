package channel

import (
	"net/http"
	"net/url"
)

// Peer is a client that has connected, or wants to. Connect may change it; after that it
// is for reading.
type Peer struct {
	// ID is who the client is to [Disconnect]; for Connect to set. "": nobody.
	ID string

	Params    url.Values // of the address: query and path
	Addr      string     // as http.Request.RemoteAddr
	Transport string     // "websocket", "longpoll" or "udp"
	Device    string     // by UDP: who it says it is, and has proved if the UDP has a Key; else ""

	// Token and Header are there during Connect alone. The token is that of the
	// sub-protocol "base64url.bearer.phx." or of the header X-Phoenix-AuthToken; it is
	// the application's to check.
	Token  string
	Header http.Header

	assigns []assign
}

type assign struct {
	key   any
	value any
}

// Key is the name of something that Connect keeps for the joins of a client, with its
// type. Declare keys as constants:
//
//	const Account channel.Key[User] = "account"
type Key[T any] string

// Put keeps a value. Call it in Connect only.
func (k Key[T]) Put(p *Peer, v T) {
	for i := range p.assigns {
		if p.assigns[i].key == any(k) {
			p.assigns[i].value = v
			return
		}
	}
	p.assigns = append(p.assigns, assign{k, v})
}

// Get is the value, and whether it has been put.
func (k Key[T]) Get(p *Peer) (T, bool) {
	for _, a := range p.assigns {
		if a.key == any(k) {
			return a.value.(T), true
		}
	}
	var none T
	return none, false
}

// Value is the value, or the zero value if it has not been put.
func (k Key[T]) Value(p *Peer) T {
	v, _ := k.Get(p)
	return v
}
