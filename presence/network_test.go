package presence_test

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bennu-go/bennu/presence"
)

// network carries messages between sites, badly.
type network struct {
	mu       sync.Mutex
	random   *rand.Rand
	loss     float64
	double   float64
	delay    time.Duration // at most
	listener map[string]func(string, []byte)
	cut      map[[2]string]bool
	messages int
	bytes    int
}

func newNetwork(seed uint64) *network {
	return &network{random: rand.New(rand.NewPCG(seed, 1)), listener: make(map[string]func(string, []byte)), cut: make(map[[2]string]bool)}
}

// port is a site's end of the network.
type port struct {
	net  *network
	self string
}

var _ presence.Gossip = port{}

func (p port) Self() string { return p.self }

func (p port) Send(to string, message []byte) error {
	n := p.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.listener {
		if name == p.self || to != "" && to != name || n.cut[[2]string{p.self, name}] {
			continue
		}
		copies := 1
		if n.random.Float64() < n.loss {
			copies = 0
		}
		if n.random.Float64() < n.double {
			copies++
		}
		for range copies {
			n.messages++
			n.bytes += len(message)
			time.AfterFunc(time.Duration(n.random.Float64()*float64(n.delay)), func() {
				n.mu.Lock()
				fn := n.listener[name]
				n.mu.Unlock()
				if fn != nil {
					fn(p.self, message)
				}
			})
		}
	}
	return nil
}

func (p port) Listen(fn func(from string, message []byte)) (stop func(), err error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.net.listener[p.self] = fn
	return func() {
		p.net.mu.Lock()
		defer p.net.mu.Unlock()
		delete(p.net.listener, p.self)
	}, nil
}

// part cuts the way from each site of a to each of b, and back if both is true.
func (n *network) part(a, b []string, both bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range a {
		for _, y := range b {
			n.cut[[2]string{x, y}] = true
			if both {
				n.cut[[2]string{y, x}] = true
			}
		}
	}
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}

// worse makes the network lose, double and delay.
func (n *network) worse(loss, double float64, delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss, n.double, n.delay = loss, double, delay
}

// traffic gives what has been carried since the last time.
func (n *network) traffic() (messages, bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	messages, bytes = n.messages, n.bytes
	n.messages, n.bytes = 0, 0
	return messages, bytes
}
