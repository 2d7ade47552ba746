package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// UDP is the door for receivers: a datagram is a unit's id, a space, and lines of NMEA
// 0183. With a key it begins with the key and a space. Nobody is answered; what is
// dropped is counted by reason.
type UDP struct {
	addr  string
	key   keyed
	most  int // units whose date is kept
	conn  *net.UDPConn
	rmcs  map[string]time.Time // by unit: its latest RMC
	count func(name string) *telemetry.Counter

	// What units were told and have not dealt with. It begins anew with each epoch, for
	// what is lost with a unit is never dealt with.
	waiting *atomic.Int64
	epoch   time.Time
}

const (
	maxWaiting  = 10_000 // fixes of all units; a flood must not fill the memory, nor the writer
	epoch       = 10 * time.Second
	maxDatagram = 64 << 10
	udpBuffer   = 4 << 20 // of the kernel: what may arrive while we are busy
)

// What a datagram or a line is dropped for, besides dirt.
const (
	badKey   dirt = "key"
	badUnit  dirt = "unit"
	badEmpty dirt = "empty"    // no line behind the id
	undated  dirt = "undated"  // a GGA without a date
	badFix   dirt = "position" // what cannot be, such as a time days ahead
	overload dirt = "overload" // the unit has too much to do, or all together have
	tooMany  dirt = "units"    // there are too many units
	refused  dirt = "refused"  // the unit could not take it
)

// Start binds the address.
func (u *UDP) Start(ctx context.Context) error {
	addr, err := net.ResolveUDPAddr("udp", u.addr)
	if err != nil {
		return fault.Invalid.Wrap(err, "-udp %s is no address", u.addr)
	}
	if u.conn, err = net.ListenUDP("udp", addr); err != nil {
		return fault.Unavailable.Wrap(err, "-udp %s cannot be listened on; is another program there?", u.addr)
	}
	_ = u.conn.SetReadBuffer(udpBuffer) // the kernel may allow less
	u.rmcs, u.epoch = make(map[string]time.Time), time.Time{}
	counters := telemetry.CountersOf(ctx)
	cache := make(map[string]*telemetry.Counter)
	u.count = func(name string) *telemetry.Counter {
		if cache[name] == nil {
			cache[name] = counters.Counter("fleet.udp." + name)
		}
		return cache[name]
	}
	return nil
}

// Serve reads until ctx ends.
func (u *UDP) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = u.conn.Close() })
	defer stop()
	hurry := process.NoWait(ctx) // one unit that is flooded must not hold up the others
	buffer := make([]byte, maxDatagram)
	for {
		n, _, err := u.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // of one datagram, such as one that is too large
			u.count("errors").Add(1)
			continue
		}
		u.datagram(hurry, buffer[:n])
	}
}

// drop counts what is not taken.
func (u *UDP) drop(why dirt, n int) { u.count("dropped." + string(why)).Add(int64(n)) }

func (u *UDP) datagram(ctx context.Context, d []byte) {
	if u.key != "" {
		key, rest, ok := bytes.Cut(d, []byte(" "))
		if !ok || !u.key.fits(string(key)) {
			u.drop(badKey, 1)
			return
		}
		d = rest
	}
	id, lines, ok := bytes.Cut(d, []byte(" "))
	if !ok || checkID("", string(id)) != nil {
		u.drop(badUnit, 1)
		return
	}
	unit, sentences := string(id), 0
	defer func() { u.count("sentences").Add(int64(sentences)) }() // once they are dealt with
	var fixes []Fix
	for len(lines) > 0 {
		end := bytes.IndexAny(lines, "\r\n")
		line := lines
		if end >= 0 {
			line, lines = lines[:end], lines[end+1:]
		} else {
			lines = nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			sentences++
			switch f, ok, err := u.line(unit, line); {
			case err != nil:
				u.drop(reasonOf(err), 1)
			case ok:
				fixes = append(fixes, f)
			}
		}
	}
	if sentences == 0 {
		u.drop(badEmpty, 1)
	}
	if len(fixes) == 0 {
		return
	}
	if time.Since(u.epoch) > epoch {
		u.waiting, u.epoch = new(atomic.Int64), time.Now()
	}
	n := int64(len(fixes))
	if u.waiting.Load()+n > maxWaiting {
		u.drop(overload, len(fixes))
		return
	}
	u.waiting.Add(n)
	if err := process.Cast(ctx, Units.Of(unit), (*Unit).Hear, Heard{fixes, u.waiting}); err != nil {
		u.waiting.Add(-n)
		u.drop(reasonOf(err), len(fixes))
	}
}

func reasonOf(err error) dirt {
	var d dirt
	switch {
	case errors.As(err, &d):
		return d
	case errors.Is(err, process.ErrFull), fault.Of(err) == fault.Timeout:
		return overload
	case errors.Is(err, fault.Exhausted):
		return tooMany
	case errors.Is(err, fault.Invalid):
		return badFix
	}
	return refused
}

// line reads one line. It reports false for one that says no position.
func (u *UDP) line(unit string, line []byte) (Fix, bool, error) {
	s, err := parseSentence(line)
	if err != nil {
		return Fix{}, false, err
	}
	if s.kind == other || s.kind == noFix {
		u.count("ignored").Add(1)
		return Fix{}, false, nil
	}
	now := time.Now()
	at, ok := s.when(u.rmcs[unit], now)
	if !ok {
		return Fix{}, false, undated
	}
	f := s.fix(unit, at)
	if err := f.Check(now); err != nil {
		return Fix{}, false, err
	}
	if s.kind == rmc {
		u.remember(unit, at)
	}
	return f, true, nil
}

// remember keeps a unit's latest RMC. When there are too many, some unit's is forgotten:
// it is undated until its next.
func (u *UDP) remember(unit string, at time.Time) {
	if _, known := u.rmcs[unit]; !known && len(u.rmcs) >= u.most {
		for some := range u.rmcs {
			delete(u.rmcs, some)
			break
		}
	}
	u.rmcs[unit] = at
}

// Addr is where it listens, once it has started.
func (u *UDP) Addr() netip.AddrPort { return u.conn.LocalAddr().(*net.UDPAddr).AddrPort() }
