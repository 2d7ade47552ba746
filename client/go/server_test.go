package client_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// server is a small server of channels: it takes everybody in, echoes what is pushed, and
// broadcasts what is pushed as post, which it counts and keeps.
type server struct {
	*httptest.Server
	poller  *ws.Poller
	deflate ws.Deflate
	refuse  func(*http.Request) int // the status of a refusal, or 0

	mu     sync.Mutex
	peers  map[*peer]bool
	posted [][]byte
}

// peer is one connection.
type peer struct {
	server *server
	conn   *ws.Conn
	who    string
}

func serve(t testing.TB, start func(http.Handler) *httptest.Server) *server {
	s := newServer(start)
	t.Cleanup(s.stop)
	return s
}

func newServer(start func(http.Handler) *httptest.Server) *server {
	poller, err := ws.NewPoller(ws.Hooks{})
	if err != nil {
		panic(err)
	}
	s := &server{poller: poller, peers: make(map[*peer]bool), refuse: func(*http.Request) int { return 0 }}
	s.Server = start(s)
	return s
}

func (s *server) stop() {
	s.drop(ws.GoingAway, "")
	s.Close()
	s.poller.Close()
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status := s.refuse(r); status != 0 {
		w.WriteHeader(status)
		return
	}
	conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Protocols: []string{"phoenix"}, Deflate: &s.deflate})
	if err != nil {
		return
	}
	p := &peer{server: s, conn: conn, who: r.FormValue("key") + token(r)}
	s.mu.Lock()
	s.peers[p] = true
	s.mu.Unlock()
	conn.Serve(s.poller, p)
}

func token(r *http.Request) string {
	_, b64, _ := strings.Cut(r.Header.Get("Sec-WebSocket-Protocol"), "bearer.phx.")
	token, _ := base64.RawStdEncoding.DecodeString(b64)
	return string(token)
}

// drop closes all connections.
func (s *server) drop(code ws.Code, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		p.conn.Close(code, reason)
	}
}

func (p *peer) Closed(*ws.CloseError) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	delete(p.server.peers, p)
}

func (p *peer) Message(_ any, op ws.Op, frame []byte) {
	if op == ws.OpBinary {
		m, _ := wire.DecodeBinary(frame)
		reply, _ := wire.AppendBinaryReply(nil, m.JoinRef, m.Ref, string(m.Topic), "ok", m.Payload)
		_ = p.conn.Send(ws.Binary(reply))
		return
	}
	m, err := wire.DecodeText(wire.V2, frame)
	if err != nil {
		p.conn.Close(ws.Unsupported, "")
		return
	}
	topic := string(m.Topic)
	reply := func(status, response string, meta []byte) {
		_ = p.conn.Send(ws.Text(wire.AppendReply(nil, wire.V2, m.JoinRef, m.Ref, topic, status, []byte(response), meta)))
	}
	switch string(m.Event) {
	case "phx_join":
		p.server.join(p, m, reply)
	case "post":
		p.server.post(m)
		reply("ok", string(m.Payload), nil)
	case "refuse":
		reply("error", `{"reason":"text must be kind","errors":{"text":["must be kind"]}}`, nil)
	default:
		reply("ok", string(m.Payload), nil)
	}
}

func (s *server) join(p *peer, m wire.Message, reply func(string, string, []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := uint64(len(s.posted))
	meta := wire.ReplyMeta{Epoch: "e", Offset: at, History: true, Asked: m.Meta.Resumes, Recovered: m.Meta.Resumes}
	reply("ok", `{"who":"`+p.who+`"}`, meta.Append(nil))
	for n := m.Meta.Offset; m.Meta.Resumes && n < at; n++ {
		_ = p.conn.Send(postedFrame(string(m.Topic), s.posted[n], n+1))
	}
}

func (s *server) post(m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posted = append(s.posted, append([]byte(nil), m.Payload...))
	news := postedFrame(string(m.Topic), m.Payload, uint64(len(s.posted)))
	for p := range s.peers {
		_ = p.conn.Send(news)
	}
}

func postedFrame(topic string, payload []byte, offset uint64) ws.Frame {
	return ws.Text(wire.AppendPush(nil, wire.V2, nil, nil, topic, "posted", payload, wire.AppendOffset(nil, offset)))
}
