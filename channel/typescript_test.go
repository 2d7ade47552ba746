package channel_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

type tsDraft struct {
	Body string `json:"body" validate:"required,max=10"`
	Key  string `json:"key,omitempty"`
}

type tsMessage struct {
	Seq    int       `json:"seq"`
	Body   string    `json:"body"`
	Posted time.Time `json:"posted"`
}

type tsRoom struct{}

func (*tsRoom) snapshot(context.Context) ([]tsMessage, error)                 { return nil, nil }
func (*tsRoom) post(context.Context, tsDraft) (tsMessage, error)              { return tsMessage{}, nil }
func (*tsRoom) mutter(context.Context, tsDraft) error                         { return nil }
func (*tsRoom) wave(context.Context) error                                    { return nil }
func (*tsRoom) photo(context.Context, channel.Binary) (channel.Binary, error) { return nil, nil }
func (*tsRoom) filter(context.Context, tsMessage) (tsMessage, error)          { return tsMessage{}, nil }

const (
	tsPosted channel.Event[tsMessage]      = "posted"
	tsShown  channel.Event[channel.Binary] = "shown"
)

func TestTypeScript(t *testing.T) {
	join := func(context.Context, channel.Join[process.None]) (*tsRoom, error) { return new(tsRoom), nil }
	greet := func(context.Context, channel.Join[tsDraft]) (*tsRoom, error) { return new(tsRoom), nil }
	socket := &channel.Socket{Channels: []channel.Channel{
		channel.Topic("lobby", join),
		channel.Topic("room:*", greet,
			channel.Joined((*tsRoom).snapshot),
			channel.Call("post", (*tsRoom).post),
			channel.Cast("mutter", (*tsRoom).mutter),
			channel.Run("wave", (*tsRoom).wave),
			channel.Call("photo", (*tsRoom).photo),
			channel.Intercept(tsPosted, (*tsRoom).filter),
		).With(
			channel.Emits(tsShown, tsPosted),
			channel.Presence(&presence.Tracker[struct {
				Mood string `json:"mood"`
			}]{Name: "moods"}),
		),
		channel.Topic("*", join),
	}}
	w := httptest.NewRecorder()
	channel.TypeScript(socket).ServeHTTP(w, httptest.NewRequest("GET", "/socket.d.ts", nil))
	const want = `// The topics of the socket. Made from its channels: do not edit.

export interface TsDraft {
  body: string;
  key?: string;
}

export interface TsMessage {
  seq: number;
  body: string;
  posted: string;
}

export interface Topics {
  "lobby": {
    params: Record<string, never>;
    reply: Record<string, never>;
    in: {
    };
    out: {
    };
  };
  [topic: ` + "`room:${string}`" + `]: {
    params: TsDraft;
    reply: TsMessage[];
    in: {
      "mutter": { payload: TsDraft; reply: void };
      "photo": { payload: ArrayBuffer | Uint8Array; reply: ArrayBuffer };
      "post": { payload: TsDraft; reply: TsMessage };
      "wave": { payload: Record<string, never>; reply: Record<string, never> };
    };
    out: {
      "posted": TsMessage;
      "shown": ArrayBuffer;
    };
    presence: {
      mood: string;
    };
  };
  [topic: string]: {
    params: Record<string, never>;
    reply: Record<string, never>;
    in: {
    };
    out: {
    };
  };
}
`
	if got := w.Body.String(); got != want {
		t.Errorf("got\n%s", got)
	}
}
