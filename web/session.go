package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/token"
)

// Sessions is a plug that remembers something of each visitor from request to request:
// in an encrypted cookie, or with a Store on the server, with only its name in the cookie.
//
//	sessions := &web.Sessions{Keys: keys}
//	browser := router.Scope("", sessions.Plug, web.CSRF())
//
// What is remembered is named by a [SessionKey]. A cookie that is forged, too old or of a
// secret that is no longer known is as none. The cookie is HttpOnly, SameSite=Lax, and
// Secure where the request came by HTTPS.
//
// A session in the cookie is the browser's to keep: who has copied it can use it until it
// is too old, also after [ClearSession]. With a Store it ends when it is cleared. Requests
// of one session that come at the same time may both change it: the last one counts.
type Sessions struct {
	Keys   *token.Keys   // sign and encrypt the cookie; required
	Store  SessionStore  // where sessions are kept; nil is in the cookie, up to about 2.9 kB
	Name   string        // of the cookie; default "session"
	MaxAge time.Duration // since the session was last used, to a tenth; default 14 days
}

// SessionStore keeps sessions on the server, as data.Sessions does in the database. It is
// used by many requests at once.
type SessionStore interface {
	// Load gives what was saved under a name, or fault.NotFound if there is nothing, or
	// nothing that is still good.
	Load(ctx context.Context, name string) ([]byte, error)
	// Save keeps data under a name until a time, in place of what was there.
	Save(ctx context.Context, name string, data []byte, until time.Time) error
	// Delete forgets a name. One that is unknown is no error.
	Delete(ctx context.Context, name string) error
}

// SessionKey names a value of the session. Keys are constants, and the value anything
// that JSON can hold:
//
//	const UserID web.SessionKey[int64] = "user_id"
//
//	err := UserID.Put(ctx, user.ID)
//	id, ok := UserID.Get(ctx)
//
// The context is the request's. Without [Sessions] on the way of the request, they
// panic.
type SessionKey[T any] string

// Put remembers a value. A value that is too large for the cookie, or that JSON cannot
// hold, is an error of kind Internal; a Store gives its own.
func (k SessionKey[T]) Put(ctx context.Context, v T) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fault.Internal.Wrap(err, "the session cannot hold %q", string(k))
	}
	return sessionOf(ctx).change(ctx, func(values map[string]json.RawMessage) { values[string(k)] = text })
}

// Get is the value, and whether there is one. One that has become another type is none.
func (k SessionKey[T]) Get(ctx context.Context) (T, bool) {
	var v T
	text, ok := sessionOf(ctx).value(string(k))
	if !ok || json.Unmarshal(text, &v) != nil {
		var none T
		return none, false
	}
	return v, true
}

// Delete forgets the value.
func (k SessionKey[T]) Delete(ctx context.Context) error {
	return sessionOf(ctx).change(ctx, func(values map[string]json.RawMessage) { delete(values, string(k)) })
}

// RenewSession gives the session a new name, and forms new tokens, with everything else
// kept. Do it when somebody logs in, so that who knew the session before does not know it
// any more.
func RenewSession(ctx context.Context) error { return sessionOf(ctx).renew(ctx, true) }

// ClearSession forgets everything. Do it when somebody logs out.
func ClearSession(ctx context.Context) error { return sessionOf(ctx).renew(ctx, false) }

// session is the session of one request.
type session struct {
	of *Sessions

	mu      sync.Mutex
	id      string // the cookie's text, with a Store; "" has none yet
	sealed  string // the values, for the cookie; without a Store
	values  map[string]json.RawMessage
	used    time.Time // when it was last written
	read    bool      // the answer depends on it
	changed bool      // the cookie has to be
	sent    bool      // it is too late to change anything
	flash   Flashes   // what the request before has put
}

// written is a session as it is kept.
type written struct {
	Used   int64                      `json:"u"` // seconds
	Values map[string]json.RawMessage `json:"v"`
}

// reserved begins the names of values that this package keeps for itself.
const reserved = "\x00"

// Plug is the plug.
func (s *Sessions) Plug(next http.Handler) http.Handler {
	if s.Keys == nil {
		panic("web: Sessions without Keys; make them with token.NewKeys")
	}
	if s.MaxAge < 0 {
		panic("web: Sessions with a MaxAge below zero")
	}
	return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		own := &session{of: s}
		if err := own.load(r); err != nil {
			Problem(w, r, err)
			return
		}
		own.takeFlash()
		x.mu.Lock()
		x.session = own
		x.mu.Unlock()
		secure := isHTTPS(r)
		BeforeSend(x, func(h http.Header) { own.send(x, h, secure) })
		next.ServeHTTP(w, r)
	})
}

func (s *Sessions) name() string          { return cmp.Or(s.Name, "session") }
func (s *Sessions) maxAge() time.Duration { return cmp.Or(s.MaxAge, 14*24*time.Hour) }

// purpose binds a cookie's text to its name.
func (s *Sessions) purpose() string { return "web.session." + s.name() }

// HasSession reports whether a context is of a request with a session: whether a
// [Sessions] was on its way.
func HasSession(ctx context.Context) bool { return findSession(exchangeOf(ctx)) != nil }

