package web

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/bennu-go/bennu/telemetry"
)

// Flashes is messages for the visitor by kind, as in "info" and "error".
type Flashes map[string]string

const flashName = reserved + "flash"

// PutFlash leaves a message for the next page that the visitor sees: after a redirect
// the page it leads to, otherwise this one. It is kept in the session.
func PutFlash(ctx context.Context, kind, message string) error {
	s := sessionOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.flashes(nil)
	all[kind] = message
	return s.keepFlash(ctx, all)
}

// Flash is the message of a kind for this page, or "".
func Flash(ctx context.Context, kind string) string { return FlashesOf(ctx)[kind] }

// FlashesOf is all messages for this page: those that the request before has left, and
// those of this one. Without a session there are none, so that pages of errors can have
// the layout of others.
func FlashesOf(ctx context.Context) Flashes {
	s := findSession(exchangeOf(ctx))
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = true
	return s.flashes(s.flash)
}

// takeFlash takes what the request before has left out of the session. That it is gone
// is written when the answer begins.
func (s *session) takeFlash() {
	if text, ok := s.values[flashName]; ok {
		_ = json.Unmarshal(text, &s.flash)
		delete(s.values, flashName)
	}
}

// dropFlash forgets what has been seen. The answer that redirects has shown nothing.
func (s *session) dropFlash(x *exchange) {
	_, put := s.values[flashName]
	redirects := x.rec.status >= 300 && x.rec.status <= http.StatusPermanentRedirect && x.rec.status != http.StatusNotModified
	switch {
	case redirects && s.flash != nil:
		// not seen yet: it goes on, with what this request has put
		_ = s.keepFlash(x, s.flashes(s.flash))
	case !redirects && (put || s.flash != nil):
		err := s.keep(x, func(values map[string]json.RawMessage) { delete(values, flashName) })
		if err != nil {
			telemetry.Log(x).Warn("a flash will be shown again", "error", err)
		}
	}
}

// flashes is what was left by these and, over it, by this request.
func (s *session) flashes(before Flashes) Flashes {
	all := make(Flashes, len(before))
	maps.Copy(all, before)
	_ = json.Unmarshal(s.values[flashName], &all) // ours, or none
	return all
}

// keepFlash leaves messages for the next request.
func (s *session) keepFlash(ctx context.Context, all Flashes) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return s.keep(ctx, func(values map[string]json.RawMessage) { values[flashName] = text })
}
