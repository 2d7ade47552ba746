package web

import (
	"cmp"
	"crypto/sha256"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// RateLimit is a plug that lets so many requests through in a time, for each client by
// itself; more are answered with 429, and told when to come back. The limit is of all
// routes that have the same RateLimit's Plug.
//
//	limit := &web.RateLimit{Requests: 100, Per: time.Minute}
//	api := router.Scope("/api", limit.Plug)
//
// It is counted on this machine, in memory. The counter web.ratelimit.refused tells how
// many were refused.
type RateLimit struct {
	Requests int                          // in the time; required
	Per      time.Duration                // default a second
	Burst    int                          // how many may come at once; default Requests
	Key      func(r *http.Request) string // whose request it is; default its address; "" is not limited
	Keys     int                          // how many are remembered; default 100,000; above it the least busy go

	once  sync.Once
	mu    sync.Mutex
	until map[string]time.Time // when each key has used up nothing again
	swept time.Time
}

// Plug is the plug.
func (l *RateLimit) Plug(next http.Handler) http.Handler {
	if l.Requests < 1 || l.Per < 0 || l.Burst < 0 || l.Keys < 0 {
		panic("web: RateLimit wants Requests of at least 1, and nothing below zero")
	}
	l.once.Do(func() { l.until = make(map[string]time.Time) })
	return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
		key := addressKey(r)
		if l.Key != nil {
			key = l.Key(r)
		}
		if key == "" {
			next.ServeHTTP(w, r)
			return
		}
		if len(key) > longKey {
			sum := sha256.Sum256([]byte(key))
			key = string(sum[:])
		}
		if wait := l.take(key, time.Now()); wait > 0 {
			telemetry.Count(r.Context(), "web.ratelimit.refused", 1)
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			Problem(w, r, fault.Exhausted.Errorf("too many requests; come back in %v", wait.Round(time.Millisecond)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

const longKey = 128 // bytes; of longer keys a hash is remembered

// addressKey is the client's address; of IPv6 the network that one customer has.
func addressKey(r *http.Request) string {
	addr, ok := remoteIP(r)
	if !ok {
		return r.RemoteAddr
	}
	if addr.Is6() {
		p, _ := addr.Prefix(64) // a valid length
		return p.String()
	}
	return addr.String()
}

// take uses up one request, or tells how long to wait for it. Each request fills the
// key's bucket for Per/Requests; it overflows at Burst of them.
func (l *RateLimit) take(key string, now time.Time) (wait time.Duration) {
	each := cmp.Or(l.Per, time.Second) / time.Duration(l.Requests)
	room := each * time.Duration(cmp.Or(l.Burst, l.Requests))
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.until[key]
	if until.Before(now) {
		until = now
	}
	until = until.Add(each)
	if over := until.Sub(now) - room; over > 0 {
		return over
	}
	if _, known := l.until[key]; !known {
		l.makeRoom(now)
	}
	l.until[key] = until
	return 0
}

// makeRoom forgets the keys that have used up nothing, and if there are too many
// nevertheless, one that is as good as that.
func (l *RateLimit) makeRoom(now time.Time) {
	most := cmp.Or(l.Keys, 100_000)
	if len(l.until) < most {
		return
	}
	if now.Sub(l.swept) >= time.Second {
		l.swept = now
		for key, until := range l.until {
			if !until.After(now) {
				delete(l.until, key)
			}
		}
	}
	for len(l.until) >= most {
		var nearest string
		var seen int
		for key, until := range l.until { // of a few, by chance
			if seen == 0 || until.Before(l.until[nearest]) {
				nearest = key
			}
			if seen++; seen == 16 {
				break
			}
		}
		delete(l.until, nearest)
	}
}
