// Package processtest is the kit for tests of processes: a node for a test, probes that
// stand in for other processes, a view of what a process handles, and faults.
//
// A method of a process is a plain Go method: what it computes is best tested by calling
// it. This package is for what goes on between processes. Take a room that tells its
// members what is posted, and the time:
//
//	type Room struct{ members []process.Port[string] }
//
//	func openRoom(ctx context.Context) (*Room, error) {
//		_, err := process.Every(ctx, time.Hour, (*Room).Chime)
//		return new(Room), err
//	}
//
//	func (r *Room) Join(_ context.Context, member process.Port[string]) error {
//		r.members = append(r.members, member)
//		return nil
//	}
//
//	// Post leaves out, from then on, who has ended.
//	func (r *Room) Post(_ context.Context, text string) error {
//		r.members = slices.DeleteFunc(r.members, func(member process.Port[string]) bool {
//			return errors.Is(member.Send(text), process.ErrDead)
//		})
//		return nil
//	}
//
//	func (r *Room) Chime(ctx context.Context) error { return r.Post(ctx, "dong") }
//
// Its test needs members. A [Probe] is a process that takes values, in its method Got, and
// has the test expect them one by one:
//
//	type member = processtest.Probe[string]
//
//	func join(t *testing.T, ctx context.Context, room process.Ref[Room]) *member {
//		p := processtest.NewProbe[string](t, ctx)
//		p.Run(func(ctx context.Context) error { // in the process of the probe
//			port, err := process.Bind(ctx, (*member).Got)
//			if err != nil {
//				return err
//			}
//			return process.Do(ctx, room, (*Room).Join, port)
//		})
//		return p
//	}
//
//	func TestRoom(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) { // where an hour is over at once
//			ctx := processtest.Node(t)
//			room, err := process.Spawn(ctx, openRoom)
//			if err != nil {
//				t.Fatal(err)
//			}
//			calls := processtest.NewCalls(t, ctx, room)
//			post := func(text string) {
//				if err := process.Cast(ctx, room, (*Room).Post, text); err != nil {
//					t.Error(err)
//				}
//			}
//			ann, bob := join(t, ctx, room), join(t, ctx, room)
//			post("hi")
//			ann.Expect("hi")
//			bob.Expect("hi")
//			time.Sleep(time.Hour)
//			ann.Expect("dong")
//			ann.ExpectNone()
//			calls.ExpectMethod("(*Room).Join", "(*Room).Join", "(*Room).Post", "(*Room).Chime")
//
//			processtest.Drop(t, ctx, room, 1, "(*Room).Post") // one that gets lost
//			post("lost")
//			post("still there?")
//			ann.Expect("still there?")
//
//			processtest.Crash(t, ctx, bob.Ref(), errors.New("out of battery"))
//			post("bye")
//			ann.Expect("bye") // the end of one member does not keep it from the other
//		})
//	}
//
// # Expecting
//
// Expect takes the next values in the order in which they came: one that is left out, one
// that is too many and one that is too early all fail it. ExpectNone says that there are
// no more; without it, more may come. Expect waits up to 5 s, and goes on as soon as the
// value is there. A test that fails so says what came:
//
//	room_test.go:61: probe #2 got something else than expected (-):
//		- "dong"
//		+ "hi"
//		+ "dong"
//
// Values are printed by [fault.Inspect], so without secrets.
//
// [Calls] does for the messages of any process what a probe does for its own. Use it where
// there is no telling from outside that something was done; where there is, expect that.
//
// # Faults
//
// [Crash], [Delay], [Drop] and [Pause] do to a process, for a while, what happens to
// processes in the field. They work on its messages, all or those for the methods that are
// named, and go over restarts with it. Each ends with the test. A fault that by then has
// not happened fails the test, which was not about it after all; one that was undone
// before need not have happened. [Settle] is never hit by them, nor seen by Calls.
//
// They need a process that runs, or waits for its restart: a member of a family that is
// asleep has to be woken first. More can be had from [process.Inject].
//
// # Leaks
//
// [Node] fails the test for processes and goroutines that it leaves behind. The goroutines
// of a test are known by a pprof label that they inherit, so that tests may run in
// parallel. What a timer starts ([time.AfterFunc], [process.After]) has no label, and goes
// unseen; a bubble sees it. An HTTP client keeps connections, and a goroutine for each: end
// them by its CloseIdleConnections.
//
// # Time
//
// In a bubble of [testing/synctest] time stands still while any goroutine of the bubble
// has something to do, and then jumps to where the next timer is due. Everything in this
// package works there, and all waits are exact. To know:
//
//   - Make the node inside the bubble. Node, probes and contexts from outside must not be
//     used inside, nor the other way round.
//   - Expect waits, so it lets up to 5 s pass: Expect("dong") finds a chime that is due in
//     3 s. Say ExpectNone before, or look at the time, where that matters.
//   - synctest.Wait lets everything happen that can without time going on. It needs no
//     process: [Settle] is for tests outside of a bubble, and for waiting until a process
//     has been restarted.
//   - Handlers take no time, however much they compute. Let them sleep, or use Delay.
//   - A handler that waits in a verb, on a channel, a timer, a WaitGroup or a Cond of the
//     bubble lets time pass. One that waits for a lock, for a file or a socket, or in a
//     system call does not: the bubble takes it for busy. Use [net.Pipe] for sockets and
//     a database in memory, or test that part outside.
//   - A handler that waits for a lock can hold up others. Processes are handed from
//     goroutine to goroutine: one that a handler casts to stands in line for the handler's
//     own. A handler that then waits in a verb lets the line go; for one that waits
//     otherwise, or takes long, a timer does after 0.5 ms. In a bubble that timer does not
//     fire while somebody waits for a lock. So a test that holds a lock which a handler
//     wants, and expects something of a process that this handler has cast to, hangs:
//     expect first, or use a channel in place of the lock.
package processtest
