// Package statem is for processes that are state machines: OTP's gen_statem with Go's
// types.
//
// A state machine is a process whose struct embeds a [Machine] of its type of states:
//
//	type State string
//
//	const (
//		Locked State = "locked"
//		Open   State = "open"
//	)
//
//	type Door struct {
//		statem.Machine[State]
//		code, typed string
//	}
//
//	func openDoor(ctx context.Context) (*Door, error) {
//		d := &Door{code: "42"}
//		return d, statem.Begin(ctx, d, Locked)
//	}
//
// Its messages are methods, and are sent with the verbs of package process. A method asks
// for the state, and changes it with [Machine.Goto]:
//
//	func (d *Door) Push(ctx context.Context, digit string) error {
//		switch d.State() {
//		case Locked:
//			if d.typed += digit; d.typed != d.code {
//				return statem.EventTimeout(ctx, d, 10*time.Second, (*Door).forget)
//			}
//			return d.Goto(ctx, Open)
//		case Open:
//			return statem.Postpone // until it is locked
//		}
//		return fault.Conflict.Errorf("the door is %v", d.State())
//	}
//
//	err := process.Do(ctx, door, (*Door).Push, "4")
//
// This is the shape of a method: a switch with a case for each state that knows the
// message, a return in each case, no default, and one refusal for the others at the end.
// With constants as states, the linter exhaustive tells which methods have to be looked at
// again when a state is added.
//
// # Postponing
//
// A method that returns [Postpone] has not handled its message: it is kept, whoever asked
// waits on until their deadline, and when the state has changed the method runs again.
// Messages that were postponed come in their old order and before all others. They count
// in the mailbox: a machine that postpones for long wants a large one, since what changes
// its state needs room, too (a time-out always has it).
//
// # Entering
//
// Whatever belongs to a state and not to the way to it goes into Enter (see [Enterer]):
//
//	func (d *Door) Enter(ctx context.Context, from State) error {
//		if d.State() == Open {
//			return statem.StateTimeout(ctx, d, 10*time.Second, (*Door).lock)
//		}
//		d.typed = ""
//		return nil
//	}
//
// It runs inside Goto, before anything else is handled; for the first state, after the
// constructor. An error of it refuses the change: Goto gives it to the method, which
// returns it to whoever asked; where nobody asked it is a crash.
//
// # Time-outs
//
//	| time-out       | how many          | is cancelled by                                |
//	|----------------|-------------------|------------------------------------------------|
//	| [StateTimeout] | one               | a change of the state, [CancelState]           |
//	| [Timeout]      | one for each name | [Cancel]                                       |
//	| [EventTimeout] | one               | whatever the process handles before it is due  |
//
// Setting one that is set replaces it; [Update] keeps its time. A time-out that has been
// cancelled does not come, even if it was in the mailbox. One of zero comes after what is
// queued, and before what comes later. All belong to the incarnation of the process.
//
// To do something right after the method, before any message, use process.Next.
//
// # Transitions as data
//
// A [Table] given to [Begin] says which ways there are. Goto refuses others with
// fault.Conflict, and the table prints as text and as a Mermaid diagram:
//
//	var doors = statem.Table[State]{
//		Locked: {Open},
//		Open:   {Locked},
//	}
//
//	return d, statem.Begin(ctx, d, Locked, doors)
//
// # Crash and restart
//
// After a crash the constructor begins again in the first state. The mail survives, the
// postponed messages with it, and they are handled anew; time-outs do not.
//
// In process.Restart and in an upgrade, Snapshot and Restore are the process's own. The
// state goes over as one more value, and Restore calls Begin again, in place of the
// constructor's; then the enter call is of the state that goes on, and sets its time-out:
//
//	func (d *Door) Snapshot(context.Context) ([]byte, error) { return json.Marshal(d.State()) }
//
//	func (d *Door) Restore(ctx context.Context, data []byte) error {
//		var s State
//		if err := json.Unmarshal(data, &s); err != nil {
//			return err
//		}
//		return statem.Begin(ctx, d, s)
//	}
//
// # What differs from gen_statem
//
//   - There is no function per state: a message is a method, and has a case per state.
//     Neither is there a callback module to swap.
//   - Enter runs in Goto, so the answer to a call leaves after it, and its error can refuse
//     the change. A process.Next in it is no error; it runs after the method.
//   - What process.Next inserts runs in the order in which it was asked for, also where one
//     asks for another, and before what was postponed.
//   - A time-out has no content. Its method finds what it needs in the struct.
//   - There is no hibernation: an idle process has no goroutine.
//
// # Limits
//
// A Machine is for the methods of its process, not for its helpers. Goto within a method
// takes effect at once, so a method that goes on after it is in the new state. States are
// compared with ==. A machine is about 500 bytes larger than another process. Asking for the
// state costs a call nothing, and a change of it next to nothing; setting a time-out costs
// what a timer does, a few microseconds.
package statem
