// Package supervisor keeps processes alive.
//
// A supervision tree is data: a struct literal that can be printed, tested and drawn
// before it runs.
//
//	tree := supervisor.Tree{
//		Name: "fleet",
//		Children: []supervisor.Child{
//			{Name: "data", Run: repo},
//			{Run: supervisor.Process(Writer, openWriter)},
//			{Run: supervisor.Family(Units, openUnit), Backoff: supervisor.Backoff{Max: time.Minute}},
//			{Name: "replay", Run: supervisor.Func(replay), Restart: supervisor.Transient},
//			{Run: supervisor.Tree{Name: "doors", Children: doors}},
//		},
//	}
//
// # Children
//
// A child is anything with Serve(ctx) error, which runs until ctx ends: a web endpoint,
// a repo, a loop in a [Func]. If it has Start(ctx) error too, Start must return before
// the next child starts. [Process], [Family] and [Tree] are children that need no
// goroutine while they are idle. A tree that has a Shutdown of its own kills what is left
// of it after that time.
//
// Children start in order, each when the one before is ready, and stop in reverse. If
// one fails to start, those before it are stopped and the tree fails to start.
//
// # When a child ends
//
//	| restart   | clean end (nil, Normal, Shutdown) | crash       |
//	|-----------|-----------------------------------|-------------|
//	| Permanent | restarted                         | restarted   |
//	| Transient | left ended                        | restarted   |
//	| Temporary | forgotten                         | forgotten   |
//
// The first restart is immediate. Restarts are counted over a sliding window: when there
// are more than Intensity (3) within Period (5 s), the supervisor gives up: it stops its
// children and ends itself with process.Shutdown, and its own supervisor decides. So with
// the defaults the fourth crash within five seconds takes the tree down.
//
// A child with a [Backoff] waits longer after each crash in a row instead, and does not
// count in that window: its trouble stays its own. The members of a [Family] always have
// one.
//
// # What a Service sees
//
// The context of Start and Serve has the node, ends when the child is to stop, and is of
// no process: verbs act as from outside. Serve may return an error or panic; both are
// crashes. It has the shutdown time (5 s) to return after its context has ended; then it
// is abandoned, and counted, for a goroutine cannot be killed.
package supervisor
