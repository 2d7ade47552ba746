package codec_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
)

type form struct {
	Name  string         `json:"name"`
	Small int8           `json:"small"`
	Count uint16         `json:"count"`
	Ratio float64        `json:"ratio"`
	On    bool           `json:"on"`
	List  []string       `json:"list"`
	Map   map[string]int `json:"map"`
	Inner struct {
		At time.Time `json:"at"`
	} `json:"inner"`
	Odd      odd          `json:"odd"`
	Password fault.Secret `json:"password"`
}

// odd refuses everything, in its own words or in none.
type odd struct{}

func (odd) UnmarshalJSON(text []byte) error {
	if string(text) == `"kind"` {
		return fault.Invalid.Errorf("odd is odd")
	}
	return errors.New("a secret")
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                       "",
		`{"name": 1}`:              "name must be a string, not a number",
		`{"small": 128}`:           "small must be a whole number from -128 to 127, not 128",
		`{"small": 1.5}`:           "small must be a whole number from -128 to 127, not 1.5",
		`{"count": -1}`:            "count must be a whole number from 0 to 65535, not -1",
		`{"ratio": "x"}`:           "ratio must be a number, not a string",
		`{"on": []}`:               "on must be true or false, not an array",
		`{"list": {}}`:             "list must be an array, not an object",
		`{"map": true}`:            "map must be an object, not true or false",
		`{"inner": {"at": "now"}}`: "a time must be like 2026-01-31T12:00:00Z, not now",
		`{"odd": "kind"}`:          "odd is odd",
		`{"password": 1}`:          "password must be a string, not a number",
		`{"odd": 1}`:               "the form has a value that is not accepted",
		`[]`:                       "the form must be an object, not an array",
		`{"name":`:                 "the form is not JSON: it goes wrong after 8 bytes",
		``:                         "the form is not JSON: it goes wrong after 0 bytes",
	} {
		var f form
		err := codec.Decode("the form", []byte(text), &f)
		if want == "" && err == nil {
			continue
		}
		if !errors.Is(err, fault.Invalid) || fault.Detail(err) != want {
			t.Errorf("%s gives %q, want %q", text, fault.Detail(err), want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name": "a", "inner": {"at": "2026-01-31T12:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v form
		if err := codec.Decode("it", text, &v); err == nil && !json.Valid(text) {
			t.Errorf("%q was taken for JSON", text)
		}
	})
}
