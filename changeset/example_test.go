package changeset_test

import (
	"fmt"
	"net/url"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
)

type account struct {
	Name     string
	Age      int
	Password fault.Secret
	Admin    bool
}

func changeAccount(a account, params changeset.Params) *changeset.Changeset[account] {
	return changeset.Cast(a, params, "name", "age", "password").
		Required("name", "password").
		Length("name", changeset.Min(3), changeset.Max(20)).
		Number("age", changeset.Min(18)).
		Length("password", changeset.Min(12), changeset.MaxBytes(72)).
		Confirmation("password")
}

func Example() {
	sent, _ := url.ParseQuery("user[name]=Al&user[age]=abc&user[admin]=true&user[password]=correct+horse+battery")
	params, _ := changeset.ParseForm(sent)
	cs := changeAccount(account{}, params.Sub("user"))
	_, err := cs.Apply()
	fmt.Println(err)

	form := cs.Form("user")
	for _, name := range []string{"name", "age", "password"} {
		field := form.Field(name)
		fmt.Printf("%s %s %q %q\n", field.Name, field.ID, field.Value, field.Errors)
	}

	cs = changeAccount(account{Name: "Ann"}, changeset.Params{"age": 30, "password": "correct horse battery", "admin": true})
	a, err := cs.Apply()
	fmt.Println(a, err, cs.Changes())
	// Output:
	// age must be a whole number; name must be at least 3 characters
	// user[name] user_name "Al" ["must be at least 3 characters"]
	// user[age] user_age "abc" ["must be a whole number"]
	// user[password] user_password "" []
	// {Ann 30 [secret] false} <nil> [age password]
}
