package channel

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
)

// LongPoll serves clients that websockets do not get through to, at <mount>/longpoll: a
// client asks for messages by one request after the other, each of which waits until there
// are some, and sends its own by others.
//
//	socket := &channel.Socket{Channels: rooms, LongPoll: &channel.LongPoll{}}
//
// What a client may not do, and how it is answered, is as on a websocket. Different are:
//
//   - There are no binary messages to the client. A binary reply becomes an error reply, a
//     binary push or broadcast does not come, and counts as channel.messages.unsendable.
//   - Of one request's lines the first 100 are messages, and what is beyond is dropped, and
//     counts as channel.longpoll.dropped.
//   - A message that is too long is answered with HTTP status 413, and none of its request
//     is taken. The session goes on.
//   - Messages whose answer could not be written, or whose client had gone before, wait for
//     the next request. An answer that was written, and then lost on its way, is lost: the
//     protocol has no receipts. What a session had for a client that did not come for it
//     counts as channel.longpoll.lost.
//
// When the server stops, requests that wait are answered at once, with status 410 and the
// advice when to come back as "reason". The official client does not read that, and comes
// back by its own clock; so it does after every other end of a session, and while the
// server is away.
//
// Requests are ordinary ones: plugs before the socket see them. One that limits the time of
// a request ([web.Timeout]) must leave more than the Window, and one that refuses requests
// from other origins is asked before the socket's own Origins.
type LongPoll struct {
	// Keys sign the tokens by which clients name their sessions. nil: random ones, made at
	// each start. That is right for one node, whose sessions end with it. With several,
	// give all of them the same.
	Keys *token.Keys

	// Window is how long a request waits for messages; default 10 s. The official client
	// gives up after 20 s. A session that nobody has asked for messages of for one and a
	// half of it is over.
	Window time.Duration

	// Sessions is how many there may be; default 100,000. More clients are told to come
	// later, with HTTP status 503.
	Sessions int
}

// The limits of one request.
const (
	mostLines     = 100
	mostBodyBytes = 8 << 20
)

// pollTokenAge is how long a session can be named by the same token.
const pollTokenAge = token.MaxAge(14 * 24 * time.Hour)

// writeTime is how long a client may take to read one answer.
const writeTime = 10 * time.Second

// polls answers the requests of one socket that runs.
type polls struct {
	socket *Socket
	keys   *token.Keys
	window time.Duration
	most   int
	node   string    // what tokens call this node
	where  directory // finds sessions

	leaving atomic.Int64 // those that were sent away by requests

	mu    sync.Mutex
	links map[string]*pollLink
}

// start gives nil if the socket serves no long-polling.
func (l *LongPoll) start(s *Socket) (*polls, error) {
	if l == nil {
		return nil, nil
	}
	p := &polls{socket: s, keys: l.Keys, window: l.Window, most: l.Sessions, node: rand.Text(), links: make(map[string]*pollLink)}
	p.where = p
	fallBack(&p.window, 10*time.Second)
	fallBack(&p.most, 100_000)
	if p.keys == nil {
		var err error
		if p.keys, err = token.NewKeys(token.Generate()); err != nil {
			return nil, err
		}
	}
	if _, err := p.sign(""); err != nil {
		return nil, fault.Invalid.Wrap(err, "channel: LongPoll.Keys cannot sign; make them with token.NewKeys, or leave them out")
	}
	return p, nil
}

// pollAnswer is what the body of an answer says.
type pollAnswer struct {
	Status   int      `json:"status"`
	Token    string   `json:"token,omitempty"`
	Messages []string `json:"messages,omitzero"` // nil: the answer is to no question for messages
	Reason   string   `json:"reason,omitempty"`  // why there is no session any more, with advice when to come back, or none at all
}

// The logical status of answers whose HTTP status is 200.
const (
	pollOK      = 200
	pollEmpty   = 204
	pollRefused = 403
	pollLate    = 408
	pollGone    = 410 // in an answer with a token: there is a new session
)

