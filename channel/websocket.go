package channel

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// protocol is the websocket sub-protocol. A client that sends a token offers it as another.
const (
	protocol    = "phoenix"
	tokenPrefix = "base64url.bearer.phx."
)

func (s *Socket) serveWebsocket(w http.ResponseWriter, r *http.Request) {
	if err := s.upgrade(w, r); err != nil {
		ctx := r.Context()
		telemetry.Count(ctx, "channel.connects.refused", 1)
		telemetry.Log(ctx).Warn("a client may not connect to the socket", "reason", err)
	}
}

// upgrade decides, in the order of the protocol's checks, and makes the connection a
// session. If it refuses, the client has been answered.
func (s *Socket) upgrade(w http.ResponseWriter, r *http.Request) error {
	refuse := func(status int, err error) error {
		http.Error(w, fault.Detail(err), status)
		return err
	}
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusBadRequest)
		return fault.Invalid.Errorf("a client connects by GET, not by %.20s", r.Method)
	}
	if err := s.enter(); err != nil {
		return refuse(http.StatusServiceUnavailable, err)
	}
	defer s.entered()
	if err := s.checkOrigin(r); err != nil {
		w.WriteHeader(http.StatusForbidden)
		return err
	}
	token, err := takeToken(r.Header)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	protocols := append([]string{protocol}, s.Protocols...)
	if !offersAny(r.Header, protocols) {
		w.WriteHeader(http.StatusForbidden)
		return fault.Forbidden.Errorf("the client offers sub-protocols, and none of them is one of %s", strings.Join(protocols, ", "))
	}
	p := &Peer{Params: paramsOf(r), Addr: r.RemoteAddr, Transport: "websocket", Token: token, Header: r.Header}
	version, err := s.admit(r.Context(), p)
	if err != nil {
		return refuse(web.StatusOf(err), err)
	}
	c, err := ws.Upgrade(w, r, ws.UpgradeOptions{Limits: &s.wire, Protocols: protocols, Deflate: s.deflate})
	if err != nil {
		return err
	}
	session, err := s.session(p, version, c)
	if err != nil {
		c.Serve(s.poller, refusedLink{})
		c.Close(ws.Restart, "the server restarts")
		return err
	}
	c.Serve(s.poller, (*websocket)(session))
	return nil
}

// websocket is a session, as its connection sees it.
type websocket Session

func (w *websocket) Message(b any, op ws.Op, payload []byte) {
	(*Session)(w).receive(b.(batch), op, payload)
}

func (w *websocket) Closed(end *ws.CloseError) { (*Session)(w).Closed(end) }

// refusedLink is a connection that came too late.
type refusedLink struct{}

func (refusedLink) Message(any, ws.Op, []byte) {}
func (refusedLink) Closed(*ws.CloseError)      {}

// takeToken removes a token from the sub-protocols that a client offers, and gives it. It
// is there if exactly one offer is a token.
func takeToken(h http.Header) (string, error) {
	var offers, tokens []string
	for offer := range ws.Tokens(h, protocolHeader) {
		if t, ok := strings.CutPrefix(offer, tokenPrefix); ok {
			tokens = append(tokens, t)
		} else {
			offers = append(offers, offer)
		}
	}
	if len(tokens) == 0 {
		return "", nil
	}
	h.Set(protocolHeader, strings.Join(offers, ", "))
	if len(offers) == 0 {
		h.Del(protocolHeader)
	}
	if len(tokens) > 1 {
		return "", nil
	}
	return decodeToken(tokens[0])
}

// decodeToken reads base64 of either alphabet, padded or not.
func decodeToken(text string) (string, error) {
	text = strings.TrimRight(text, "=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	token, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", fault.Invalid.Errorf("the token in the sub-protocol %s… is no base64", tokenPrefix)
	}
	return string(token), nil
}

const protocolHeader = "Sec-Websocket-Protocol"

// offersAny reports whether a client that offers sub-protocols offers one of these.
func offersAny(h http.Header, protocols []string) bool {
	offers := false
	for o := range ws.Tokens(h, protocolHeader) {
		if slices.Contains(protocols, o) {
			return true
		}
		offers = true
	}
	return !offers
}