// sessionOf is the session of the request.
func sessionOf(ctx context.Context) *session {
	s := findSession(mustExchange(ctx))
	if s == nil {
		panic("web: the request has no session; put the Plug of a web.Sessions on its way")
	}
	return s
}

func findSession(x *exchange) *session {
	for ; x != nil; x = x.parent {
		x.mu.Lock()
		own := x.session
		x.mu.Unlock()
		if own != nil {
			return own
		}
	}
	return nil
}

// load reads the cookie, and what is stored under it.
func (s *session) load(r *http.Request) error {
	s.values = make(map[string]json.RawMessage)
	cookie, err := r.Cookie(s.of.name())
	if err != nil {
		return nil
	}
	text, err := s.of.Keys.Open(s.of.purpose(), cookie.Value, token.MaxAge(s.of.maxAge()))
	if err != nil {
		telemetry.Count(r.Context(), "web.sessions.refused", 1)
		s.changed = true // the browser need not send it again
		return nil
	}
	if s.of.Store != nil {
		s.id = string(text)
		text, err = s.of.Store.Load(r.Context(), stored(s.id))
		if errors.Is(err, fault.NotFound) {
			s.id, s.changed = "", true
			return nil
		}
		if err != nil {
			return fault.Unavailable.Wrap(err, "the session cannot be read just now")
		}
	}
	var kept written
	if err := json.Unmarshal(text, &kept); err != nil || kept.Values == nil {
		s.changed = true
		return nil
	}
	s.values, s.used = kept.Values, time.Unix(kept.Used, 0)
	return nil
}

// stored is what the store calls a session, which lets nobody in who reads it there.
func stored(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *session) value(name string) (json.RawMessage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = true
	text, ok := s.values[name]
	return text, ok
}

// change applies f to a copy, and keeps it if it can be kept.
func (s *session) change(ctx context.Context, f func(map[string]json.RawMessage)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep(ctx, f)
}

func (s *session) keep(ctx context.Context, f func(map[string]json.RawMessage)) error {
	if s.sent {
		return tooLate()
	}
	values := maps.Clone(s.values)
	f(values)
	text, err := json.Marshal(written{time.Now().Unix(), values})
	if err != nil {
		return fault.Internal.Wrap(err, "the session cannot be written")
	}
	if s.of.Store == nil {
		sealed, err := s.of.Keys.Seal(s.of.purpose(), text)
		if err != nil {
			return fault.Internal.Wrap(err, "the session is too large for a cookie (%d bytes); give the Sessions a Store", len(text))
		}
		s.sealed = sealed
	} else {
		id := cmp.Or(s.id, rand.Text())
		if err := s.of.Store.Save(ctx, stored(id), text, time.Now().Add(s.of.maxAge())); err != nil {
			return fault.Unavailable.Wrap(err, "the session cannot be kept just now")
		}
		s.id = id
	}
	s.values, s.used, s.changed = values, time.Now(), true
	return nil
}

// cookie is what the browser keeps.
func (s *session) cookie() (string, error) {
	if s.of.Store == nil {
		return s.sealed, nil
	}
	return s.of.Keys.Seal(s.of.purpose(), []byte(s.id))
}

func tooLate() error {
	return fault.Internal.Errorf("the answer has begun: change the session before")
}

func (s *session) renew(ctx context.Context, keep bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent {
		return tooLate()
	}
	old := s.id
	s.id = ""
	if !keep {
		s.values, s.flash, s.changed = make(map[string]json.RawMessage), nil, true
	} else if err := s.keep(ctx, func(values map[string]json.RawMessage) { delete(values, csrfName) }); err != nil {
		s.id = old
		return err
	}
	if old == "" {
		return nil
	}
	if err := s.of.Store.Delete(ctx, stored(old)); err != nil {
		return fault.Unavailable.Wrap(err, "the session cannot be ended just now")
	}
	return nil
}

// send sets the cookie when the answer begins, if it has to be: the session has changed,
// or a tenth of its time has gone.
func (s *session) send(x *exchange, h http.Header, secure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.sent = true }()
	s.dropFlash(x)
	if s.read || s.changed {
		varyBy(h, "Cookie")
		if h.Get("Cache-Control") == "" {
			h.Set("Cache-Control", "private, no-cache") // of this visitor alone
		}
	}
	if !s.changed && len(s.values) > 0 && time.Since(s.used) > s.of.maxAge()/10 {
		if err := s.keep(x, func(map[string]json.RawMessage) {}); err != nil {
			telemetry.Log(x).Warn("a session could not be kept for longer", "error", err)
		}
	}
	if !s.changed {
		return
	}
	cookie := &http.Cookie{Name: s.of.name(), Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode}
	if len(s.values) == 0 {
		cookie.MaxAge = -1
	} else {
		value, err := s.cookie()
		if err != nil {
			telemetry.Log(x).Error("the session's cookie cannot be made", "error", err)
			return
		}
		cookie.Value, cookie.MaxAge = value, int(s.of.maxAge()/time.Second)
	}
	h.Add("Set-Cookie", cookie.String())
	if !strings.Contains(h.Get("Cache-Control"), "no-store") {
		h.Set("Cache-Control", "no-store") // nobody else may get the cookie from a cache
	}
}
