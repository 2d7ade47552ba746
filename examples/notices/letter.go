package main

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
)

// Letter is the token in a letter's link: who has it may edit that notice, without logging
// in, for a day.
const Letter token.Kind[int64] = "edit-notice"

const letterAge = token.MaxAge(24 * time.Hour)

// sendLetter sends the author the link to edit a notice. Here letters go to the log.
func (s *Site) sendLetter(ctx context.Context, n Notice) error {
	u, err := s.store.User(ctx, n.Author)
	if err != nil {
		return err
	}
	text, err := Letter.Sign(s.keys, n.ID)
	if err != nil {
		return err
	}
	if s.opts.Dev { // the link is as good as a password: only for a developer's eyes
		telemetry.Log(ctx).Info("letter", "to", u.Email, "about", n.Title, "link", s.origin()+LetterPath.URL(text))
	}
	return nil
}

// openLetter lets whoever has the link edit the notice.
func (s *Site) openLetter(ctx context.Context, in struct {
	Token string `path:"token"`
}) (web.View, error) {
	id, err := Letter.Verify(s.keys, in.Token, letterAge)
	if err != nil {
		return nil, err
	}
	if err := lent.Put(ctx, id); err != nil {
		return nil, err
	}
	return told(ctx, EditPath.URL(id), locale.T(ctx, "You have come by the link in our letter, and may edit this notice."))
}