func (s *Socket) serveLongPoll(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Origin", "*") // who may is for Origins to say
	switch r.Method {
	case http.MethodOptions:
		if asked := r.Header.Values("Access-Control-Request-Headers"); len(asked) > 0 {
			h["Access-Control-Allow-Headers"] = asked
		}
		h.Set("Access-Control-Allow-Methods", "get, post, options")
		h.Set("Access-Control-Max-Age", "3600")
	case http.MethodGet, http.MethodPost:
		p := s.polls.Load()
		if p == nil {
			refusePoll(w, r, errNotRunning)
		} else if err := s.checkOrigin(r); err != nil {
			telemetry.Count(r.Context(), "channel.connects.refused", 1)
			refusePoll(w, r, err)
		} else if r.Method == http.MethodGet {
			p.get(w, r)
		} else {
			p.post(w, r)
		}
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

func refusePoll(w http.ResponseWriter, r *http.Request, err error) {
	telemetry.Log(r.Context()).Warn("a client may not connect to the socket", "reason", err)
	if status := web.StatusOf(err); status >= 500 { // it is not the client's fault, and it may come back
		http.Error(w, fault.Detail(err), status)
		return
	}
	_ = answerPoll(w, r, pollAnswer{Status: pollRefused, Reason: fault.Detail(err)})
}

// get gives a client its messages, or a session if it has none.
func (p *polls) get(w http.ResponseWriter, r *http.Request) {
	text := pollTokenOf(r)
	session := p.find(text)
	if session == nil {
		p.connect(w, r)
		return
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(p.window + writeTime)) // the server's own may be shorter
	defer c.SetWriteDeadline(time.Time{})                        // it would be that of the connection's next request, too
	session.poll(r.Context(), func(a pollAnswer) error {
		if a.Status != pollGone {
			a.Token = text
		}
		return answerPoll(w, r, a)
	})
}

func (p *polls) connect(w http.ResponseWriter, r *http.Request) {
	l, text, err := p.open(r)
	if err != nil {
		refusePoll(w, r, err)
		return
	}
	if answerPoll(w, r, pollAnswer{Status: pollGone, Token: text, Messages: []string{}}) != nil {
		l.Close(ws.GoingAway, "the client went away") // nobody else knows the token
	}
}

// open makes a session, and the token that names it.
func (p *polls) open(r *http.Request) (*pollLink, string, error) {
	l := newPollLink(p)
	text, err := p.sign(l.id)
	if err != nil {
		return nil, "", err
	}
	if !p.add(l) {
		telemetry.Count(r.Context(), "channel.connects.refused", 1)
		why := fmt.Errorf("there are %d; raise LongPoll.Sessions if the machine has room for more", p.most)
		return nil, "", fault.Unavailable.Wrap(why, "the server has all the sessions it takes; try again later")
	}
	var session *Session
	defer func() {
		if session == nil {
			p.remove(l)
		}
	}()
	peer := &Peer{
		Params: pollParamsOf(r), Addr: r.RemoteAddr, Transport: "longpoll",
		Token: r.Header.Get("X-Phoenix-Authtoken"), Header: r.Header,
	}
	if session, err = p.socket.Accept(r.Context(), peer, l); err != nil {
		return nil, "", err
	}
	l.begin(session)
	return l, text, nil
}

// post takes a client's messages.
func (p *polls) post(w http.ResponseWriter, r *http.Request) {
	session := p.find(pollTokenOf(r))
	if session == nil {
		_ = answerPoll(w, r, pollAnswer{Status: pollGone})
		return
	}
	messages, beyond, err := p.read(w, r)
	if err != nil {
		p.socket.hub.counters.refused.Add(1)
		http.Error(w, fault.Detail(err), web.StatusOf(err))
		return
	}
	telemetry.Count(p.socket.ctx, "channel.longpoll.dropped", int64(beyond))
	_ = answerPoll(w, r, pollAnswer{Status: session.post(r.Context(), messages)})
}

// answerPoll writes a body. If it fails, the client has not got it, as far as can be known.
func answerPoll(w http.ResponseWriter, r *http.Request, a pollAnswer) error {
	var body bytes.Buffer
	text := json.NewEncoder(&body)
	text.SetEscapeHTML(false)
	if err := text.Encode(a); err != nil {
		return err
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	if _, err := io.Copy(w, &body); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// add notes a session, unless there are too many.
func (p *polls) add(l *pollLink) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) >= p.most {
		return false
	}
	p.links[l.id] = l
	return true
}

func (p *polls) remove(l *pollLink) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l.id)
}

func (p *polls) lookUp(node, id string) polled {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.links[id]; l != nil && node == p.node {
		return l
	}
	return nil
}

// polled is a session that a client polls, wherever it is.
type polled interface {
	// poll calls give once, when there is something to say, or when the window is over;
	// or never, if ctx ends before. Messages that give has failed with are given again.
	poll(ctx context.Context, give func(pollAnswer) error)

	// post handles messages, and tells how it went.
	post(ctx context.Context, messages []raw) (status int)
}

// directory finds sessions by what their tokens say. It gives nil for one that is gone.
// There is one directory yet, of this node.
type directory interface {
	lookUp(node, id string) polled
}

var _ directory = (*polls)(nil)

// advice tells a client that is sent away when to come back.
func (p *polls) advice() string { return p.socket.advice(int(p.leaving.Add(1))) }
