package udp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// doorman answers datagrams of no session: it is a server's side of the handshake.
type doorman struct {
	e      *endpoint
	cfg    Config
	resets key // makes the tokens of resets
	answer packet

	ctx    context.Context
	guests sync.WaitGroup

	mu      sync.Mutex
	pending int
	epoch   uint64
	recent  map[nonce][]byte // the answers to the opens of this epoch; nil: not yet
	older   map[nonce][]byte // and of the one before
}

func newDoorman(e *endpoint, cfg Config) *doorman {
	d := &doorman{e: e, cfg: cfg, resets: randomKey(), recent: make(map[nonce][]byte), older: make(map[nonce][]byte)}
	if cfg.Secret != nil {
		d.resets = key(derive(cfg.Secret, nil, forReset, len(key{})))
	}
	return d
}

// strange is called by the reader.
func (d *doorman) strange(p *packet, n int, from netip.AddrPort) {
	kind, sixteen, rest, _ := start(p.bytes()[:n])
	switch {
	case kind == helloKind && n == helloBytes:
		d.bake(sixteen, from)
	case kind == openKind && n >= openBytes:
		d.knock(sixteen, p, n, rest, from)
	case kind == dataKind && n > resetBytes:
		d.e.count(CountUnknown)
		d.reset(sixteen, from)
	default:
		d.e.count(CountGarbage)
	}
}

func (d *doorman) bake(n nonce, to netip.AddrPort) {
	cookie := d.e.bakery.cookie(to, cookieKind, n, epochOf(d.e.now()))
	b := appendStart(d.answer.empty(), cookieKind, n)
	d.e.write(append(b, cookie[:]...), to)
}

// reset tells a client, and only one that got the token with its welcome, that its
// session is not there. It is shorter than what it answers.
func (d *doorman) reset(id sessionID, to netip.AddrPort) {
	token := d.token(&id)
	b := appendStart(d.answer.empty(), resetKind, id)
	d.e.write(append(b, token[:]...), to)
}

func (d *doorman) token(id *sessionID) [tokenBytes]byte {
	var room [padBytes + idBytes]byte
	copy(room[padBytes:], id[:])
	sum := d.resets.sum(room[:])
	return [tokenBytes]byte(sum[:tokenBytes])
}

// knock takes an open, and has it handled if its cookie is good and its nonce new.
func (d *doorman) knock(n nonce, p *packet, size int, rest []byte, from netip.AddrPort) {
	now := d.e.now()
	o, ok := parseOpening(rest)
	switch {
	case !ok:
		d.e.count(CountGarbage)
		return
	case !d.e.bakery.good(o.cookie[:], from, cookieKind, n, now):
		d.e.count(CountCookie)
		return
	}
	answer, drop := d.register(n, epochOf(now))
	switch {
	case answer != nil:
		d.e.write(answer, from)
		fallthrough
	case drop != "":
		d.e.count(drop)
		return
	}
	g := &guest{d: d, packet: *p, size: size, nonce: n, from: from}
	g.device, g.params = string(o.device), string(o.params)
	d.guests.Go(g.admit)
}

// full is the refusal that costs nothing.
func (d *doorman) full(n nonce) []byte {
	return refusal(n, fault.Exhausted.Errorf("the server has all the sessions it takes; try again later"))
}

// register notes an open, unless there was one with its nonce: then it gives the
// answer to that, if there is one yet.
func (d *doorman) register(n nonce, epoch uint64) (answer []byte, drop string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(epoch)
	answer, known := d.recent[n]
	if !known {
		answer, known = d.older[n]
	}
	switch {
	case known:
		delete(d.older, n)
		d.recent[n] = answer // it may come again
		return answer, CountRepeated
	case d.ctx.Err() != nil:
		return nil, CountBusy
	case d.pending >= d.cfg.MaxPending, len(d.recent)+len(d.older) >= 4*d.cfg.MaxSessions+d.cfg.MaxPending:
		return nil, CountBusy
	case d.e.table.len()+d.pending >= d.cfg.MaxSessions:
		return d.full(n), CountRefused
	}
	d.pending++
	d.recent[n] = nil
	return nil, ""
}

