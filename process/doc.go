// Package process runs Go values as processes.
//
// A process is a value whose methods run one at a time. Nothing else touches it, so
// it needs no lock; what crashes in it stays in it.
//
//	type Room struct{ log []Msg }
//
//	func (r *Room) Post(ctx context.Context, m Msg) (Ack, error) { … }
//	func (r *Room) History(ctx context.Context) ([]Msg, error)   { … }
//	func (r *Room) Kick(ctx context.Context, user string) error  { … }
//
//	const Lobby process.Name[Room] = "room:lobby"
//
//	ack, err := process.Call(ctx, Lobby, (*Room).Post, Msg{Body: "hi"})
//	log, err := process.Ask(ctx, Lobby, (*Room).History)
//	err = process.Cast(ctx, Lobby, (*Room).Kick, "bob")
//
// There are no message types to declare: a message is a method and its argument. The
// methods can be tested as plain Go.
//
// # Verbs
//
// The method's signature picks the verb:
//
//	| method                  | wait for it | do not wait |
//	|-------------------------|-------------|-------------|
//	| (ctx, In) (Out, error)  | Call        |             |
//	| (ctx) (Out, error)      | Ask         |             |
//	| (ctx, In) error         | Do          | Cast        |
//	| (ctx) error             | Run         | Signal      |
//
// A verb takes an [Address]: a [Ref], a [Name], or a [Member] of a [Family]. What must
// reach a process later names one of its methods: [After], [Every], [Monitor], [Bind].
//
// # Life
//
// A process starts with its constructor, func(ctx) (*S, error), which runs in the
// process while its starter waits ([Launch] does not). It ends with a [Reason]: when it is
// told to ([Stop], [Exit], its supervisor), or by a crash. A panic is a crash. An error is
// a crash where nobody waits for it, and an answer where somebody does. A process that has
// a [Continuer] or a [Terminator] method is called at its start and its end; one that has
// [Snapshotter] and [Restorer] keeps its state when it is restarted on request ([Restart]).
//
// Under a supervisor a process is restarted by running its constructor again. Calls
// and casts that were queued survive the crash, all but the one that crashed it;
// timers, monitors, links and subscriptions go, and the constructor asks for them again.
//
// # Others
//
//	| to                                          | use                                     |
//	|---------------------------------------------|-----------------------------------------|
//	| hear of another's end                       | [Monitor], [Wait]                       |
//	| end when another ends, or be told of it     | [Link], [Linked], [Trap]                |
//	| speak to all, or to one, of many            | [Group], [Join], [CastAll], [Group.Any] |
//	| find a process by a word                    | [Name], [Family], [Register]            |
//	| do something later                          | [After], [Every], [WhenIdle], [Next]    |
//	| answer later                                | [Defer], [Deferred]                     |
//	| handle a message later                      | [Postpone], [Replay]                    |
//	| do something beside its methods             | [Go]                                    |
//	| compute for long                            | [Compute]                               |
//	| look into a process that runs               | [InfoOf], [State], [LastCrash], [Trace] |
//	| be called from other nodes                  | [Remote]                                |
//
// # Mailboxes
//
// A mailbox holds 1,024 messages, unless [Mailbox] says otherwise. When it is full, its
// [Overflow] decides: by default a sender from outside waits, and a handler that casts
// fails at once. What is lost is counted. A process that is to stop, or whose monitors and
// links have something to tell, hears of it ahead of all mail, room or not.
//
// # Contexts
//
// A handler's context is its process's own: the node, the process itself, the deadline
// and the trace of the message, and nothing else of the sender. It ends when the
// process is asked to end. A call's deadline travels along (5 s if it has none), its
// cancellation does not: a started method runs on, a queued call whose caller has left
// is skipped and counted.
//
// # Guarantees
//
// Messages from one sender to one process are handled in the order in which they were
// sent; what a monitor or a link tells comes before all mail, also that of the process
// that ended. Nothing is dropped silently. When an answer and the end of the process that
// gave it come together, the answer wins; an answer that comes too late goes nowhere. A
// chain of calls that comes back to a process waiting in it fails at once with [ErrCycle].
//
// # Scheduling
//
// An idle process has no goroutine, and takes less than 400 bytes besides its state. A
// message from outside starts one. A handler that makes another process runnable hands its
// own goroutine on when it returns: that is ten times cheaper. A handler may block for as
// long as it likes, and holds up its own process alone: those that stand behind it get a
// goroutine of their own, at once when it waits in a verb of this package, else within a
// millisecond. After 64 messages in a row a process lets others go first.
//
// Go's scheduler has no priorities: goroutines that compute without a pause delay all
// others by slices of 10 ms. [Compute] keeps a processor free for those.
//
// # What Go cannot promise
//
// A goroutine cannot be killed. A process that does not end within its shutdown time is
// abandoned: it is counted, its slot goes on without it, and whatever it still tries
// with its context fails with [ErrDead]. And memory is shared: send values, not pointers
// to what you keep.
package process
