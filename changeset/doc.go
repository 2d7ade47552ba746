// Package changeset turns input into a validated change of a value, or into errors by
// field: Ecto's changesets, for forms, JSON and channel events alike.
//
// # Usage
//
//	type User struct {
//		Name     string       `form:"name"`
//		Email    string       `form:"email"`
//		Age      int          `form:"age"`
//		Password fault.Secret `form:"password"`
//		Admin    bool         // nobody's input sets it, for it is not named below
//	}
//
//	func change(user User, params changeset.Params) *changeset.Changeset[User] {
//		return changeset.Cast(user, params, "name", "email", "age", "password").
//			Required("name", "email").
//			Length("name", changeset.Min(3), changeset.Max(20)).
//			Number("age", changeset.Min(18)).
//			Confirmation("password")
//	}
//
//	form, err := changeset.ParseForm(r.PostForm) // or FromJSON(body)
//	cs := change(User{}, form.Sub("user"))
//	user, err := cs.Apply() // err tells the errors by field
//	page(cs.Form("user"))   // the form again, as it was typed, with its errors
//
// [Cast] sets the fields that are named, whatever else is given. Validations go on from
// there, and those that need the whole end with [Changeset.Validate], [Changeset.Change]
// and [Check]. If the struct has validate tags, [Changeset.Tags] is all of them.
//
// What only the database knows is named in the same place, and is explained when the
// change is stored:
//
//	cs.Unique("email").ForeignKey("team_id").Constraint("ends", "trips_in_order", "must be after the start")
//
//	user, err := data.InsertChange(ctx, repo, cs) // err tells the errors by field, as Apply's does
//	err = cs.Explain(insert(user))                // the same, with a function of your own
//
// What nests is cast by its own function:
//
//	changeset.Nested(cs, "address", changeAddress) // errors of "address.city"
//	changeset.Each(cs, "items", changeItem)        // errors of "items.0.name"
//	changeset.EachBy(cs, "items", "id", changeItem)
//
// The constraints that it names are found by [Changeset.Explain] too.
//
// # What is validated
//
// As in Ecto, validations look at fields that were given with a value (also if it is the
// one that they had), or that [Changeset.Change] has changed. A field that is not given, or
// is given empty, passes everything but [Changeset.Required]. What is stored already can
// so be changed in part, even if it would not pass today's rules.
//
// # Input
//
// Texts are what forms send; JSON's values do as well.
//
//	| field                    | takes                                                       |
//	|--------------------------|-------------------------------------------------------------|
//	| string                   | UTF-8 without NUL                                           |
//	| bool                     | true, false, on, off, 1, 0, t, f                            |
//	| whole numbers            | decimal, in the type's range                                |
//	| floats                   | finite numbers                                              |
//	| time.Time                | RFC 3339, and in UTC 2026-01-31 and 2026-01-31T12:00[:05]   |
//	| time.Duration            | 1m30s, or a number of nanoseconds                           |
//	| encoding.TextUnmarshaler | what it takes                                               |
//	| *T                       | the same, nil if empty                                      |
//	| []T, map[string]T        | lists and objects of the above                              |
//
// Texts are brought to Unicode's form NFC before anything else, passwords too, so that
// what looks the same is the same. White space around a text stays. What must be kept
// byte by byte is no text; take it from the request.
//
// # Forms
//
// [Changeset.Form] knows no HTML: a [Form] tells for each [Field] its name, id, what was
// typed (also "abc" for a number), its errors and its constraints. A form shows no errors
// until [Changeset.Apply] or [Changeset.ShowErrors].
//
// # Secrets
//
// A field is secret as package fault has it: by the type [fault.Secret], by a tag, or by
// a name such as "password". What was typed for it is never shown again. Messages never
// have a value in them, and a changeset is printed without values.
//
// # Messages
//
// A [Message] is a template with its arguments. [Changeset.Translate] says them in
// another language:
//
//	cs.Translate(func(m changeset.Message) string {
//		return m.Fill(catalog.Plural(m.One, m.Text, m.Count))
//	})
//
// # Failure
//
// Wiring mistakes panic with "changeset: …": a name that the struct does not have, a
// validation that does not go with its field. Wrong tags panic with "validate: …". Input
// is an error of kind fault.Invalid, or of a field.
//
// # Limits
//
//	| what                                   | most  |
//	|----------------------------------------|-------|
//	| values of a form                       | 1,000 |
//	| parts of a name in a form              | 8     |
//	| elements that [Each] takes             | 1,000 |
//	| messages of the tags of one field      | 100   |
//
// The size of the body is limited by who reads it, as by web.MaxBody.
//
// # Testing
//
// A changeset function is tested as it is: no request, no database.
//
//	got := change(User{}, changeset.Params{"name": "A"}).Errors()
//
// A changeset is for one goroutine at a time. Changesets of the same type in different
// goroutines do not wait for each other.
package changeset
