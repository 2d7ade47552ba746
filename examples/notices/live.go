package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/web"
)

type liveQuery struct {
	After int64 `query:"after"` // the last notice that is known
}

// live streams new notices, each as the piece of HTML that the list has for it. A browser
// that was away says what it had last, and gets what came since.
func (s *Site) live(c *web.Conn) error {
	fresh := make(chan Notice, 64)
	missed := make(chan struct{}, 1)
	stop, err := pubsub.Tap(c.Context(), data.Watch[Notice](), func(change data.Change[Notice]) {
		if change.Op != data.Inserted {
			return
		}
		select {
		case fresh <- change.Row:
		default: // too slow; it comes back and reads what it has missed
			select {
			case missed <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	return c.Events(func(ctx context.Context, stream *web.EventStream) error {
		last, _ := strconv.ParseInt(cmp.Or(stream.LastID(), c.Query("after")), 10, 64)
		since, err := s.store.After(ctx, last, 1000)
		if err != nil {
			return err
		}
		for _, n := range since {
			if err := send(ctx, stream, n); err != nil {
				return err
			}
			last = n.ID
		}
		for {
			select {
			case n := <-fresh:
				if n.ID <= last {
					continue
				}
				if err := send(ctx, stream, n); err != nil {
					return err
				}
			case <-missed:
				return fault.Exhausted.Errorf("a reader of the live list is too slow")
			case <-ctx.Done():
				return nil
			}
		}
	})
}

func send(ctx context.Context, stream *web.EventStream, n Notice) error {
	var html strings.Builder
	if err := noticeCard(n).Render(ctx, &html); err != nil {
		return err
	}
	return stream.Text("notice", strconv.FormatInt(n.ID, 10), html.String())
}
