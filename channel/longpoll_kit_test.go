package channel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/supervisor"
)

// polling is a socket that is long-polled without a network.
type polling struct {
	*site
	t      *testing.T
	socket *channel.Socket
	header http.Header // of all requests
	query  string
	token  string
}

func newPolling(t *testing.T, s *channel.Socket) *polling {
	t.Helper()
	if s.Channels == nil {
		s.Channels = cabins()
	}
	if s.LongPoll == nil {
		s.LongPoll = &channel.LongPoll{}
	}
	return &polling{site: run(t, supervisor.Child{Name: "socket", Run: s}), t: t, socket: s, header: make(http.Header), query: "vsn=2.0.0"}
}

// other is another client of the same socket.
func (p *polling) other() *polling {
	o := *p
	o.token, o.header = "", make(http.Header)
	return &o
}

type answer struct {
	Status   int
	Token    string
	Messages []string
	Reason   string
}

func (p *polling) request(ctx context.Context, method, kind, body string) *http.Request {
	query := p.query
	if p.token != "" {
		query += "&token=" + url.QueryEscape(p.token)
	}
	r := httptest.NewRequestWithContext(ctx, method, "http://site.example/socket/longpoll?"+query, strings.NewReader(body))
	r.Header = p.header.Clone()
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return r
}

func (p *polling) raw(method, kind, body string) *http.Response {
	w := httptest.NewRecorder()
	p.socket.ServeHTTP(w, p.request(p.ctx, method, kind, body))
	return w.Result()
}

func (p *polling) do(method, kind, body string) answer {
	p.t.Helper()
	return p.parse(p.raw(method, kind, body))
}

func (p *polling) parse(r *http.Response) (a answer) {
	p.t.Helper()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json; charset=utf-8" ||
		r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Access-Control-Allow-Origin") != "*" {
		p.t.Errorf("the answer is %d %v %s", r.StatusCode, r.Header, body)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		p.t.Errorf("%q: %v", body, err)
	}
	return a
}

func (p *polling) get() answer {
	p.t.Helper()
	return p.do("GET", "", "")
}

func (p *polling) post(lines ...string) answer {
	p.t.Helper()
	return p.do("POST", "application/x-ndjson", strings.Join(lines, "\n"))
}

func (p *polling) postOK(lines ...string) {
	p.t.Helper()
	if a := p.post(lines...); a.Status != 200 {
		p.t.Fatalf("the POST is answered %+v", a)
	}
}

// connect makes a session.
func (p *polling) connect() *polling {
	p.t.Helper()
	a := p.get()
	if a.Status != 410 || a.Token == "" || a.Messages == nil || len(a.Messages) != 0 {
		p.t.Fatalf("the first answer is %+v", a)
	}
	p.token = a.Token
	return p
}

// expect polls until these messages have come.
func (p *polling) expect(want ...string) {
	p.t.Helper()
	var got []string
	for len(got) < len(want) {
		a := p.get()
		if a.Status != 200 || a.Token != p.token {
			p.t.Fatalf("the answer is %+v after %q", a, got)
		}
		got = append(got, a.Messages...)
	}
	if !slices.Equal(got, want) {
		p.t.Fatalf("the messages are\n%q, and not\n%q", got, want)
	}
}

func (p *polling) join() *polling {
	p.t.Helper()
	p.connect()
	p.postOK(`["1","1","cabin:1","phx_join",{}]`)
	p.expect(`["1","1","cabin:1","phx_reply",{"status":"ok","response":{}}]`)
	return p
}

func (p *polling) say(text string) {
	p.t.Helper()
	if err := channel.Broadcast(p.ctx, "cabin:1", spoken, line{text}); err != nil {
		p.t.Fatal(err)
	}
}

func said(text string) string {
	return fmt.Sprintf(`[null,null,"cabin:1","spoken",{"text":%q}]`, text)
}

// waiting is a request that has been made, and not been answered.
type waiting struct {
	w      *httptest.ResponseRecorder
	done   chan struct{}
	cancel context.CancelFunc
}

// wait begins to poll, and returns when the request waits. It is for bubbles.
func (p *polling) wait() *waiting {
	ctx, cancel := context.WithCancel(p.ctx)
	q := &waiting{httptest.NewRecorder(), make(chan struct{}), cancel}
	go func() {
		defer close(q.done)
		p.socket.ServeHTTP(q.w, p.request(ctx, "GET", "", ""))
	}()
	synctest.Wait()
	return q
}

func (p *polling) answered(q *waiting) answer {
	p.t.Helper()
	<-q.done
	q.cancel()
	return p.parse(q.w.Result())
}
