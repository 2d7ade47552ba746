package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// keyed is what devices and programs show; "" asks for nothing.
type keyed string

// fits compares in a time that tells nothing about the key.
func (k keyed) fits(given string) bool {
	return k == "" || subtle.ConstantTimeCompare([]byte(k), []byte(given)) == 1
}

const minKey = 16

// deviceKey gives devices' keys, which are all the same; nil if there is none.
func (k keyed) deviceKey() func(context.Context, string) ([]byte, error) {
	if k == "" {
		return nil
	}
	return func(context.Context, string) ([]byte, error) { return []byte(k), nil }
}

// resetSecret is what a server that was killed and is back proves itself with to devices
// that it does not know any more. Nobody has to keep it: it comes from the key, which
// devices have too, but who has that can be any device anyway. It is of this host and this
// address, as two servers that run must not share one.
func (k keyed) resetSecret(host, addr string) (fault.Secret, error) {
	secret, err := hkdf.Key(sha256.New, []byte(k), nil, fmt.Sprintf("fleet devices reset %q %q", host, addr), sha256.Size)
	return fault.NewSecret(string(secret)), err
}

// plug reads the query and the form, and asks for the key in either.
func (k keyed) plug(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			telemetry.Count(r.Context(), "fleet.forms.refused", 1)
			web.Problem(w, r, fault.Invalid.Wrap(err, "the query or the form cannot be read"))
			return
		}
		if !k.fits(r.Form.Get("key")) {
			telemetry.Count(r.Context(), "fleet.keys.refused", 1)
			web.Problem(w, r, fault.Forbidden.Errorf("the key is missing or wrong; send it as key=…"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Door lets people in, who log in, and programs, which show the key. Without a key and
// without users, it lets everybody in.
type Door struct {
	key   keyed
	store Store
}

// Login is what a session knows of its user. A new password has a new salt, which ends
// the sessions of the old one.
type Login struct{ Name, Salt string }

const loggedIn web.SessionKey[Login] = "user"

// Caller and Member are the name of who asks, if that is a user: of a request, and on a
// socket.
const (
	Caller web.Key[string]     = "user"
	Member channel.Key[string] = "user"
)

// user gives the name of who asks, "" for somebody who need not be a user, or
// fault.Unauthenticated.
func (d Door) user(ctx context.Context) (string, error) {
	if login, ok := loggedIn.Get(ctx); ok {
		u, err := data.Get[User](ctx, d.store.repo, login.Name)
		switch {
		case err == nil && u.Salt == login.Salt:
			return u.Name, nil
		case err != nil && fault.Of(err) != fault.NotFound:
			return "", err
		}
	}
	locked, err := d.locked(ctx)
	if locked {
		err = fault.Unauthenticated.Errorf("log in at /login, or send key=…")
	}
	return "", err
}

func (d Door) locked(ctx context.Context) (bool, error) {
	if d.key != "" {
		return true, nil
	}
	return data.From[User]().Exists(ctx, d.store.repo)
}

// enter is user for somebody who may show the key as well.
func (d Door) enter(ctx context.Context, key string) (string, error) {
	if d.key != "" && d.key.fits(key) {
		return "", nil
	}
	return d.user(ctx)
}

// plug is for the API.
func (d Door) plug(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := d.enter(r.Context(), r.URL.Query().Get("key"))
		if err != nil {
			web.Problem(w, r, err)
			return
		}
		Caller.Put(r.Context(), user)
		next.ServeHTTP(w, r)
	})
}

// connect is for the socket. Who comes by UDP has signed with the key.
func (d Door) connect(ctx context.Context, p *channel.Peer) error {
	if p.Transport == "udp" {
		return nil
	}
	user, err := d.enter(ctx, p.Params.Get("key"))
	p.ID = user // whose connections end at the logout
	Member.Put(p, user)
	return err
}
