package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/bennu-go/bennu/fault"
)

const (
	csrfName   = reserved + "csrf"
	csrfSize   = 24
	csrfHeader = "X-Csrf-Token"

	// CSRFField is the name of the hidden field that brings a form's token.
	CSRFField = "_csrf_token"
)

// CSRF makes a plug that refuses with 403 what a page of another site makes a browser
// send in its visitor's name. It comes after [Sessions].
//
// Browsers say where a request comes from, as [CrossOrigin] has it, and that decides. An
// old browser that says nothing has to bring the session's token, which [CSRFToken] puts
// into pages: in the form's field [CSRFField], or the header X-Csrf-Token. It cannot send
// files by a form, which is not read ahead. GET, HEAD and OPTIONS pass: they must change
// nothing.
func CSRF(trusted ...string) Plug {
	check := protection("CSRF", trusted)
	return func(next http.Handler) http.Handler {
		return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
			if err := csrfProblem(check, r); err != nil {
				Problem(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func csrfProblem(check *http.CrossOriginProtection, r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if check.Check(r) != nil {
		return errForeignPage
	}
	if r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "" {
		return nil // and it was said to be ours
	}
	given := r.Header.Get(csrfHeader)
	if given == "" {
		form, err := postForm(r)
		if err != nil {
			return err
		}
		given = form.Get(CSRFField)
	}
	switch {
	case sessionOf(r.Context()).fitsCSRF(given):
		return nil
	case given == "" && mediaTypeOf(r) != formType:
		return fault.Forbidden.Errorf("a client that says neither Origin nor Sec-Fetch-Site must bring the header %s", csrfHeader)
	case given == "":
		return fault.Forbidden.Errorf("the form brings no %s; load its page again", CSRFField)
	}
	return fault.Forbidden.Errorf("the form is too old; load its page again")
}

// CSRFToken is what a form of this visitor's has to bring back. It is another text at each
// call, so that nothing can be learned from how a page compresses.
func CSRFToken(ctx context.Context) (string, error) {
	s := sessionOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = true
	secret := s.csrfSecret()
	if secret == nil {
		secret = make([]byte, csrfSize)
		_, _ = rand.Read(secret) // never fails
		text, err := json.Marshal(secret)
		if err == nil {
			err = s.keep(ctx, func(values map[string]json.RawMessage) { values[csrfName] = text })
		}
		if err != nil {
			return "", err
		}
	}
	masked := make([]byte, 2*csrfSize)
	_, _ = rand.Read(masked[:csrfSize])
	subtle.XORBytes(masked[csrfSize:], masked[:csrfSize], secret)
	return base64.RawURLEncoding.EncodeToString(masked), nil
}

// csrfSecret is the session's, or nil. The lock is held.
func (s *session) csrfSecret() []byte {
	var secret []byte
	if json.Unmarshal(s.values[csrfName], &secret) != nil || len(secret) != csrfSize {
		return nil
	}
	return secret
}

func (s *session) fitsCSRF(given string) bool {
	masked, err := base64.RawURLEncoding.DecodeString(given)
	if err != nil || len(masked) != 2*csrfSize {
		return false
	}
	subtle.XORBytes(masked[csrfSize:], masked[:csrfSize], masked[csrfSize:])
	s.mu.Lock()
	defer s.mu.Unlock()
	secret := s.csrfSecret()
	return secret != nil && subtle.ConstantTimeCompare(masked[csrfSize:], secret) == 1
}
