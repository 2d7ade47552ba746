package form_test

import (
	"net/url"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/web/webtest"
)

// Labels and messages are in the visitor's language, and in English where they are not
// translated.
func TestLocale(t *testing.T) {
	catalogue := locale.MustLoad(fstest.MapFS{"de.json": {Data: []byte(`{
		"Age": "Alter", "There is a problem": "Da stimmt etwas nicht",
		"must be at least {count} characters": {"one": "muss {count} Zeichen haben", "other": "muss {count} Zeichen haben oder mehr"}
	}`)}}, locale.Config{})
	var saved signup
	c := webtest.New(t, app(t, &saved, catalogue.Plug(), form.Translate(locale.Translator)))
	german := "Accept-Language: de"
	c.Get("/signup", german).Shows("[for=user_age]", "Alter").Shows("[for=user_name]", "Name")
	page := c.Post("/signup?_method=PUT", url.Values{"user[name]": {"A"}, "user[age]": {"x"}}, german, "Sec-Fetch-Site: same-origin").Is(422)
	page.Shows(".form-errors p", "Da stimmt etwas nicht").
		Shows("#user_name_error", "muss 3 Zeichen haben oder mehr").
		Shows("#user_age_error", "must be a whole number")
}

func TestMessages(t *testing.T) {
	same := form.WithTranslator(t.Context(), locale.Translator)
	one := changeset.Message{Text: "has {count} {things}", One: "has a {things}", Count: 1, Args: map[string]string{"things": "pen"}}
	two := one
	two.Count = 2
	for m, text := range map[*changeset.Message]string{&one: "has a pen", &two: "has 2 pen"} {
		want(t, form.Messages(same)(*m), text)
		want(t, form.Messages(t.Context())(*m), text)
	}
}
