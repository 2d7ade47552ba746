package config_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/fault"
)

type storage struct {
	URL string `flag:"db" env:"DB" default:"sqlite:fleet.db" help:"where the data is"`
}

type options struct {
	Addr    string         `flag:"addr" env:"ADDR" default:"127.0.0.1:4000" help:"where it listens"`
	Key     string         `flag:"key" env:"KEY" secret:"true" default:"d3fault" help:"signs the cookies"`
	PIN     int            `flag:"pin" env:"PIN" secret:"true"`
	Verbose bool           `flag:"v" env:"VERBOSE"`
	Demo    *bool          `flag:"demo" env:"DEMO" help:"move units by itself"`
	Most    *int           `env:"MOST"`
	Speed   float64        `flag:"speed" default:"1.5"`
	Small   int8           `flag:"small"`
	Port    uint16         `flag:"port" default:"80"`
	Keep    time.Duration  `flag:"keep" env:"KEEP" default:"720h"`
	Level   slog.Level     `flag:"level" default:"warn"`
	Peer    netip.AddrPort `flag:"peer"`
	Other   *netip.Addr    `flag:"other"`
	Storage storage
	Cache   map[string]string // no setting
}

func defaults() options {
	return options{Addr: "127.0.0.1:4000", Key: "d3fault", Speed: 1.5, Port: 80, Keep: 720 * time.Hour,
		Level: slog.LevelWarn, Storage: storage{URL: "sqlite:fleet.db"}}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func load(args []string, env map[string]string) (options, error) {
	return config.Load[options]("fleet", args, lookup(env))
}

func TestLoad(t *testing.T) {
	for _, c := range []struct {
		args string
		env  map[string]string
		want func(*options)
	}{
		{"", nil, func(*options) {}},
		{"-addr :1", nil, func(o *options) { o.Addr = ":1" }},
		{"--addr=:1", map[string]string{"ADDR": ":2"}, func(o *options) { o.Addr = ":1" }},
		{"", map[string]string{"ADDR": ":2"}, func(o *options) { o.Addr = ":2" }},
		{"", map[string]string{"ADDR": "", "MOST": ""}, func(*options) {}},
		{"-addr=", map[string]string{"ADDR": ":2"}, func(o *options) { o.Addr = "" }},
		{"-addr :1 -addr :2", nil, func(o *options) { o.Addr = ":2" }},
		{"-v -demo", nil, func(o *options) { o.Verbose, o.Demo = true, new(true) }},
		{"-v=false -demo=0", map[string]string{"VERBOSE": "true", "DEMO": "true"}, func(o *options) { o.Demo = new(false) }},
		{"", map[string]string{"DEMO": "false", "MOST": "0"}, func(o *options) { o.Demo, o.Most = new(false), new(0) }},
		{"-small -128 -port 65535 -speed -2e3", nil, func(o *options) { o.Small, o.Port, o.Speed = -128, 65535, -2000 }},
		{"-keep 1m30s -level debug -peer [::1]:80 -other ::1", nil, func(o *options) {
			o.Keep, o.Level, o.Peer = 90*time.Second, slog.LevelDebug, netip.MustParseAddrPort("[::1]:80")
			o.Other = new(netip.MustParseAddr("::1"))
		}},
		{"-db sqlite::memory:", nil, func(o *options) { o.Storage.URL = "sqlite::memory:" }},
		// A wrong value that does not count does no harm.
		{"-keep 1s", map[string]string{"KEEP": "soon"}, func(o *options) { o.Keep = time.Second }},
	} {
		want := defaults()
		c.want(&want)
		got, err := load(strings.Fields(c.args), c.env)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q, %v:\n got %+v, %v\nwant %+v", c.args, c.env, got, err, want)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, c := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{"-keep soon", nil, `-keep: want a duration such as 1m30s, got "soon"`},
		{"", map[string]string{"KEEP": "5"}, `KEEP: want a duration such as 1m30s, got "5"`},
		{"-v=perhaps", nil, `-v: want true or false, got "perhaps"`},
		{"-small 128", nil, `-small: want a whole number from -128 to 127, got "128"`},
		{"-port -1", nil, `-port: want a whole number from 0 to 65535, got "-1"`},
		{"-speed NaN", nil, `-speed: want a number, got "NaN"`},
		{"-speed 1e999", nil, `-speed: want a number, got "1e999"`},
		{"-level loud", nil, `-level: "loud" is not a slog.Level: slog: level string "loud": unknown name`},
		{"-keep soon -v=x", nil, `-v: want true or false, got "x"; -keep: want a duration such as 1m30s, got "soon"`},
		{"", map[string]string{"MOST": "all"}, `MOST: want a whole number from -9223372036854775808 to 9223372036854775807, got "all"`},
		{"-nosuch=1", nil, `flag provided but not defined: -nosuch; fleet -h lists the flags`},
		{"-keep", nil, `flag needs an argument: -keep; fleet -h lists the flags`},
		{"serve", nil, `unexpected argument "serve"`},
		{"-- -v", nil, `unexpected argument "-v"`},
		{"-keep " + strings.Repeat("é", 100), nil, `-keep: want a duration such as 1m30s, got "` + strings.Repeat("é", 40) + `…"`},
		// Secrets stay out, whatever is wrong.
		{"-pin hunter2", nil, `-pin: want a whole number from -9223372036854775808 to 9223372036854775807; what was given is not shown`},
		{"", map[string]string{"PIN": "hunter2"}, `PIN: want a whole number from -9223372036854775808 to 9223372036854775807; what was given is not shown`},
		{"-key correct hunter2", nil, `there is an argument that is not a flag: put values with spaces in quotes`},
		{"---key=hunter2", nil, `bad flag syntax: ---key; fleet -h lists the flags`},
	} {
		got, err := load(strings.Fields(c.args), c.env)
		if fault.Of(err) != fault.Invalid || fault.Detail(err) != c.want {
			t.Errorf("%q, %v:\n got %v\nwant %s", c.args, c.env, err, c.want)
		}
		if !reflect.DeepEqual(got, options{}) {
			t.Errorf("%q: got settings beside an error", c.args)
		}
	}
}

func TestUsage(t *testing.T) {
	var out strings.Builder
	type few struct {
		Addr string `flag:"addr" env:"ADDR" default:":80" help:"where it listens"`
		Key  string `flag:"key" env:"KEY" secret:"true" default:"d3fault" help:"signs the cookies"`
		Demo *bool  `flag:"demo"`
		Most int    `env:"MOST" default:"3"`
	}
	for _, help := range []string{"-h", "--help"} {
		out.Reset()
		_, err := config.LoadTo[few](&out, "fleet", []string{help}, lookup(map[string]string{"KEY": "hunter2"}))
		if !errors.Is(err, flag.ErrHelp) {
			t.Errorf("got %v", err)
		}
		if want := `Usage: fleet [flags]

  -addr text
        where it listens
        (default :80, environment ADDR)

  -key text
        signs the cookies
        (environment KEY)

  -demo

  MOST (environment only)
        (default 3)
`; out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", &out, want)
		}
	}
}

