package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/internal/ws"
)

// bareChild is the mode of the program that a run starts: it accepts connections, the first
// of which gives a frame, again and again, to be written to each of the others.
const bareChild = "bare-child"

// bareCrowd is a crowd whose shouts come from such a program.
type bareCrowd struct {
	*crowd
	child   *exec.Cmd
	alive   io.Closer // the child's standard input: it ends with this program
	control net.Conn
}

// bare measures it alone.
func bare(ctx context.Context, s *settings) error {
	// As long as a broadcast to room:all in which the event is "shout".
	frame := len(`[null,null,"room:all","shout",{"body":""}]`) + s.bytes
	b, err := newBare(ctx, s, frame)
	if err != nil {
		return err
	}
	defer b.close()
	r, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return r.print()
}

// newBare starts the program and connects as many clients as to the server. A frame's
// payload has that many bytes.
func newBare(ctx context.Context, s *settings, payload int) (*bareCrowd, error) {
	wire := wireOf(0, payload)
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.Command(program, bareChild, "-conns", strconv.Itoa(s.conns), "-bytes", strconv.Itoa(len(wire)))
	child.Stderr = os.Stderr
	alive, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	b := &bareCrowd{child: child, alive: alive}
	fleet, err := newFleet(ctx, s.conns)
	if err != nil {
		b.end()
		return nil, err
	}
	b.crowd = newCrowd("bare", s, fleet, child.Process.Pid)
	b.send = func(number uint64) error {
		_, err := b.control.Write(wireOf(number, payload))
		return err
	}
	if err := b.connect(ctx, out); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bareCrowd) connect(ctx context.Context, out io.Reader) error {
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the bare program did not say where it listens: %w", err)
	}
	addr = strings.TrimSpace(addr)
	var dialer net.Dialer
	if b.control, err = dialer.DialContext(ctx, "tcp", addr); err != nil {
		return err
	}
	return inParallel(ctx, b.s.conns, b.s.at, func(ctx context.Context, i int) error {
		nc, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		c := b.fleet.adopt(i, ws.Client(nc, nil, limits()), "", b.hear)
		c.isIn = true
		b.fleet.clients[i].Store(c)
		return nil
	})
}

// close ends the program, and with it its connections.
func (b *bareCrowd) close() {
	for i := range b.fleet.clients {
		if c := b.fleet.clients[i].Load(); c != nil {
			c.closing.Store(true)
		}
	}
	b.end()
	b.fleet.close()
}

func (b *bareCrowd) end() {
	if b.control != nil {
		_ = b.control.Close()
	}
	_ = b.alive.Close()
	_ = b.child.Wait()
}

// wireOf is a frame of a websocket server: text, whose body has the number.
func wireOf(number uint64, payload int) []byte {
	head := []byte{0x81, byte(payload)}
	switch {
	case payload > 1<<16-1:
		head = binary.BigEndian.AppendUint64([]byte{0x81, 127}, uint64(payload))
	case payload > 125:
		head = binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(payload))
	}
	return append(head, body(number, payload)...)
}

// serveBare is the program.
func serveBare(ctx context.Context, s *settings) error {
	go func() { // ends with whoever started it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	control, err := listener.Accept()
	if err != nil {
		return err
	}
	conns := make([]rawConn, s.conns)
	for i := range conns {
		nc, err := listener.Accept()
		if err != nil {
			return err
		}
		if conns[i], err = newRawConn(nc); err != nil {
			return err
		}
	}
	frame := make([]byte, s.bytes)
	for {
		if _, err := io.ReadFull(control, frame); err != nil {
			return nil
		}
		for _, c := range conns {
			if n, err := c.write(frame); err != nil || n < len(frame) {
				return fmt.Errorf("a client of the bare program took %d bytes of %d: %w", n, len(frame), err)
			}
		}
	}
}
