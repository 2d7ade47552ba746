// Hello splits bills: a process, a route and a tree.
package main

import (
	"context"
	"log"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/web"
)

type (
	Till  struct{ bills int }
	Bill  struct{ Total, People int }
	Share struct{ Each, Bills int }
)

func openTill(context.Context) (*Till, error) { return new(Till), nil }

func (t *Till) Split(_ context.Context, b Bill) (Share, error) {
	t.bills++
	return Share{b.Total / b.People, t.bills}, nil
}

const Checkout process.Name[Till] = "till"

func main() {
	router := web.NewRouter()
	router.Handle("POST /split", web.JSON(func(ctx context.Context, b Bill) (Share, error) {
		return process.Call(ctx, Checkout, (*Till).Split, b)
	}))
	err := bennu.Run(context.Background(), bennu.App{Children: []supervisor.Child{
		{Run: supervisor.Process(Checkout, openTill)},
		{Name: "web", Run: &web.Endpoint{Addr: "127.0.0.1:4000", Handler: router}},
	}})
	if err != nil {
		log.Fatal(err)
	}
}
