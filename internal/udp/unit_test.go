package udp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"
)

func TestSumIsHMAC(t *testing.T) {
	for size := range 200 {
		k := randomKey()
		room := make([]byte, padBytes+size)
		for i := range room {
			room[i] = byte(i * 7)
		}
		want := hmac.New(sha256.New, k[:])
		want.Write(room[padBytes:])
		if got := k.sum(room); !bytes.Equal(got[:], want.Sum(nil)) {
			t.Fatalf("another sum of %d bytes", size)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		newest, seq uint64
		fresh       bool
	}{
		{1, 0, false},
		{1, 1, false},
		{1, 2, true},
		{5000, 5000 - replayWindow - 1, false},
		{5000, 5000 - replayWindow, false},
		{5000, 5000 - replayWindow + 1, true},
		{5000, 4999, true},
		{5000, 5000, false},
		{5000, 5001, true},
		{5000, math.MaxUint64, true},
		{math.MaxUint64, math.MaxUint64 - 1, true},
		{math.MaxUint64, math.MaxUint64, false},
	} {
		var w window
		w.take(c.newest)
		if got := w.take(c.seq); got != c.fresh {
			t.Errorf("after %d, %d is fresh: %v", c.newest, c.seq, got)
		}
	}
}

// The window agrees with a set that forgets nothing.
func TestWindowAgainstASet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var w window
	seen := make(map[uint64]bool)
	for base := uint64(1); base < 200_000; {
		base += rnd.Uint64N(300)
		if rnd.IntN(50) == 0 {
			base += rnd.Uint64N(3000)
		}
		for range 20 {
			seq := base + rnd.Uint64N(2000)
			seq -= min(seq-1, rnd.Uint64N(2000))
			want := !seen[seq] && seq+replayWindow > w.newest
			if got := w.take(seq); got != want {
				t.Fatalf("%d after %d is fresh: %v", seq, w.newest, got)
			}
			seen[seq] = true
		}
	}
}

func TestCookie(t *testing.T) {
	b := newBaker()
	here, there := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.1:2")
	now := 10*cookieAge + 1
	c := b.cookie(here, cookieKind, nonce{1}, epochOf(now))
	for name, ok := range map[string]bool{
		"itself":           b.good(c[:], here, cookieKind, nonce{1}, now),
		"at its oldest":    b.good(c[:], here, cookieKind, nonce{1}, 12*cookieAge-1),
		"!too old":         b.good(c[:], here, cookieKind, nonce{1}, 12*cookieAge),
		"!another port":    b.good(c[:], there, cookieKind, nonce{1}, now),
		"!another nonce":   b.good(c[:], here, cookieKind, nonce{2}, now),
		"!another purpose": b.good(c[:], here, challengeFrame, nonce{1}, now),
		"!another server":  newBaker().good(c[:], here, cookieKind, nonce{1}, now),
		"!cut":             b.good(c[:15], here, cookieKind, nonce{1}, now),
	} {
		if ok == strings.HasPrefix(name, "!") {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	var r roundTrip
	between := func(least, most time.Duration) {
		t.Helper()
		if d := r.timeout(time.Hour); d < least || d > most+most/8 {
			t.Errorf("the time-out is %v, not from %v to %v", d, least, most)
		}
	}
	between(firstRTO, firstRTO)
	for range 50 {
		r.sample(time.Millisecond)
	}
	between(minRTO, minRTO)
	r.tries = 3
	between(8*minRTO, 8*minRTO)
	r.tries = 255
	between(maxRTO, maxRTO)
	r.sample(5 * time.Second)
	between(minRTO, maxRTO)
	if d := r.timeout(time.Second); d > time.Second+time.Second/8 {
		t.Errorf("the time-out is %v, over its limit", d)
	}
}

func TestFitReason(t *testing.T) {
	for _, n := range []int{0, 1, 59, 60, 61} {
		got := fitReason(strings.Repeat("é", n))
		if len(got) != 2*min(n, 60) || !utf8.ValidString(got) {
			t.Errorf("%d characters became %q", n, got)
		}
	}
	if got := fitReason("x" + strings.Repeat("é", 60)); len(got) != 119 || !utf8.ValidString(got) {
		t.Errorf("%q", got)
	}
}

func TestRefusalSaysItsKind(t *testing.T) {
	for _, kind := range refusalKinds {
		b := refusal(nonce{}, kind.Errorf("because"))
		if err := refused(b[helloBytes:]); kind != refusalKinds[b[helloBytes]] || !strings.Contains(err.Error(), "the server refused") {
			t.Errorf("%v became %v", kind, err)
		}
	}
}

func TestDatagramsFit(t *testing.T) {
	for name, c := range map[string]struct{ answer, of int }{
		"cookie":    {cookieReplyBytes, helloBytes},
		"welcome":   {welcomeBytes, openBytes},
		"refusal":   {refusalBytes + MaxReasonBytes, openBytes},
		"reset":     {resetBytes, resetBytes + 1},
		"challenge": {dataBytes + 1 + cookieBytes, dataBytes},
	} {
		if c.answer > 3*c.of {
			t.Errorf("a %s of %d bytes answers %d", name, c.answer, c.of)
		}
	}
}

func TestIdleSessionIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Session{}); size > 900 {
		t.Errorf("a session has %d bytes", size)
	}
}
