package process

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Remote is an option of a process or a family: it lets other nodes run method, under the
// name word. Nothing else of the process can be called from there.
//
//	supervisor.Process(Lobby, openRoom,
//		process.Remote("post", (*Room).Post),
//		process.Remote("history", (*Room).History))
//
// The word is what goes over the wire: it stays when the method is renamed. The argument
// and the answer go as JSON, so their exported fields count. A node that only calls has to
// know the words, too: it declares them with [Node.Declare].
func Remote[M any](word string, method M) Option {
	r := remote{word: word, method: reflect.ValueOf(method)}
	t := r.method.Type()
	r.err = fault.Invalid.Errorf("process: Remote(%q) needs a method like (*Room).Post, in one of the shapes of the verbs, not %v", word, t)
	if word == "" || t.Kind() != reflect.Func || t.IsVariadic() || r.method.IsNil() || t.NumIn() < 2 || t.NumIn() > 3 || t.NumOut() < 1 || t.NumOut() > 2 {
		return r
	}
	if t.In(0).Kind() != reflect.Pointer || t.In(1) != reflect.TypeFor[context.Context]() || t.Out(t.NumOut()-1) != reflect.TypeFor[error]() {
		return r
	}
	r.err = nil
	return r
}

type remote struct {
	word   string
	method reflect.Value
	err    error
}

func (r remote) apply(o *Options) { o.remotes = append(o.remotes, r) }

// Destination is a process of any node: a name, or a member of a family.
type Destination struct{ Name, Family, Key string }

// Request is a message on its way to another node.
type Request struct {
	To       Destination
	Word     string           // which method
	Input    json.RawMessage  // its argument; nil: none
	Wait     bool             // somebody waits for the answer
	Deadline time.Time        // of who waits
	Trace    *telemetry.Trace // may be nil
}

// Cluster is how a node reaches the processes of others.
type Cluster interface {
	// Find gives the node that has a process, or nil if nobody knows of it.
	Find(ctx context.Context, to Destination) (Peer, error)
}

// Peer is another node.
type Peer interface {
	// Deliver has the other node Receive the request. For a request that nobody waits for
	// it returns when it is on its way.
	Deliver(ctx context.Context, r Request) (json.RawMessage, error)
}

// remotes is what a node knows of others.
type remotes struct {
	declaring sync.RWMutex
	cluster   Cluster
	words     map[remoteKey]string
}

type remoteKey struct {
	state reflect.Type
	pc    uintptr
}

// Join makes the processes of a cluster reachable: a name or family that this node does
// not have is looked up there.
func (n *Node) Join(c Cluster) {
	n.declaring.Lock()
	defer n.declaring.Unlock()
	n.cluster = c
}

// Declare tells the node the words of processes that run elsewhere: the options are those
// of [Remote] that the processes have there.
func (n *Node) Declare(opts ...Option) error {
	o, err := Compose(opts...)
	if err != nil {
		return err
	}
	n.declare(o)
	return nil
}

func (n *Node) declare(o *Options) {
	if len(o.remotes) == 0 {
		return
	}
	n.declaring.Lock()
	defer n.declaring.Unlock()
	if n.words == nil {
		n.words = make(map[remoteKey]string)
	}
	for _, r := range o.remotes {
		n.words[r.key()] = r.word
	}
}

func (r remote) key() remoteKey {
	return remoteKey{r.method.Type().In(0).Elem(), r.method.Pointer()}
}

// abroad gives a slot that stands for a process of another node, or nil.
func (n *Node) abroad(ctx context.Context, to Destination, state reflect.Type) (*Slot, error) {
	n.declaring.RLock()
	c := n.cluster
	n.declaring.RUnlock()
	if c == nil {
		return nil, nil
	}
	peer, err := c.Find(Outside(ctx), to)
	if err != nil || peer == nil {
		return nil, err
	}
	s := &Slot{node: n, opener: stranger{state, peer, to}, opts: defaults, name: to.Name}
	if to.Family != "" {
		opts := *defaults
		opts.family = to.Family
		s.opts, s.name = &opts, to.Key
	}
	return s, nil
}

// stranger is the opener of a process that is elsewhere.
type stranger struct {
	typ  reflect.Type
	peer Peer
	to   Destination
}

func (s stranger) state() reflect.Type             { return s.typ }
func (stranger) open(context.Context) (any, error) { return nil, errAbroad }

// errAbroad is for what can be done with the processes of one's own node only.
var errAbroad = fault.Unavailable.Errorf("process: it runs on another node, where it can be called and cast to only")

// here fails for a slot that stands for a process of another node.
func (s *Slot) here() error {
	if _, abroad := s.opener.(stranger); abroad {
		return explain(errAbroad, s)
	}
	return nil
}

// locateHere finds a process of this node. It wakes nobody.
func locateHere(ctx context.Context, target Target) (*Slot, error) {
	s, err := target.locate(ctx, asleep)
	if err == nil {
		err = s.here()
	}
	return s, err
}

