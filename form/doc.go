// Package form writes the HTML of forms from changesets: inputs with their labels, hints
// and errors, filled in as they were typed. It is for templ and for html/template alike,
// and needs no script.
//
// # With templ
//
//	templ New(f changeset.Form) {
//		@form.For("/users", f) {
//			@form.Text(f, "name").Attr("autocomplete", "name")
//			@form.Email(f, "email").Label("E-mail").Hint("Nobody else sees it.")
//			@form.Password(f, "password")
//			@form.Select(f, "country", countries...).Prompt("Choose…")
//			@form.Checkbox(f, "terms").Label("I accept the terms")
//			@form.Submit("Sign up")
//		}
//	}
//
// Every helper is a value with a method Render, which other view engines and plain Go can
// call; in Go, [Form.With] takes what is inside. The action shows the same page again
// while there are errors:
//
//	func create(c *web.Conn) error {
//		params, err := c.Params()
//		if err != nil {
//			return err
//		}
//		cs := change(User{}, params.Sub("user"))
//		user, err := cs.Apply()
//		if err != nil {
//			return c.Render(web.WithStatus(422, New(cs.Form("user"))))
//		}
//		…
//	}
//
// # With html/template
//
// The same by the functions of [Funcs], with pairs for what are methods in Go:
//
//	{{form "/users" .Form}}
//		{{input "text" .Form "name" "autocomplete" "name"}}
//		{{input "email" .Form "email" "label" "E-mail" "hint" "Nobody else sees it."}}
//		{{select .Form "country" .Countries "prompt" "Choose…"}}
//		{{submit "Sign up"}}
//	</form>
//
// {{form}} is written before what is inside of the form is known: its summary calls fields
// by their names, and a form with files needs "enctype" "multipart/form-data".
//
// # What a form does by itself
//
//   - PUT, PATCH and DELETE go by web.MethodOverride: in a field _method, or in the query
//     of the address if the form sends files.
//   - Where the request has a session, the field is there that web.CSRF looks for; not in
//     a form that is sent by GET, or to another host.
//   - What is wrong is said above all inputs too, with links to them, and also if a field
//     has no input. That summary has the focus when the page is there, and readers speak it.
//
// # What an input does by itself
//
// Name, id and value are the changeset's. Its errors and the hint are tied to it by
// aria-describedby. Passwords and other secrets are never filled in, files cannot be. The
// times of a [Date] or a [DateTime] are UTC, as changesets read them.
//
// What a changeset checks, browsers check before they send, where both agree: a browser
// must not refuse what the changeset would accept.
//
//	| the changeset has   | the input has                                                     |
//	|---------------------|-------------------------------------------------------------------|
//	| Required            | required; not boxes, and selects only with a prompt               |
//	| a least length      | minlength                                                         |
//	| a greatest length   | nothing: browsers count other units than characters, and cut off  |
//	| bounds of a number  | min and max, which are inclusive; step is any                     |
//	| a pattern           | pattern, if it is of ASCII and has anchors at its ends only       |
//	| values              | the options, if none are given                                    |
//
// [Input.Attr] and [Input.Flag] have the last word: Flag("required", false), or
// Flag("novalidate", true) on the form.
//
// # What nests
//
//	address := f.Nested("address")
//	@form.Text(address, "city")
//
//	for i, row := range f.Each("items") {
//		<fieldset>
//			<legend>Item { strconv.Itoa(i+1) }</legend>
//			@form.Hidden(row, "id")
//			@form.Text(row, "name")
//			@form.RemoveRow(row, "Remove")
//		</fieldset>
//	}
//	@form.AddRow(f, "items", "Add an item")
//
// The buttons send the form; [Rows] does in the action what they ask for.
//
// # Looks
//
// The classes are form, form-field, form-choice (a box and its text), form-hint,
// form-error and form-errors (the summary). [Style] is a stylesheet for them:
//
//	router.Mount("/form", web.Static(form.Style())) // /form/form.css
//
// Its colors are variables such as --form-accent. It is dark where the page is, which
// says "color-scheme: light dark" for that.
//
// # Languages
//
// What is given to Label and Hint is shown as it is. For what forms say by themselves
// there is a plug, and a function for the messages of changesets:
//
//	router := web.NewRouter(catalogue.Plug(), form.Translate(locale.Translator))
//
//	cs.Translate(form.Messages(ctx))
//
// # Failure
//
// Render fails, before it writes anything, if an attribute has a name that is none or an
// event's, or an address could run a script. A field that the changeset does not have is
// an input without a value.
//
// # Guarantees
//
// All texts and values are escaped. A NUL and what is not UTF-8 are shown as U+FFFD.
// Helpers are values: any goroutine may use them. A [Form] keeps its inside in memory
// until it is rendered; there are no limits but the changeset's.
//
// # Testing
//
// webtest submits forms as browsers do:
//
//	c.Get("/users/new").
//		Submit("form", url.Values{"user[name]": {"Al"}}).Is(422).
//		Shows("#user_name_error", "must be at least 3 characters")
package form
