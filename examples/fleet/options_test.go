package main

import (
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	for args, c := range map[string]struct {
		refused string // "": they are fine
		demo    bool
	}{
		"":                                          {"", true},
		"-addr=localhost:4000":                      {"", true},
		"-addr=[::1]:4000":                          {"", true},
		"-addr=127.9.9.9:4000":                      {"", true},
		"-addr=127.0.0.1:4000 -demo=false":          {"", false},
		"-addr=:4000":                               {"-addr :4000 can be reached by others", false},
		"-addr=0.0.0.0:4000":                        {"-addr 0.0.0.0:4000 can be reached by others", false},
		"-addr=[::]:4000":                           {"can be reached by others", false},
		"-addr=192.168.1.5:4000":                    {"can be reached by others", false},
		"-addr=fleet.example:4000":                  {"can be reached by others", false},
		"-addr=localhost.evil.example:4000":         {"can be reached by others", false},
		"-addr=0.0.0.0:4000 -demo":                  {"can be reached by others", true},
		"-addr=0.0.0.0:4000 -open":                  {"", false},
		"-addr=0.0.0.0:4000 -key=K":                 {"", false},
		"-addr=0.0.0.0:4000 -key=K -demo":           {"", true},
		"-udp=":                                     {"", true},
		"-udp=127.0.0.1:5005":                       {"", true},
		"-udp=:5005":                                {"-udp :5005 can be reached by others", true},
		"-udp=0.0.0.0:5005":                         {"-udp 0.0.0.0:5005 can be reached by others", true},
		"-udp=0.0.0.0:5005 -open":                   {"", true},
		"-udp=0.0.0.0:5005 -key=K":                  {"", true},
		"-devices=":                                 {"", true},
		"-devices=:5006":                            {"-devices :5006 can be reached by others", true},
		"-devices=:5006 -open":                      {"", true},
		"-devices=:5006 -key=0123456789abcdef":      {"", true},
		"-devices=127.0.0.1:1 -key=0123456789abcde": {"-key must have 16 characters or more", true},
		"-devices=x":                                {"is no address", true},
		"-max-units=0":                              {"-max-units must be at least 1", true},
		"-max-units=-1":                             {"-max-units must be at least 1", true},
		"-keep=59m":                                 {"-keep must be at least 1h", true},
		"-keep=1h":                                  {"", true},
		"-max-units=1":                              {"", true},
		"-speed=0":                                  {"-speed must be between", true},
		"-speed=-1":                                 {"-speed must be between", true},
		"-speed=0.01":                               {"", true},
		"-speed=1000":                               {"", true},
		"-speed=1001":                               {"-speed must be between", true},
		"-replay=nowhere":                           {"-replay must be nyc", true},
		"-replay=nyc -db=sqlite::memory:":           {"", true},
	} {
		opts := parse(t, strings.Fields(args)...)
		_, err := build(opts)
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s: %v", args, err)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: got %v, want %q", args, err, c.refused)
		}
		if opts.demo() != c.demo {
			t.Errorf("%s: demo is %v", args, opts.demo())
		}
	}
}