func mustPanic[T any](t *testing.T, want string) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != "config: "+want {
			t.Errorf("panic %q, want %q", got, "config: "+want)
		}
	}()
	_, _ = config.Load[T]("fleet", nil, lookup(nil))
}

func TestBadDeclarations(t *testing.T) {
	mustPanic[int](t, "settings are declared by a struct, not by int")
	mustPanic[struct {
		A string `flag:"x"`
		B struct {
			C string `flag:"x"`
		}
	}](t, "A and B.C are both set by -x")
	mustPanic[struct {
		A string `env:"X"`
		B string `env:"X"`
	}](t, "A and B are both set by X")
	mustPanic[struct {
		A []string `flag:"a"`
	}](t, "A is of type []string, which cannot be read from text")
	mustPanic[struct {
		A **int `flag:"a"`
	}](t, "A is of type **int, which cannot be read from text")
	mustPanic[struct {
		A int `flag:"a" default:"many"`
	}](t, `A has the default "many", want a whole number from -9223372036854775808 to 9223372036854775807`)
	mustPanic[struct {
		A *int `flag:"a" default:"1"`
	}](t, "A has a default, which an optional setting cannot have")
	mustPanic[struct {
		A int `help:"lost"`
	}](t, "A has neither a flag nor an env")
	mustPanic[struct {
		a int `flag:"a"`
	}](t, "a has tags but is not exported")
	mustPanic[struct {
		A int `flag:"-a"`
	}](t, `A has the flag name "-a"`)
	mustPanic[struct {
		A int `env:"A=B"`
	}](t, `A has the environment name "A=B"`)
	mustPanic[struct {
		A int `flag:"a" secret:"very"`
	}](t, "A has a secret tag that is neither true nor false")
}

func FuzzLoad(f *testing.F) {
	f.Add("-v\n-keep\n1s", "2s", "true")
	f.Add("-h", "", "")
	f.Add("---key=x\n--", "soon", "\xff")
	f.Fuzz(func(t *testing.T, args, keep, demo string) {
		var usage strings.Builder
		env := map[string]string{"KEEP": keep, "DEMO": demo, "PIN": "S3CR3T"}
		_, err := config.LoadTo[options](&usage, "fleet", strings.Split(args, "\n"), lookup(env))
		if err != nil && fault.Of(err) != fault.Invalid && !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v is neither Invalid nor ErrHelp", err)
		}
		if !strings.Contains(args+keep+demo, "S3CR3T") && strings.Contains(fmt.Sprint(err, usage.String()), "S3CR3T") {
			t.Errorf("the secret is told: %v", err)
		}
	})
}

func ExampleLoad() {
	type options struct {
		Addr string        `flag:"addr" env:"FLEET_ADDR" default:"127.0.0.1:4000" help:"where the page and the API listen"`
		Keep time.Duration `flag:"keep" env:"FLEET_KEEP" default:"720h" help:"how long positions are kept"`
		Demo *bool         `flag:"demo" env:"FLEET_DEMO" help:"move units by itself"`
	}
	// A program gives os.Args[1:] and os.LookupEnv.
	env := lookup(map[string]string{"FLEET_KEEP": "48h", "FLEET_ADDR": ":80"})
	opts, err := config.Load[options]("fleet", []string{"-addr", ":8080"}, env)
	fmt.Println(opts.Addr, opts.Keep, opts.Demo == nil, err)

	_, err = config.Load[options]("fleet", []string{"-keep=forever"}, env)
	fmt.Println(fault.Of(err), "–", fault.Detail(err))
	// Output:
	// :8080 48h0m0s true <nil>
	// invalid – -keep: want a duration such as 1m30s, got "forever"
}
