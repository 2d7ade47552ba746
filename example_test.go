package bennu_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// Greeter is a process: its methods run one at a time.
type Greeter struct{ greeted int }

func (g *Greeter) Greet(_ context.Context, who string) (string, error) {
	g.greeted++
	return fmt.Sprintf("hello %s, you are number %d", who, g.greeted), nil
}

const Hello process.Name[Greeter] = "hello"

func openGreeter(context.Context) (*Greeter, error) { return new(Greeter), nil }

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	visit := func(ctx context.Context) error {
		for _, who := range []string{"Ada", "Joe"} {
			text, err := process.Call(ctx, Hello, (*Greeter).Greet, who)
			if err != nil {
				return err
			}
			fmt.Println(text)
		}
		stop()
		return nil
	}
	err := bennu.Run(ctx, bennu.App{
		Name:   "greetings",
		Logger: slog.New(slog.DiscardHandler),
		Children: []supervisor.Child{
			{Run: supervisor.Process(Hello, openGreeter)},
			{Name: "visit", Run: supervisor.Func(visit), Restart: supervisor.Transient},
		},
	})
	fmt.Println(err)
	// Output:
	// hello Ada, you are number 1
	// hello Joe, you are number 2
	// <nil>
}
