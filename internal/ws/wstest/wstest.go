// Package wstest is the other end of a websocket, for tests and benchmarks: a
// client that does what it is told, the forbidden included.
//
//	client, err := wstest.Dial(ctx, "ws://127.0.0.1:4000/socket/websocket?vsn=2.0.0", nil)
//	…
//	err = client.Text(`[null,"1","phoenix","heartbeat",{}]`)
//	op, reply, err := client.Read()
//
// A [Client] starts no goroutine and answers nothing by itself: neither pings nor
// closes. It may be written to and read from at the same time, but has one writer
// and one reader.
package wstest

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	gobwas "github.com/gobwas/ws"

	"github.com/bennu-go/bennu/internal/ws"
)

// The first byte of frames: the opcode, and Fin unless a fragment follows.
const (
	Fin          byte = 0x80
	Continuation byte = 0x0
	Text         byte = 0x1
	Binary       byte = 0x2
	Close        byte = 0x8
	Ping         byte = 0x9
	Pong         byte = 0xa
)

// Client is the client's end.
type Client struct {
	// Conn is the raw connection. Write hostile bytes to it; read with Read.
	Conn net.Conn
	// Protocol is the sub-protocol that the server chose.
	Protocol string

	in *bufio.Reader
}

// StatusError is a handshake that was answered with another status than 101.
type StatusError int

// Error names the status.
func (e StatusError) Error() string {
	return fmt.Sprintf("handshake answered with %d %s", int(e), http.StatusText(int(e)))
}

// Dial opens a websocket to a ws:// address. Protocols are offered by the header
// Sec-WebSocket-Protocol. A refusal is a [StatusError].
func Dial(ctx context.Context, url string, header http.Header) (*Client, error) {
	header = header.Clone()
	dialer := gobwas.Dialer{}
	for _, line := range header.Values("Sec-Websocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			dialer.Protocols = append(dialer.Protocols, strings.TrimSpace(p))
		}
	}
	header.Del("Sec-Websocket-Protocol")
	dialer.Header = gobwas.HandshakeHeaderHTTP(header)
	var status StatusError
	dialer.OnStatusError = func(code int, _ []byte, _ io.Reader) { status = StatusError(code) }
	nc, in, hs, err := dialer.Dial(ctx, url)
	switch {
	case status != 0:
		return nil, status
	case err != nil:
		return nil, err
	}
	if in == nil {
		in = bufio.NewReaderSize(nc, 512)
	}
	return &Client{Conn: nc, Protocol: hs.Protocol, in: in}, nil
}

// NewClient is the client's end of a connection whose handshake is done.
func NewClient(nc net.Conn) *Client { return &Client{Conn: nc, in: bufio.NewReaderSize(nc, 512)} }

// Pipe is a server's connection, to be served, and its client over a net.Pipe,
// without a handshake. Nothing is buffered: who writes waits for who reads. It
// works in a synctest bubble.
func Pipe(limits *ws.Limits) (*ws.Conn, *Client) {
	server, client := net.Pipe()
	return ws.New(server, nil, limits), NewClient(client)
}

// Text sends a text message.
func (c *Client) Text(msg string) error { return c.Frame(Fin|Text, []byte(msg)) }

// Binary sends a binary message.
func (c *Client) Binary(msg []byte) error { return c.Frame(Fin|Binary, msg) }

// Close sends a close frame.
func (c *Client) Close(code ws.Code, reason string) error {
	return c.Frame(Fin|Close, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// Frame sends one masked frame that starts with this byte.
func (c *Client) Frame(first byte, payload []byte) error {
	_, err := c.Conn.Write(Frame(first, payload))
	return err
}

// Read waits for the next frame of the server and returns its opcode and payload;
// the server of this module does not fragment. A close frame is returned as a
// [*ws.CloseError].
func (c *Client) Read() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(c.in, head[:2]); err != nil {
		return 0, nil, err
	}
	length := uint64(head[1])
	switch length {
	case 126:
		_, err = io.ReadFull(c.in, head[2:4])
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(c.in, head[2:10])
		length = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil {
		return 0, nil, err
	}
	op = head[0] & 0x0f
	if head[0] != Fin|op || head[1]&0x80 != 0 || length > 1<<30 {
		return 0, nil, fmt.Errorf("no server's frame: it starts with %x", head[:2])
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return 0, nil, err
	}
	if op != Close {
		return op, payload, nil
	}
	end := &ws.CloseError{Code: ws.NoStatus, Remote: true}
	if len(payload) >= 2 {
		end.Code = ws.Code(binary.BigEndian.Uint16(payload))
		end.Reason = string(payload[2:])
	}
	return 0, nil, end
}

// Hangup closes the connection without a close frame.
func (c *Client) Hangup() { _ = c.Conn.Close() }

// Timeout limits all reads and writes from now on.
func (c *Client) Timeout(d time.Duration) { _ = c.Conn.SetDeadline(time.Now().Add(d)) }

// Frame is a client's frame: it starts with the given byte and is masked.
func Frame(first byte, payload []byte) []byte {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	wire := Header(first, uint64(len(payload)))
	wire = append(wire, mask[:]...)
	start := len(wire)
	wire = append(wire, payload...)
	gobwas.Cipher(wire[start:], mask, 0)
	return wire
}

// Header is the head of a client's frame up to its mask, with any length.
func Header(first byte, length uint64) []byte {
	const masked = 0x80
	switch {
	case length <= 125:
		return []byte{first, masked | byte(length)}
	case length <= math.MaxUint16:
		return binary.BigEndian.AppendUint16([]byte{first, masked | 126}, uint16(length))
	}
	return binary.BigEndian.AppendUint64([]byte{first, masked | 127}, length)
}
