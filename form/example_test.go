package form_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
)

type user struct {
	Name string
	Plan string
}

func changeUser(u user, params changeset.Params) *changeset.Changeset[user] {
	return changeset.Cast(u, params, "name", "plan").
		Required("name").
		Length("name", changeset.Min(3)).
		Inclusion("plan", "free", "small_team")
}

func Example() {
	cs := changeUser(user{Plan: "free"}, changeset.Params{"name": "Al", "plan": "gold"})
	_, err := cs.Apply()
	fmt.Println(err)

	f := cs.Form("user")
	page := form.For("/users", f).With(
		form.Text(f, "name").Hint("As your friends know you."),
		form.Select(f, "plan").Prompt("Choose…"),
		form.Submit("Sign up"),
	)
	var html strings.Builder
	if err := page.Render(context.Background(), &html); err != nil {
		fmt.Println(err)
	}
	lines := strings.NewReplacer("<div", "\n<div", "<input", "\n<input", "<select", "\n<select", "<button", "\n<button", "<p", "\n<p")
	_, _ = lines.WriteString(os.Stdout, html.String())
	// Output:
	// name must be at least 3 characters; plan must be one of free, small_team
	// <form class="form" action="/users" method="post" accept-charset="utf-8">
	// <div class="form-errors" role="alert" tabindex="-1" autofocus>
	// <p>There is a problem</p><ul><li><a href="#user_name">Name</a> must be at least 3 characters</li><li><a href="#user_plan">Plan</a> must be one of free, small_team</li></ul></div>
	// <div class="form-field"><label for="user_name">Name</label>
	// <input type="text" id="user_name" name="user[name]" value="Al" minlength="3" required aria-invalid="true" aria-describedby="user_name_error user_name_hint">
	// <div class="form-error" id="user_name_error">
	// <p>must be at least 3 characters</p></div>
	// <p class="form-hint" id="user_name_hint">As your friends know you.</p></div>
	// <div class="form-field"><label for="user_plan">Plan</label>
	// <select id="user_plan" name="user[plan]" aria-invalid="true" aria-describedby="user_plan_error"><option value="">Choose…</option><option value="free">Free</option><option value="small_team">Small team</option></select>
	// <div class="form-error" id="user_plan_error">
	// <p>must be one of free, small_team</p></div></div>
	// <button type="submit">Sign up</button></form>
}
