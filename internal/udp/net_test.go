package udp

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network carries datagrams between sockets in memory, badly, if it is told to.
type network struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	sockets map[netip.AddrPort]*wire
	weather weather
	watch   func(d datagram) (pass bool) // sees all that is sent
	next    uint16
}

type weather struct {
	loss, duplicate float64
	delay, jitter   time.Duration
}

type datagram struct {
	from, to netip.AddrPort
	data     []byte
}

func newNetwork(seed uint64) *network {
	return &network{rnd: rand.New(rand.NewPCG(seed, 1)), sockets: make(map[netip.AddrPort]*wire), next: 40000}
}

// wire is a Socket. Its address, as others see it, can be moved.
type wire struct {
	n      *network
	local  netip.AddrPort
	seen   netip.AddrPort
	in     chan datagram
	closed chan struct{}
	once   sync.Once
}

func (n *network) socket(ip string) *wire {
	n.mu.Lock()
	n.next++
	addr := netip.AddrPortFrom(netip.MustParseAddr(ip), n.next)
	n.mu.Unlock()
	return n.socketAt(addr)
}

func (n *network) socketAt(addr netip.AddrPort) *wire {
	w := &wire{n: n, local: addr, seen: addr, in: make(chan datagram, 4096), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets[addr] = w
	return w
}

// rebind is a NAT that forgot: from now on the socket's datagrams come from elsewhere,
// and what is sent to where they came from is lost.
func (w *wire) rebind(addr netip.AddrPort) {
	w.n.mu.Lock()
	defer w.n.mu.Unlock()
	delete(w.n.sockets, w.seen)
	w.seen = addr
	w.n.sockets[addr] = w
}

func (w *wire) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-w.in:
		return copy(b, d.data), d.from, nil
	case <-w.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (w *wire) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-w.closed:
		return 0, net.ErrClosed
	default:
	}
	w.n.mu.Lock()
	from := w.seen
	w.n.mu.Unlock()
	w.n.send(datagram{from, to, append([]byte(nil), b...)})
	return len(b), nil
}

func (w *wire) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(w.local) }

func (w *wire) Close() error {
	w.once.Do(func() {
		close(w.closed)
		w.n.mu.Lock()
		defer w.n.mu.Unlock()
		if w.n.sockets[w.seen] == w {
			delete(w.n.sockets, w.seen)
		}
	})
	return nil
}

// send carries a datagram, from whatever address it says.
func (n *network) send(d datagram) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watch != nil && !n.watch(d) {
		return
	}
	if len(d.data) > MaxDatagramBytes || n.rnd.Float64() < n.weather.loss {
		return
	}
	copies := 1
	if n.rnd.Float64() < n.weather.duplicate {
		copies = 2
	}
	for range copies {
		if n.weather.delay+n.weather.jitter == 0 {
			n.arrive(d)
			continue
		}
		wait := n.weather.delay + time.Duration(n.rnd.Float64()*float64(n.weather.jitter))
		time.AfterFunc(wait, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.arrive(d)
		})
	}
}

func (n *network) arrive(d datagram) {
	w := n.sockets[d.to]
	if w == nil {
		return
	}
	select {
	case w.in <- d:
	default: // the buffer of the socket is full
	}
}

func (n *network) set(w weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// spy sees all that is sent from now on, and may keep it from arriving.
func (n *network) spy(watch func(datagram) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watch = watch
}
