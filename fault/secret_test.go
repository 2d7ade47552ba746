package fault_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
)

const plant = "hunter2"

type login struct {
	User     string       `json:"user"`
	Password fault.Secret `json:"password"`
	hidden   fault.Secret
}

var bob = login{"bob", fault.NewSecret(plant), fault.NewSecret(plant)}

func TestSecretUnderEveryVerb(t *testing.T) {
	s := fault.NewSecret(plant)
	for c := ' ' + 1; c < 0x7f; c++ {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "9", ".3", "+#"} {
			format := "%" + flags + string(c)
			got := fmt.Sprintf(format, s)
			if strings.ContainsRune("vsqxXdtTpbcoOeEfFgGU", c) && c != 'T' && c != 'p' && got != "[secret]" {
				t.Errorf("%s gives %q", format, got)
			}
			for _, v := range []any{
				s, &s, bob, &bob, []login{bob}, []*login{&bob}, map[string]login{"a": bob}, map[string]any{"a": &s},
				[]any{bob, s, []fault.Secret{s}}, [1]fault.Secret{s}, struct{ fault.Secret }{s}, struct{ in any }{bob},
				struct{ s *fault.Secret }{&s}, struct{ s []fault.Secret }{[]fault.Secret{s}},
			} {
				got := fmt.Sprintf(format, v)
				if strings.Contains(got, plant) || strings.Contains(got, fmt.Sprintf("%x", plant)) || strings.Contains(got, fmt.Sprint([]byte(plant))) {
					t.Fatalf("%s of %T gives %q", format, v, got)
				}
			}
		}
	}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprint(&s), s.String()} {
		if got != "[secret]" {
			t.Errorf("got %q", got)
		}
	}
	for format, want := range map[string]string{ // wrong formats
		"nothing":   "nothing%!(EXTRA fault.Secret=[secret])",
		"%[1]*[1]v": "%!(BADWIDTH)[secret]",
	} {
		if got := fmt.Sprintf(format, s); got != want {
			t.Errorf("%s gives %q, want %q", format, got, want)
		}
	}
	if got := fmt.Sprintf("%+v", login{User: "bob", Password: s}); !strings.HasPrefix(got, "{User:bob Password:[secret] hidden:{") {
		t.Errorf("got %s", got)
	}
}

func TestSecretElsewhere(t *testing.T) {
	s := fault.NewSecret(plant)
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("in", "s", s, "p", &s, "login", bob, "all", []any{bob, s, map[string]any{"a": s}})
	}
	if out := log.String(); strings.Contains(out, plant) || !strings.Contains(out, "s=[secret]") || !strings.Contains(out, `"s":"[secret]"`) {
		t.Error(out)
	}

	out, err := json.Marshal(map[string]any{"login": bob, "all": []fault.Secret{s}})
	if want := `{"all":["[secret]"],"login":{"user":"bob","password":"[secret]"}}`; err != nil || string(out) != want {
		t.Errorf("got %s, %v", out, err)
	}
	out, err = xml.Marshal(struct {
		XMLName xml.Name     `xml:"login"`
		A       fault.Secret `xml:"a,attr"`
		B       fault.Secret
	}{A: s, B: s})
	if want := `<login a="[secret]"><B>[secret]</B></login>`; err != nil || string(out) != want {
		t.Errorf("got %s, %v", out, err)
	}

	var page bytes.Buffer
	err = template.Must(template.New("").Parse(`{{.Password}}<a href="/{{.Password}}" onclick="{{.}}">`)).Execute(&page, bob)
	if err != nil || strings.Contains(page.String(), plant) || !strings.HasPrefix(page.String(), "[secret]") {
		t.Errorf("got %s, %v", page.String(), err)
	}
	if err := gob.NewEncoder(&page).Encode(s); err == nil {
		t.Error("gob must refuse: the other side would read an empty secret")
	}
}

func TestSecretIsRead(t *testing.T) {
	var in login
	if err := json.Unmarshal([]byte(`{"user": "bob", "password": "hunter2"}`), &in); err != nil || in.Password.Reveal() != plant {
		t.Errorf("got %q, %v", in.Password.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`{"password": null}`), &in); err != nil || in.Password.Reveal() != plant {
		t.Errorf("null must change nothing, as of a string: %v", err)
	}
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal([]byte(`{"password": 12345}`), &in); !errors.As(err, &wrong) || strings.Contains(err.Error(), "12345") {
		t.Errorf("got %v", err)
	}
	err := json.Unmarshal([]byte(`{"password": "[secret]"}`), &in)
	if want := "[secret] stands for a secret that was left out; give the secret itself"; !errors.Is(err, fault.Invalid) || fault.Detail(err) != want {
		t.Errorf("got %v", err)
	}
	var doc struct{ Password fault.Secret }
	if err := xml.Unmarshal([]byte(`<a><Password>hunter2</Password></a>`), &doc); err != nil || doc.Password.Reveal() != plant {
		t.Errorf("got %q, %v", doc.Password.Reveal(), err)
	}

	var set fault.Secret
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	var usage strings.Builder
	flags.SetOutput(&usage)
	flags.TextVar(&set, "key", fault.NewSecret("d3fault"), "signs")
	flags.PrintDefaults()
	if err := flags.Parse([]string{"-key", plant}); err != nil || set.Reveal() != plant || strings.Contains(usage.String(), "d3fault") {
		t.Errorf("got %q, %v, %s", set.Reveal(), err, usage.String())
	}
}

func TestSecretMatches(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "", false}, {"", "a", false}, {"", "", false}, {"ab", "a", false},
	} {
		if got := fault.NewSecret(c.a).Matches(fault.NewSecret(c.b)); got != c.want {
			t.Errorf("%q matches %q: %v", c.a, c.b, got)
		}
	}
	if !reflect.DeepEqual(fault.NewSecret(""), fault.Secret{}) || !reflect.DeepEqual(fault.NewSecret("a"), fault.NewSecret("a")) {
		t.Error("tests must be able to compare what they got")
	}
	if reflect.TypeFor[fault.Secret]().Comparable() {
		t.Error("== would compare addresses")
	}
}

func ExampleSecret() {
	var in struct {
		User     string       `json:"user"`
		Password fault.Secret `json:"password"`
	}
	_ = json.Unmarshal([]byte(`{"user": "bob", "password": "hunter2"}`), &in)
	out, _ := json.Marshal(in)

	fmt.Printf("%+v\n", in)
	fmt.Println(string(out))
	fmt.Println(in.Password.Matches(fault.NewSecret("hunter2")), in.Password.Reveal())
	// Output:
	// {User:bob Password:[secret]}
	// {"user":"bob","password":"[secret]"}
	// true hunter2
}
