// Package supervisor keeps processes alive, as OTP's supervisors do.
//
// A supervision tree is data: a struct literal that can be printed, tested and drawn
// before it runs ([Tree.Plan], [Print]).
//
//	tree := supervisor.Tree{
//		Name: "fleet",
//		Children: []supervisor.Child{
//			{Name: "data", Run: repo},
//			{Run: supervisor.Process(Writer, openWriter)},
//			{Run: supervisor.Family(Units, openUnit), Backoff: supervisor.Backoff{Max: time.Minute}},
//			{Run: supervisor.Dynamic(Uploads, openUpload), Restart: supervisor.Transient},
//			{Name: "replay", Run: supervisor.Func(replay), Restart: supervisor.Transient},
//			{Run: supervisor.Tree{Name: "doors", Strategy: supervisor.RestForOne, Children: doors}},
//		},
//	}
//
// # Children
//
// A child is anything with Serve(ctx) error, which runs until ctx ends: a web endpoint,
// a repo, a loop in a [Func]. If it has Start(ctx) error too, Start must return before
// the next child starts. The others need no goroutine while they are idle:
//
//	| child     | what it runs                                                    |
//	|-----------|-----------------------------------------------------------------|
//	| Process   | one process with a name                                         |
//	| Family    | processes that exist as soon as somebody speaks to them, by key |
//	| Dynamic   | processes that are started while it runs, with an argument each |
//	| Partition | n copies of a process, over which keys are spread               |
//	| Tree      | a supervisor of its own                                         |
//
// Children start in order, each when the one before is ready, and stop in reverse, each
// within its Shutdown. If one fails to start, those before it are stopped and the tree fails
// to start. One whose constructor returns process.Ignore has nothing to run, and stays listed
// if it is not temporary.
//
// # When a child ends
//
//	| restart   | clean end (nil, Normal, Shutdown) | crash     |
//	|-----------|-----------------------------------|-----------|
//	| Permanent | restarted                         | restarted |
//	| Transient | left ended                        | restarted |
//	| Temporary | forgotten                         | forgotten |
//
// The [Strategy] says who is restarted with it: nobody, all, or those that were started
// after it. The calls and casts that wait for any of them survive.
//
// The first restart is immediate. Restarts are counted over a sliding window: when there
// are more than Intensity (3) within Period (5 s), the supervisor gives up: it stops its
// children and ends itself with process.Shutdown, and its own supervisor decides. So with
// the defaults the fourth crash within five seconds takes the tree down. A restart of a
// group counts once; a start that fails counts, and is tried again.
//
// A child with a [Backoff] waits longer after each crash in a row instead, and does not
// count in that window: its trouble stays its own. In a group, the others are stopped at
// once and wait with it. The members of a [Family] and of a [Dynamic] always have one. A
// Lifetime ends a child now and then; that is no crash.
//
// The end of a tree can also be its success: see [AutoShutdown].
//
// # While it runs
//
// [StartChild], [TerminateChild], [RestartChild], [DeleteChild], [WhichChildren] and
// [CountChildren] take the path of a tree: "fleet/doors" is the tree "doors" in the tree
// "fleet". What they add is lost when that tree is itself restarted. They wait as long as
// their context says, and may be called from anywhere, but for a constructor whose
// supervisor waits for it: that is process.ErrCycle.
//
// [StatusOf] shows a tree and what is below it, without any argument, state or reason.
//
// # What a Service sees
//
// The context of Start and Serve has the node, ends when the child is to stop, and is of
// no process: verbs act as from outside. Serve may return an error or panic; both are
// crashes. It has the shutdown time (5 s) to return after its context has ended; then it
// is abandoned, and counted, for a goroutine cannot be killed. The tree goes on without it.
//
// # Limits
//
// A supervisor does one thing at a time: while it starts a child or a group, or stops one, its
// other children run, but their restarts and the calls above wait. A child that restarts alone
// is not waited for, and neither are members: they start in the goroutine that needs them.
package supervisor
