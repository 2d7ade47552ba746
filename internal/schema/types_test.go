package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// shade is an enum of texts.
type shade string

func (shade) Enum() []shade { return []shade{"light", "dark"} }

// level is an enum whose texts are not its numbers.
type level int

func (level) Enum() []level { return []level{0, 1} }

func (l level) MarshalText() ([]byte, error) { return []byte([]string{"low", "high"}[l]), nil }

func (l *level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "low":
		*l = 0
	case "high":
		*l = 1
	default:
		return errors.New("no level")
	}
	return nil
}

// size is an enum of numbers.
type size uint8

// upper is text by pointer only.
type upper struct{ Text string }

func (u *upper) MarshalText() ([]byte, error)    { return []byte(strings.ToUpper(u.Text)), nil }
func (u *upper) UnmarshalText(text []byte) error { u.Text = string(text); return nil }

// never is JSON of its own.
type never struct{ N int }

func (never) MarshalJSON() ([]byte, error) { return []byte(`[1]`), nil }

func (*never) UnmarshalJSON([]byte) error { return nil }

type base struct {
	ID   int64 `json:"id"`
	Same string
	Kept string `json:",omitempty"`
}

type Other struct {
	Same  string
	Other []string
}

type Tagged struct {
	X bool `json:"Other"`
}

type hidden struct {
	Seen int
	gone int //lint:ignore U1000 it is there to be left out
}

type Deep struct{ *Deeper }

type Deeper struct {
	Deepest []string
	Kept    int
}

// outer has every kind of embedding.
type outer struct {
	base
	*Other
	Tagged
	hidden
	Deep
	Named  base            `json:"named"`
	When   time.Time       `json:"when,omitempty"`
	Until  *time.Time      `json:"until,omitempty"`
	Raw    json.RawMessage `json:"raw"`
	Map    map[string][]int
	Grid   [2][2]float32
	Back   *outer
	secret string //lint:ignore U1000 it is there to be left out
}

type node struct {
	Value int     `json:"value"`
	Left  *node   `json:"left,omitempty"`
	More  []*node `json:"more,omitempty"`
}

type forest map[string]forest

type matrix [][]float64

// clash has two promoted fields of one name: none is seen.
type clash struct {
	One
	Two
}

type (
	One struct{ Both, A int }
	Two struct{ Both, B int }
)

// twice has base in two ways: none of its fields is seen.
type twice struct {
	Left
	Right
}

type (
	Left  struct{ base }
	Right struct {
		base
		Own bool
	}
)

type Page[T any] struct {
	Items []T `json:"items"`
	Next  *int
}
