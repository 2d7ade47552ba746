package rule

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Message is what is wrong with a field, in parts, so that it can be said in any
// language. It goes on from the field's name.
type Message struct {
	Text  string            // "must have at least {count} characters"
	One   string            // the same for a count of 1; "" if there is no {count}
	Count int               // what {count} stands for
	Args  map[string]string // what other {words} stand for
}

// String is the message in English.
func (m Message) String() string {
	if m.One != "" && m.Count == 1 {
		return m.Fill(m.One)
	}
	return m.Fill(m.Text)
}

// Fill puts the count and the arguments into a text.
func (m Message) Fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	pairs := []string{"{count}", strconv.Itoa(m.Count)}
	for _, name := range slices.Sorted(maps.Keys(m.Args)) {
		pairs = append(pairs, "{"+name+"}", m.Args[name])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Blank is the message of what is required and not there.
func Blank() Message { return Message{Text: "can't be blank"} }

func counted(start, one, many string, n int) Message {
	return Message{Text: start + " {count} " + many, One: start + " {count} " + one, Count: n}
}

func with(text, name, value string) Message {
	return Message{Text: text, Args: map[string]string{name: value}}
}
