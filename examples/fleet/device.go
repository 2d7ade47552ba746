package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	uplink "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Device is the other end of -devices: it sends positions by UDP, and keeps each until it
// is committed, over lost connections and servers that restart. One that was killed and is
// back tells it so; see [keyed.resetSecret].
type Device struct {
	To, ID, Agency string

	Options   uplink.Options // of its connection
	Again     time.Duration  // until it says again what the server has refused
	Log       *slog.Logger
	Committed func(Report) // told of each, in their order; may be nil

	reports chan Report
	kept    atomic.Int64
}

const (
	mostKept = 10_000
	onTheWay = 32 // sent, and not answered
)

// NewDevice makes a device that is known by an id. Without a key it speaks to a fleet on
// this machine only.
func NewDevice(to, id string, key fault.Secret) *Device {
	return &Device{
		To: to, ID: id, Log: slog.Default(), Again: time.Second, reports: make(chan Report, mostKept),
		Options: uplink.Options{Device: id, Key: key, Heartbeat: 10 * time.Second},
	}
}

// Report keeps a position to be sent. It refuses what the server would, and more than the
// device has room for.
func (d *Device) Report(r Report) error {
	if _, err := r.fix(&UnitChannel{id: d.ID, agency: d.Agency}, time.Now()); err != nil {
		return err
	}
	if d.kept.Add(1) > mostKept {
		d.kept.Add(-1)
		return fault.Exhausted.Errorf("%d positions are kept already", mostKept)
	}
	d.reports <- r
	return nil
}

// Kept is how many positions are not committed, as far as the device knows.
func (d *Device) Kept() int { return int(d.kept.Load()) }

// Run sends until ctx ends, once. It gives up only if the server refuses the device at first.
func (d *Device) Run(ctx context.Context) error {
	socket, err := uplink.Dial(ctx, "udp://"+d.To, d.Options)
	if err != nil {
		return err
	}
	defer func() { socket.Close(); <-socket.Done() }()
	unit := socket.Channel("unit:"+d.ID, UnitParams{d.Agency})
	socket.OnState(d.warn("there is no connection"))
	unit.OnState(d.warn("the unit's topic is not joined"))
	if err := unit.Start(); err != nil {
		return err
	}
	waiting := make(chan sent, onTheWay)
	var committing sync.WaitGroup
	committing.Go(func() {
		for s := range waiting {
			d.commit(ctx, s)
		}
	})
	defer committing.Wait()
	defer close(waiting)
	for {
		select {
		case r := <-d.reports:
			waiting <- send(ctx, unit, r)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Device) warn(what string) func(uplink.State, error) {
	return func(state uplink.State, err error) {
		if state == uplink.Waiting && err != nil {
			d.Log.Warn(what+"; trying again soon", "kept", d.Kept(), "error", err)
		}
	}
}

// sent is a position on its way.
type sent struct {
	Report
	unit  *uplink.Channel
	await func() (process.None, error)
}

func send(ctx context.Context, unit *uplink.Channel, r Report) sent {
	return sent{r, unit, uplink.SendAcknowledged[process.None](ctx, unit, string(Reported), r)}
}

// commit waits until a position is committed, whatever it takes.
func (d *Device) commit(ctx context.Context, s sent) {
	for {
		_, err := s.await()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		d.warn("a position is not taken")(uplink.Waiting, err)
		select {
		case <-time.After(d.Again):
			s = send(ctx, s.unit, s.Report)
		case <-ctx.Done():
			return
		}
	}
	if d.kept.Add(-1); d.Committed != nil {
		d.Committed(s.Report)
	}
}
