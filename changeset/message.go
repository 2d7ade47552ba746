package changeset

import "github.com/bennu-go/bennu/internal/rule"

// Message is what is wrong with a field, in parts, so that it can be said in any
// language. It goes on from the field's name. It never has the value in it.
type Message struct {
	Text  string            // English, and the key of translations: "must be at least {count} characters"
	One   string            // the same for a count of 1; "" if there is no {count}
	Count int               // what {count} stands for
	Args  map[string]string // what other {words} stand for
}

// String is the message in English.
func (m Message) String() string { return rule.Message(m).String() }

// Fill puts the count and the arguments into a text: a translation of Text or One.
func (m Message) Fill(text string) string { return rule.Message(m).Fill(text) }

// Problem is a message about a field: "name", "address.city", "items.0.name", or "" for
// the whole.
type Problem struct {
	Field   string
	Message Message
}

// under is the problem as who nests the struct has it.
func (p Problem) under(path string) Problem {
	if p.Field != "" {
		path += "." + p.Field
	}
	return Problem{path, p.Message}
}
