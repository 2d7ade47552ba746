package statem_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/statem"
)

type State string

const (
	Locked State = "locked"
	Open   State = "open"
)

var doors = statem.Table[State]{
	Locked: {Open},
	Open:   {Locked},
}

// Door has a code lock.
type Door struct {
	statem.Machine[State]
	code, typed string
}

func openDoor(ctx context.Context) (*Door, error) {
	d := &Door{code: "42"}
	return d, statem.Begin(ctx, d, Locked, doors)
}

// Enter runs whenever the door comes into a state.
func (d *Door) Enter(ctx context.Context, from State) error {
	fmt.Println("the door is", d.State())
	if d.State() == Open {
		return statem.StateTimeout(ctx, d, 20*time.Millisecond, (*Door).Lock)
	}
	return nil
}

// Push is a button. What is pushed while the door is open waits until it is locked.
func (d *Door) Push(ctx context.Context, digit string) (string, error) {
	if d.State() == Open {
		return "", statem.Postpone
	}
	if d.typed += digit; !strings.HasSuffix(d.typed, d.code) {
		return "typed " + d.typed, statem.EventTimeout(ctx, d, 10*time.Second, (*Door).forget)
	}
	d.typed = ""
	return "welcome", d.Goto(ctx, Open)
}

// Lock locks the door, which is no error if it is locked.
func (d *Door) Lock(ctx context.Context) error { return d.Goto(ctx, Locked) }

// forget is for a code that nobody types on.
func (d *Door) forget(context.Context) error {
	d.typed = ""
	return nil
}

func Example() {
	node := process.NewNode(context.Background()) // bennu.Run makes one for a program
	defer node.Close()
	ctx := node.Context(context.Background())
	door, err := process.Spawn(ctx, openDoor)
	if err != nil {
		fmt.Println(err)
		return
	}
	var answers []string
	for _, digit := range []string{"1", "4", "2", "4"} {
		answer, err := process.Call(ctx, door, (*Door).Push, digit)
		if err != nil {
			fmt.Println(err)
		}
		answers = append(answers, answer)
	}
	fmt.Println(strings.Join(answers, ", "))
	// Output:
	// the door is locked
	// the door is open
	// the door is locked
	// typed 1, typed 14, welcome, typed 4
}

func ExampleTable_Mermaid() {
	fmt.Print(doors.Mermaid(Locked))
	// Output:
	// stateDiagram-v2
	//     state "locked" as s0
	//     state "open" as s1
	//     [*] --> s0
	//     s0 --> s1
	//     s1 --> s0
}
