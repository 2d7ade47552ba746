package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/udp"
	"github.com/bennu-go/bennu/internal/wire"
)

// Device is the other end of -devices: it sends positions by UDP, and keeps each until it
// is committed, over lost connections and servers that restart.
type Device struct {
	To, ID, Key, Agency string

	Log       *slog.Logger
	Patience  time.Duration                    // how long it waits for an answer
	Committed func(Report)                     // told of each, in their order; may be nil
	Backoff   func(failures int) time.Duration // before it connects again
	Network   func() (udp.Socket, error)       // nil: the machine's

	mu   sync.Mutex
	kept []Report // not committed, oldest first
	more chan struct{}
}

const (
	mostKept = 10_000
	onTheWay = 32 // sent, and not answered
)

// NewDevice makes a device that is known by an id.
func NewDevice(to, id string) *Device {
	backoff := func(failures int) time.Duration { return rand.N(time.Second << min(failures, 5)) }
	return &Device{To: to, ID: id, Log: slog.Default(), Patience: 10 * time.Second, Backoff: backoff, more: make(chan struct{}, 1)}
}

// Report keeps a position to be sent. It refuses what the server would, and more than the
// device has room for.
func (d *Device) Report(r Report) error {
	if _, err := r.fix(&UnitChannel{id: d.ID, agency: d.Agency}, time.Now()); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) == mostKept {
		return fault.Exhausted.Errorf("%d positions are kept already", mostKept)
	}
	d.kept = append(d.kept, r)
	select {
	case d.more <- struct{}{}:
	default:
	}
	return nil
}

// Kept is how many positions are not committed, as far as the device knows.
func (d *Device) Kept() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.kept)
}

// unsent is what may be sent, of all but the first.
func (d *Device) unsent(sent int) []Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[sent:min(len(d.kept), onTheWay)]
}

// committed lets go of the oldest.
func (d *Device) committed() {
	d.mu.Lock()
	r := d.kept[0]
	d.kept = d.kept[1:]
	d.mu.Unlock()
	if d.Committed != nil {
		d.Committed(r)
	}
}

// Run sends until ctx ends, or the server does not want the device.
func (d *Device) Run(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; failures++ {
		before := d.Kept()
		err := d.session(ctx)
		switch fault.Of(err) {
		case fault.Unauthenticated, fault.Forbidden, fault.Invalid:
			return err
		}
		if d.Kept() < before {
			failures = 0
		}
		if ctx.Err() == nil {
			d.Log.Warn("there is no connection; trying again soon", "kept", d.Kept(), "error", err)
		}
		select {
		case <-time.After(cmp.Or(advice(err), d.Backoff(failures))):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// advice is how long the server has asked to be left alone.
func advice(err error) time.Duration {
	var end *udp.CloseError
	if !errors.As(err, &end) {
		return 0
	}
	_, said, _ := strings.Cut(end.Reason, "reconnect in ")
	said, _, _ = strings.Cut(said, " ms")
	ms, _ := strconv.ParseUint(said, 10, 16)
	return time.Duration(ms) * time.Millisecond
}

// session is one connection with the server, until it ends.
func (d *Device) session(ctx context.Context) error {
	u := &uplink{topic: "unit:" + d.ID, answers: make(chan error, onTheWay+1), ended: make(chan error, 1)}
	config := udp.DialConfig{Device: d.ID, Handler: u, CloseTimeout: time.Second}
	if d.Key != "" {
		config.Key = []byte(d.Key)
	}
	var err error
	if d.Network != nil {
		if config.Socket, err = d.Network(); err != nil {
			return err
		}
	}
	if u.Session, err = udp.Dial(ctx, d.To, config); err != nil {
		return err
	}
	defer func() { u.Close("bye"); <-u.Done() }()
	if err := u.push("phx_join", UnitParams{d.Agency}); err != nil {
		return err
	}
	return d.send(ctx, u)
}

// send sends what is kept, and what comes, some at a time. The server answers in order.
func (d *Device) send(ctx context.Context, u *uplink) error {
	late := time.NewTimer(d.Patience)
	defer late.Stop()
	joined, sent := false, 0
	for {
		if joined {
			for _, r := range d.unsent(sent) {
				if err := u.push(string(Reported), r); err != nil {
					return err
				}
				sent++
			}
		}
		select {
		case err := <-u.answers:
			switch {
			case err != nil:
				return err
			case joined:
				d.committed()
				sent--
			}
			joined = true
			late.Reset(d.Patience)
		case <-d.more:
			if sent == 0 && joined {
				late.Reset(d.Patience)
			}
		case <-late.C:
			if sent > 0 || !joined {
				return fault.Timeout.Errorf("the server does not answer")
			}
		case err := <-u.ended:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// uplink is a session with the server, on one topic. It speaks as any client does.
type uplink struct {
	*udp.Session
	topic   string
	ref     int
	answers chan error // nil for ok
	ended   chan error
}

func (u *uplink) push(event string, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	u.ref++
	return u.Send(wire.AppendClientPush(nil, []byte("1"), []byte(strconv.Itoa(u.ref)), u.topic, event, text, nil))
}

// Message hears what the server says. Of that, the answers matter.
func (u *uplink) Message(_ any, message []byte) {
	m, err := wire.DecodeServerText(message)
	if err != nil {
		u.Close("that is no message")
		return
	}
	status, response, isReply := m.Reply()
	switch {
	case isReply && string(status) == "ok":
		u.answer(nil)
	case isReply:
		u.answer(fault.Unavailable.Errorf("the server answered: %s", response))
	case string(m.Event) == "phx_error", string(m.Event) == "phx_close":
		u.answer(fault.Unavailable.Errorf("the server closed the topic"))
	}
}

func (u *uplink) answer(err error) {
	select {
	case u.answers <- err:
	default:
		u.Close("nobody asked")
	}
}

// Closed hears of the end.
func (u *uplink) Closed(end *udp.CloseError) { u.ended <- end }