// sendAbroad delivers a message to the node that has the process. If somebody waits for the
// answer, it waits too.
func (s *Slot) sendAbroad(ctx context.Context, to stranger, m message, deadline time.Time) error {
	n := s.node
	n.declaring.RLock()
	word, ok := n.words[remoteKey{s.opener.state(), reflect.ValueOf(m.method()).Pointer()}]
	n.declaring.RUnlock()
	if !ok {
		return fault.Forbidden.Errorf("process: %s is on another node, which may run only methods that are declared with process.Remote, and %s is not", s, methodName(m))
	}
	q := m.asked()
	r := Request{To: to.to, Word: word, Wait: q != nil, Deadline: deadline, Trace: m.from()}
	if in := m.input(); in != nil {
		var err error
		if r.Input, err = json.Marshal(in); err != nil {
			return fault.Invalid.Wrap(err, "process: the argument of %s cannot be sent to another node", methodName(m))
		}
	}
	if q == nil {
		_, err := to.peer.Deliver(ctx, r)
		return err
	}
	frameOf(ctx).yield()
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	out, err := to.peer.Deliver(ctx, r)
	if err != nil {
		return err
	}
	return q.accept(out)
}

// accept settles the question with an answer from another node.
func (a *answer[Out]) accept(body json.RawMessage) error {
	var out Out
	if len(body) > 0 {
		if err := json.Unmarshal(body, &out); err != nil {
			return fault.Internal.Wrap(err, "process: the answer of another node is of another type")
		}
	}
	a.settle(out, nil)
	return nil
}

// Receive runs a request of another node here, and gives the answer. ctx must have no
// process; the request's deadline counts.
func (n *Node) Receive(ctx context.Context, r Request) (json.RawMessage, error) {
	if r.Wait && !r.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.Deadline)
		defer cancel()
	}
	ctx = n.Context(ctx)
	to := local{n, r.To}
	s, err := to.locate(ctx, awake)
	if err != nil {
		return nil, err
	}
	for _, known := range s.opts.remotes {
		if known.word == r.Word {
			return n.receive(ctx, to, s, r, known)
		}
	}
	return nil, fault.NotFound.Errorf("process: %s has no method for other nodes called %q", s, r.Word)
}

func (n *Node) receive(ctx context.Context, to local, s *Slot, r Request, known remote) (json.RawMessage, error) {
	m := &remoteMsg{remote: known, wait: r.Wait}
	if t := known.method.Type(); t.NumIn() == 3 {
		in := reflect.New(t.In(2))
		if err := json.Unmarshal(r.Input, in.Interface()); err != nil {
			return nil, fault.Invalid.Wrap(err, "process: %s of %s takes another argument than what came", r.Word, s)
		}
		m.in = in.Elem()
	}
	if !r.Wait {
		m.answer.trace = r.Trace
		return nil, send(ctx, nil, to, m)
	}
	return ask(ctx, to, m, &m.answer)
}

// local is a destination on this very node.
type local struct {
	node *Node
	to   Destination
}

func (l local) String() string {
	if l.to.Family != "" {
		return l.to.Family + "/" + l.to.Key
	}
	return l.to.Name
}

func (l local) locate(ctx context.Context, want waking) (*Slot, error) {
	if l.to.Family == "" {
		if s := l.node.named(l.to.Name); s != nil {
			return s, nil
		}
		return nil, explainName(l.to.Name)
	}
	if h := l.node.family(l.to.Family); h != nil {
		return h.member(ctx, l, l.to.Key, want)
	}
	return nil, explainFamily(l.to.Family)
}

// remoteMsg is a request of another node, as a message here.
type remoteMsg struct {
	link
	answer[json.RawMessage]
	remote
	in   reflect.Value
	wait bool
}

func (m *remoteMsg) deliver(inc *incarnation) error {
	if m.wait && !m.enter(inc) {
		return nil
	}
	ctx := context.Context(&m.frame)
	if !m.wait {
		ctx = inc.traced(m.trace)
	}
	args := []reflect.Value{reflect.ValueOf(inc.state), reflect.ValueOf(ctx)}
	if m.in.IsValid() {
		args = append(args, m.in)
	}
	results := m.remote.method.Call(args)
	err, _ := results[len(results)-1].Interface().(error)
	if !m.wait {
		return notDeferred(err)
	}
	if len(results) == 1 {
		return m.leave(nil, err)
	}
	return m.leave(encoded(results[0].Interface(), err))
}

// encoded makes an answer ready for another node.
func encoded(out any, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fault.Internal.Wrap(err, "process: the answer cannot be sent to another node")
	}
	return body, nil
}

func (m *remoteMsg) method() any { return m.remote.method.Interface() }

func (m *remoteMsg) input() any {
	if m.in.IsValid() {
		return m.in.Interface()
	}
	return nil
}

func (m *remoteMsg) from() *telemetry.Trace { return m.trace }

func (m *remoteMsg) asked() question {
	if m.wait {
		return &m.answer
	}
	return nil
}
