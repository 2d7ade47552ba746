package main

import (
	"context"
	"net/http"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/web"
)

const pageSize = 20

// byID is the input of a page of one notice.
type byID struct {
	ID int64 `path:"id"`
}

type listQuery struct {
	Before int64 `query:"before"`
}

func (s *Site) listNotices(ctx context.Context, q listQuery) (web.View, error) {
	notices, err := s.store.Latest(ctx, q.Before, pageSize)
	return listPage(notices, q.Before == 0), err
}

func (s *Site) showNotice(ctx context.Context, in byID) (web.View, error) {
	return s.show(ctx, in.ID, changeReply(Reply{}, nil))
}

// show is the page of a notice, with the form for a reply.
func (s *Site) show(ctx context.Context, id int64, cs *changeset.Changeset[Reply]) (web.View, error) {
	n, err := s.store.Notice(ctx, id)
	if err != nil {
		return nil, err
	}
	replies, err := s.store.Replies(ctx, id)
	return noticePage(n, replies, cs.Form("reply")), err
}

func (s *Site) newNotice(context.Context, web.None) (web.View, error) {
	return newPage(changeDraft(Draft{Kind: Offer}, nil).Form("notice")), nil
}

// createNotice takes a form with a photo, so it reads the body itself, as it arrives.
func (s *Site) createNotice(c *web.Conn) error {
	return s.upload(c, func(ctx context.Context, params changeset.Params, photo *web.SavedFile) error {
		cs := changeDraft(Draft{}, params).Translate(form.Messages(ctx))
		draft, err := cs.Apply()
		if err != nil {
			return c.Render(web.WithStatus(http.StatusUnprocessableEntity, newPage(cs.Form("notice"))))
		}
		n := Notice{Author: CurrentUser.Value(ctx), Draft: draft}
		if n.Photo, err = s.keep(photo); err != nil {
			return err
		}
		posted, err := process.Call(ctx, TheBoard, (*Board).Post, n)
		if err != nil {
			s.drop(ctx, n.Photo)
			return err
		}
		return goOn(c, NoticePath.URL(posted.ID), "info", locale.T(ctx, "Your notice is up. We are sending you a link to edit it."))
	})
}

// mine is a notice that the visitor may change, or fault.Forbidden.
func (s *Site) mine(ctx context.Context, id int64) (Notice, error) {
	n, err := s.store.Notice(ctx, id)
	if err == nil && !mayEdit(ctx, n) {
		err = fault.Forbidden.Errorf("this notice is somebody else's")
	}
	return n, err
}

// mayEdit reports whether the visitor may change a notice: it is theirs, or they have come
// by the link in its letter.
func mayEdit(ctx context.Context, n Notice) bool {
	guest, ok := lent.Get(ctx)
	return n.Author == CurrentUser.Value(ctx) || ok && guest == n.ID
}

func (s *Site) editNotice(ctx context.Context, in byID) (web.View, error) {
	n, err := s.mine(ctx, in.ID)
	return editPage(n, changeDraft(n.Draft, nil).Form("notice")), err
}

func (s *Site) updateNotice(c *web.Conn) error {
	n, err := s.mine(c.Context(), idOf(c))
	if err != nil {
		return err
	}
	return s.upload(c, func(ctx context.Context, params changeset.Params, photo *web.SavedFile) error {
		cs := changeDraft(n.Draft, params).Translate(form.Messages(ctx))
		draft, err := cs.Apply()
		if err != nil {
			return c.Render(web.WithStatus(http.StatusUnprocessableEntity, editPage(n, cs.Form("notice"))))
		}
		old := n.Photo
		n.Draft = draft
		if photo != nil {
			if n.Photo, err = s.keep(photo); err != nil {
				return err
			}
		}
		if err := data.Update(ctx, s.repo, &n); err != nil {
			return err
		}
		if n.Photo != old {
			s.drop(ctx, old)
		}
		return goOn(c, NoticePath.URL(n.ID), "info", locale.T(ctx, "Saved."))
	})
}

func (s *Site) deleteNotice(ctx context.Context, in byID) (web.View, error) {
	n, err := s.mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.remove(ctx, n); err != nil {
		return nil, err
	}
	return told(ctx, "/notices", locale.T(ctx, "Your notice is gone."))
}

// remove takes a notice down, with its photo.
func (s *Site) remove(ctx context.Context, n Notice) error {
	if err := data.Delete(ctx, s.repo, &n); err != nil {
		return err
	}
	s.drop(ctx, n.Photo)
	return nil
}

type replyForm struct {
	NoticeID int64            `path:"notice_id"`
	Reply    changeset.Params `form:"reply"`
}

func (s *Site) createReply(ctx context.Context, in replyForm) (web.View, error) {
	reply := Reply{NoticeID: in.NoticeID, Author: CurrentUser.Value(ctx)}
	cs := changeReply(reply, in.Reply).Translate(form.Messages(ctx))
	_, err := data.InsertChange(ctx, s.repo, cs)
	if !cs.Valid() {
		page, err := s.show(ctx, in.NoticeID, cs)
		return web.WithStatus(http.StatusUnprocessableEntity, page), err
	}
	return web.RedirectTo(NoticePath.URL(in.NoticeID)), err
}

// replyRef is a reply and its notice.
type replyRef struct {
	NoticeID int64 `path:"notice_id"`
	ID       int64 `path:"id"`
}

func (s *Site) deleteReply(ctx context.Context, in replyRef) (web.View, error) {
	r, err := s.store.Reply(ctx, in.NoticeID, in.ID)
	if err == nil && r.Author != CurrentUser.Value(ctx) {
		err = fault.Forbidden.Errorf("this reply is somebody else's")
	}
	if err != nil {
		return nil, err
	}
	return web.RedirectTo(NoticePath.URL(in.NoticeID)), data.Delete(ctx, s.repo, &r)
}

// kindOptions are the kinds as a form offers them.
func kindOptions(ctx context.Context) (options []form.Option) {
	for _, k := range Kind.Enum("") {
		options = append(options, form.Option{Value: string(k), Label: locale.T(ctx, k.Label())})
	}
	return options
}

// livePath is where the list goes on, live.
func livePath(shown []Notice) string {
	if len(shown) == 0 {
		return LivePath.URL(liveQuery{})
	}
	return LivePath.URL(liveQuery{After: shown[0].ID})
}
