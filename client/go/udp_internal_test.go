package client

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/udp"
	"github.com/bennu-go/bennu/internal/ws"
)

func TestUDPOptions(t *testing.T) {
	key := fault.NewSecret(strings.Repeat("k", udp.MinKeyBytes))
	for name, c := range map[string]struct {
		address string
		o       Options
		says    string
	}{
		"no port":          {"udp://host", Options{Key: key}, "like udp://host:5006"},
		"no host":          {"udp://:5006", Options{Key: key}, "like udp://host:5006"},
		"a path":           {"udp://host:5006/socket", Options{Key: key}, "like udp://host:5006"},
		"no key":           {"udp://example.com:5006", Options{Device: "a"}, "set Options.Key"},
		"a short key":      {"udp://host:5006", Options{Key: fault.NewSecret(strings.Repeat("k", udp.MinKeyBytes-1))}, "has 15 bytes"},
		"a token":          {"udp://host:5006", Options{Key: key, Token: Token("t")}, "Options.Token"},
		"a header":         {"udp://host:5006", Options{Key: key, Header: http.Header{}}, "Options.Header"},
		"TLS":              {"udp://host:5006", Options{Key: key, TLS: new(tls.Config)}, "Options.TLS"},
		"compressed":       {"udp://host:5006", Options{Key: key, Compress: true}, "Options.Compress"},
		"a pool":           {"udp://host:5006", Options{Key: key, Pool: new(Pool)}, "Options.Pool"},
		"a long name":      {"udp://127.0.0.1:1", Options{Device: strings.Repeat("d", udp.MaxDeviceBytes+1)}, "256 bytes"},
		"long params":      {"udp://127.0.0.1:1", Options{Params: url.Values{"a": {strings.Repeat("x", 1148)}}}, "they may have 1148"},
		"a device, by TCP": {"ws://host/socket", Options{Device: "a"}, "are for udp://"},
		"a key, by TCP":    {"ws://host/socket", Options{Key: key}, "are for udp://"},
	} {
		if s, err := Dial(t.Context(), c.address, c.o); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A session of UDP looks after itself: an idle device says nothing more.
func TestUDPHasNoHeartbeat(t *testing.T) {
	for _, address := range []string{"udp://localhost:5006?a=1", "udp://127.0.0.1:5006/?a=1", "udp://[::1]:5006?a=1"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			s, err := Dial(t.Context(), address, f.options(Options{Params: url.Values{"b": {"ü"}}}))
			if err != nil {
				t.Fatal(err)
			}
			if got := f.asked[0].url.RawQuery; got != "a=1&b=%C3%BC&vsn=2.0.0" {
				t.Errorf("it asks with %s", got)
			}
			c := <-f.conns
			time.Sleep(time.Hour)
			c.quiet()
			s.Close()
			<-s.Done()
		})
	}
}

func TestCodeOf(t *testing.T) {
	for reason, want := range map[string]ws.Code{
		"1012 the server restarts; reconnect in 312 ms": ws.Restart, "1013": 1013, "": ws.Abnormal, "silent": ws.Abnormal, "-1 x": ws.Abnormal, "65536 x": ws.Abnormal,
	} {
		if got := codeOf(&udp.CloseError{Reason: reason, Remote: true}); got != want {
			t.Errorf("%q: %v", reason, got)
		}
	}
	if got := codeOf(&udp.CloseError{Reason: "1000 "}); got != ws.Abnormal {
		t.Errorf("our own: %v", got)
	}
}
