package channel_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// onLine is a log handler that does something for each line.
type onLine struct{ do func() }

func (onLine) Enabled(context.Context, slog.Level) bool { return true }
func (o onLine) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		o.do()
	}
	return nil
}
func (o onLine) WithAttrs([]slog.Attr) slog.Handler { return o }
func (o onLine) WithGroup(string) slog.Handler      { return o }

// logged is a socket whose log goes elsewhere.
type logged struct {
	*channel.Socket
	log *slog.Logger
}

func (l logged) Start(ctx context.Context) error {
	return l.Socket.Start(telemetry.WithLogger(ctx, l.log))
}

// connectLogging is connect, and calls do for each line of the log.
func connectLogging(t *testing.T, do func(), more ...channel.Channel) (*channeltest.Server, *channeltest.Client) {
	t.Helper()
	socket := socketOf(append(more, rooms)...)
	s := channeltest.ServeAs(t, socket, supervisor.Child{Name: "socket", Run: logged{socket, slog.New(onLine{do})}})
	return s, channeltest.Connect(t, s)
}

// TestLogHandlerThatBroadcasts: the session is not locked while it logs.
func TestLogHandlerThatBroadcasts(t *testing.T) {
	var s *channeltest.Server
	lines := 0
	s, c := connectLogging(t, func() {
		lines++
		if err := channel.Broadcast(s.Context(), "room:1", counted, number{lines}); err != nil {
			t.Error(err)
		}
	})
	c.Join("room:1", nil)
	play(c, `
		> [null,"5","cellar","phx_join",{}]
		< [null,"5","cellar","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]
		< [null,null,"room:1","counted",{"n":1}]
		> ["6","6","room:2","phx_join",{"mood":"broken"}]
		< ["6","6","room:2","phx_reply",{"status":"error","response":{"reason":"internal error","kind":"internal error"}}]
		< [null,null,"room:1","counted",{"n":2}]`)
}
