//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	client "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

const posted client.Event[Message] = "posted"

// TestKill is about the real program: it is killed three times while one client posts and
// another listens. In the end each message is there once, in the order in which it was
// posted, for the one that listened too.
func TestKill(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "chat")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	datatest.EachURL(t, func(t *testing.T, db string) { testKill(t, newProgram(t, binary, db)) })
}

func testKill(t *testing.T, p *program) {
	const messages, perLife, ahead = 48, 12, 7 // together fewer than the limit of a join
	p.launch()
	ear := p.listen("bob")
	room := p.join("ann")
	stored := make(chan int, ahead) // so that posting goes on while the server is killed
	go func() {
		defer close(stored)
		for i := range messages {
			if err := postUntilStored(t.Context(), room, i); err != nil {
				t.Error(err)
				return
			}
			stored <- i
		}
	}()
	for i := range stored {
		if (i+1)%perLife == 0 && i+1 < messages {
			p.end(syscall.SIGKILL)
			p.launch()
		}
	}
	var want []string
	for i := range messages {
		want = append(want, bodyOf(i))
	}
	equal(t, "bob has heard", ear.await(t, messages), want)
	if state := p.end(syscall.SIGTERM); state != 0 {
		t.Errorf("SIGTERM ends it with %d\n%s", state, p.log)
	}
	p.launch()
	last := p.listen("late")
	equal(t, "it is stored", last.await(t, messages), want)
}

func bodyOf(i int) string { return fmt.Sprintf("message %d", i) }

// postUntilStored posts a message under its key until the server says that it is stored.
func postUntilStored(ctx context.Context, room *client.Channel, i int) error {
	draft := Draft{bodyOf(i), fmt.Sprintf("key %d", i)}
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		m, err := client.CallAcknowledged[Message](try, room, "post", draft)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && m.Body != draft.Body:
			return fmt.Errorf("%q was stored as %+v", draft.Body, m)
		case err == nil || fault.Of(err) == fault.Invalid:
			return err
		}
	}
}

// ear is a client that listens.
type ear struct {
	mu    sync.Mutex
	heard []Message
	came  chan struct{}
}

// listen is a client that shows what the page shows.
func (p *program) listen(name string) *ear {
	e := &ear{came: make(chan struct{}, 1)}
	room := p.socket().Channel(topicOf("tea"), Introduction{name})
	take := func(change func()) {
		e.mu.Lock()
		defer e.mu.Unlock()
		change()
		select {
		case e.came <- struct{}{}:
		default:
		}
	}
	client.OnJoin(room, func(s Talk, resumed bool) {
		take(func() {
			if !resumed {
				e.heard = s.Messages
			}
		})
	})
	client.On(room, posted, func(m Message) { take(func() { e.heard = append(e.heard, m) }) })
	p.enter(room)
	return e
}

// await waits for as many messages, and gives their texts.
func (e *ear) await(t *testing.T, n int) (bodies []string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		e.mu.Lock()
		heard := e.heard
		e.mu.Unlock()
		if len(heard) >= n {
			for _, m := range heard {
				bodies = append(bodies, m.Body)
			}
			return bodies
		}
		select {
		case <-e.came:
		case <-late:
			t.Fatalf("%d of %d messages came", len(heard), n)
		}
	}
}

// program is the binary, at one address, with one database.
type program struct {
	t            *testing.T
	binary, addr string
	db           string
	log          *bytes.Buffer
	cmd          *exec.Cmd
}

func newProgram(t *testing.T, binary, db string) *program {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &program{t: t, binary: binary, addr: l.Addr().String(), db: db, log: new(bytes.Buffer)}
	t.Cleanup(func() {
		if p.cmd != nil {
			p.end(syscall.SIGKILL)
		}
	})
	return p
}

// launch starts it, and waits until it answers.
func (p *program) launch() {
	p.t.Helper()
	p.cmd = exec.Command(p.binary, "-addr", p.addr, "-db", p.db, "-log", "warn")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	door := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer, err := door.Get("http://" + p.addr)
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the program does not answer: %v", err)
		}
	}
}

func (p *program) end(how syscall.Signal) (code int) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(how)
	_ = p.cmd.Wait()
	code = p.cmd.ProcessState.ExitCode()
	p.cmd = nil
	return code
}

func (p *program) socket() *client.Socket {
	p.t.Helper()
	socket, err := client.Dial(p.t.Context(), "http://"+p.addr+"/socket", client.Options{Backoff: client.Backoff{Most: time.Second}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { socket.Close() })
	return socket
}

func (p *program) join(name string) *client.Channel {
	p.t.Helper()
	room := p.socket().Channel(topicOf("tea"), Introduction{name})
	p.enter(room)
	return room
}

func (p *program) enter(room *client.Channel) {
	p.t.Helper()
	if _, err := client.Join[Talk](p.t.Context(), room); err != nil {
		p.t.Fatal(err)
	}
}
