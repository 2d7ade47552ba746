package page

import (
	"context"

	"github.com/bennu-go/bennu/locale"
)

const Title locale.Text = "Title"

var (
	First, Second locale.Text = "First", `Second
line`
	other = "not a locale.Text"
)

var Table = []locale.Text{locale.Text("Converted"), "not found"}

func Home(ctx context.Context, n int) string {
	return locale.T(ctx, "Welcome, {name}!", locale.Args{"name": other}) +
		locale.T(ctx, ("A "+"sum")) +
		locale.T(ctx, Title) +
		locale.N(ctx, "{count} item", "{count} items", n) +
		other.T(ctx, "not ours")
}