// turn forgets the opens whose cookies are not good anymore, but for those that are
// being handled.
func (d *doorman) turn(epoch uint64) {
	if epoch == d.epoch {
		return
	}
	gone := d.older
	d.older = d.recent
	d.recent = make(map[nonce][]byte)
	if epoch > d.epoch+1 {
		maps.Copy(gone, d.older)
		d.older = make(map[nonce][]byte)
	}
	for n, answer := range gone {
		if answer == nil {
			d.recent[n] = nil
		}
	}
	d.epoch = epoch
}

// settle keeps the answer to an open, for when it comes again. Without one, the open
// may be tried again.
func (d *doorman) settle(n nonce, answer []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
	for _, opens := range [2]map[nonce][]byte{d.recent, d.older} {
		if _, there := opens[n]; !there {
			continue
		}
		if opens[n] = answer; answer == nil {
			delete(opens, n)
		}
	}
}

// guest is a client whose open is being handled, in a goroutine of its own.
type guest struct {
	d              *doorman
	packet         packet // the open
	size           int
	nonce          nonce
	from           netip.AddrPort
	device, params string
}

func (g *guest) admit() {
	d := g.d
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.PendingTimeout)
	defer cancel()
	answer, keep := g.decide(ctx)
	if keep {
		d.settle(g.nonce, answer)
	} else {
		d.settle(g.nonce, nil)
	}
	d.e.write(answer, g.from)
}

// decide makes the session or the refusal, and reports whether that is the answer to
// all opens with this nonce.
func (g *guest) decide(ctx context.Context) (answer []byte, keep bool) {
	device, err := g.authenticate(ctx)
	if err != nil {
		g.d.e.count(CountRefused)
		return refusal(g.nonce, err), false
	}
	s, welcome := g.prepare(device)
	s.handler, err = g.d.cfg.Accept(ctx, Hello{g.device, g.params, g.from}, s)
	if err == nil && s.handler == nil {
		err = fault.Internal.Errorf("Accept gave neither handler nor error")
	}
	if err != nil {
		s.refuse()
		g.d.e.count(CountRefused)
		return refusal(g.nonce, err), true
	}
	g.d.e.count(CountOpened)
	g.d.e.add(s)
	return welcome, true
}

// authenticate gives the key of the device that signed the open.
func (g *guest) authenticate(ctx context.Context) (device []byte, err error) {
	if g.d.cfg.Key != nil {
		device, err = g.d.cfg.Key(ctx, g.device)
		switch kind := fault.Of(err); {
		case err == nil && len(device) >= MinKeyBytes:
		case err == nil, kind == fault.NotFound, kind == fault.Invalid, kind == fault.Forbidden, kind == fault.Unauthenticated:
			return nil, unauthenticated()
		default:
			return nil, fault.Unavailable.Wrap(err, "the device's key could not be looked up; try again")
		}
	}
	k := openKey(device, &g.nonce)
	if !g.packet.sealed(&k, g.size) {
		return nil, unauthenticated()
	}
	return device, nil
}

// unauthenticated does not say whether there is such a device.
func unauthenticated() error {
	return fault.Unauthenticated.Errorf("the device could not be authenticated; check its name and key")
}

// prepare makes a session and the welcome to it.
func (g *guest) prepare(device []byte) (*Session, []byte) {
	d := g.d
	hi := greeting{idleMillis: uint32(d.cfg.Idle / time.Millisecond), messageBytes: uint32(d.cfg.MaxMessageBytes)}
	_, _ = rand.Read(hi.id[:])
	_, _ = rand.Read(hi.nonce[:])
	keys := deriveSession(device, &g.nonce, &hi.nonce)
	token := d.token(&hi.id)
	subtle.XORBytes(hi.token[:], token[:], keys.mask[:])
	p := new(packet)
	n := len(hi.append(appendStart(p.empty(), welcomeKind, g.nonce)))
	welcome := append([]byte(nil), p.seal(&keys.down, n)...)
	return &Session{
		e: d.e, id: hi.id, in: keys.up, out: keys.down, addr: g.from,
		idle: d.cfg.Idle, linger: d.cfg.CloseTimeout,
		limits: sessionLimits{d.cfg.MaxMessageBytes, d.cfg.MaxPendingBytes, d.cfg.MaxPendingMessages},
	}, welcome
}

// refuse ends a session that never began.
func (s *Session) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(closedHere("refused"))
	s.tx.drop()
}
