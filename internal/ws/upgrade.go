package ws

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// UpgradeOptions are what [Upgrade] offers.
type UpgradeOptions struct {
	Limits    *Limits  // nil: the defaults
	Protocols []string // spoken here; none: the client's offer is ignored
	Deflate   *Deflate // nil: no compression
}

// Upgrade answers a websocket handshake and takes the connection over. Of the
// protocols, the first that the client offers is chosen; without protocols none
// is, and the client's offer is ignored. Headers that are already set on w, such
// as cookies, go out with the answer.
//
// It does not look at the Origin header: that is for the caller to decide,
// before.
//
// If it refuses, the client has been answered, and the error says why: Forbidden
// (403) if the client offers protocols and none fits, Invalid (400) if this is
// no websocket handshake, Internal (500) if w cannot be hijacked.
//
// The handler should return soon after, because the HTTP server keeps the
// request and its buffers until then. The connection has to be served, or
// closed.
func Upgrade(w http.ResponseWriter, r *http.Request, o UpgradeOptions) (*Conn, error) {
	protocol, err := choose(r.Header, o.Protocols)
	if err == nil {
		err = check(r)
	}
	if err != nil {
		return nil, refuse(w, err)
	}
	var deflated string
	if o.Deflate != nil {
		deflated = acceptDeflate(r.Header)
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, refuse(w, fault.Internal.Wrap(err, "the connection cannot be taken over; "+
			"if a middleware wraps the ResponseWriter, give it an Unwrap method"))
	}
	// What the client sent right behind the handshake.
	received, err := rw.Reader.Peek(rw.Reader.Buffered())
	received = slices.Clone(received)
	if err == nil {
		err = nc.SetDeadline(time.Now().Add(o.Limits.write())) // in place of those of the HTTP server
	}
	if err == nil {
		_, err = nc.Write(accept(w.Header(), r.Header.Get("Sec-Websocket-Key"), protocol, deflated))
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = nc.Close()
		return nil, fault.Unavailable.Wrap(err, "the handshake could not be answered")
	}
	c := New(nc, received, o.Limits)
	c.protocol = protocol
	if deflated != "" {
		c.deflate = o.Deflate
	}
	return c, nil
}

// choose picks the sub-protocol.
func choose(h http.Header, protocols []string) (string, error) {
	if len(h.Values("Sec-Websocket-Protocol")) == 0 || len(protocols) == 0 {
		return "", nil
	}
	offer := slices.Collect(Tokens(h, "Sec-Websocket-Protocol"))
	for _, p := range protocols {
		if slices.Contains(offer, p) {
			return p, nil
		}
	}
	return "", fault.Forbidden.Errorf("none of the offered websocket protocols is spoken here; offer one of: %s",
		strings.Join(protocols, ", "))
}

// check says what is wrong with a handshake.
func check(r *http.Request) error {
	h := r.Header
	switch {
	case r.Method != http.MethodGet:
		return fault.Invalid.Errorf("a websocket handshake is a GET, not a %s", r.Method)
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return fault.Invalid.Errorf("a websocket handshake needs HTTP/1.1, not %s; "+
			"if there is a proxy in between, have it speak HTTP/1.1 to this server", r.Proto)
	case !hasToken(h, "Upgrade", "websocket"):
		return fault.Invalid.Errorf("the header \"Upgrade: websocket\" is missing; " +
			"this address speaks websocket, and a proxy in between has to pass the header on")
	case !hasToken(h, "Connection", "upgrade"):
		return fault.Invalid.Errorf("the header \"Connection: Upgrade\" is missing; " +
			"a proxy in between has to pass it on")
	case h.Get("Sec-Websocket-Version") != "13":
		return fault.Invalid.Errorf("the header \"Sec-WebSocket-Version: 13\" is missing")
	case !validKey(h.Get("Sec-Websocket-Key")):
		return fault.Invalid.Errorf("the header \"Sec-WebSocket-Key\" has to be 16 bytes in base64")
	case r.ContentLength != 0:
		return fault.Invalid.Errorf("a websocket handshake has no body")
	}
	return nil
}

func validKey(key string) bool {
	const length = 24 // of 16 bytes
	if len(key) != length {
		return false
	}
	var decoded [length]byte
	n, err := base64.StdEncoding.Decode(decoded[:], []byte(key))
	return err == nil && n == 16
}

// refuse answers with an error's text and status, and returns the error.
func refuse(w http.ResponseWriter, err error) error {
	status := http.StatusBadRequest
	switch fault.Of(err) {
	case fault.Forbidden:
		status = http.StatusForbidden
	case fault.Internal:
		status = http.StatusInternalServerError
	}
	w.Header().Set("Sec-Websocket-Version", "13")
	http.Error(w, fault.Detail(err), status)
	return err
}

// ours are the headers of the answer that are not for others to set.
var ours = map[string]bool{
	"Connection": true, "Upgrade": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Trailer": true,
	"Sec-Websocket-Accept": true, "Sec-Websocket-Protocol": true, "Sec-Websocket-Extensions": true, "Sec-Websocket-Version": true,
}

// accept is the answer that makes it a websocket.
func accept(h http.Header, key, protocol, deflated string) []byte {
	b := bytes.NewBuffer(make([]byte, 0, 256))
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
	b.WriteString("Sec-WebSocket-Accept: ")
	b.Write(appendProof(b.AvailableBuffer(), key))
	b.WriteString("\r\n")
	if protocol != "" {
		b.WriteString("Sec-WebSocket-Protocol: " + protocol + "\r\n")
	}
	if deflated != "" {
		b.WriteString("Sec-WebSocket-Extensions: " + deflated + "\r\n")
	}
	_ = h.WriteSubset(b, ours)
	b.WriteString("\r\n")
	return b.Bytes()
}

// proof is what a server makes of the client's key.
func proof(key string) string { return string(appendProof(nil, key)) }

func appendProof(dst []byte, key string) []byte {
	text := append(make([]byte, 0, 64), key...)
	sum := sha1.Sum(append(text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// Tokens are the comma-separated values of all headers of that name.
func Tokens(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h.Values(name) {
			for t := range strings.SplitSeq(line, ",") {
				if t = strings.TrimSpace(t); t != "" && !yield(t) {
					return
				}
			}
		}
	}
}

func hasToken(h http.Header, name, token string) bool {
	for t := range Tokens(h, name) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}
