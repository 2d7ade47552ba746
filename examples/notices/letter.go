package main

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
)

// Letter is the token in a letter's link: who has it may edit that notice, without logging
// in, for a day.
const Letter token.Kind[int64] = "edit-notice"

const letterAge = token.MaxAge(24 * time.Hour)

// SendLetter is the job that sends the author of a notice the link to edit it: with the
// notice, or not at all, and again until it is sent.
const SendLetter job.Name[int64] = "send_letter"

// sendLetter sends it. Here letters go to the log.
func (s *Site) sendLetter(ctx context.Context, notice int64) error {
	n, err := s.store.Notice(ctx, notice)
	if fault.Of(err) == fault.NotFound {
		return job.Cancel("the notice is gone")
	}
	if err != nil {
		return err
	}
	u, err := data.Get[User](ctx, s.repo, n.Author)
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
