package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

func TestRoundTrip(t *testing.T) {
	keys := keysOf(t, oldSecret)
	for _, w := range ways() {
		for _, size := range []int{0, 1, 2, 3, 200, w.most} {
			data := strings.Repeat("x", size)
			text := w.must(t, keys, "session", data)
			if got, err := w.read(keys, "session", text); err != nil || string(got) != data {
				t.Errorf("%s, %d bytes: %q, %v", w.name, size, got, err)
			}
			if len(text) > token.MaxSize {
				t.Errorf("%s, %d bytes: a text of %d", w.name, size, len(text))
			}
			if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				t.Errorf("%s: %q does not fit into a URL", w.name, text)
			}
		}
	}
}

func TestTooMuchData(t *testing.T) {
	keys := keysOf(t, oldSecret)
	for _, w := range ways() {
		_, err := w.make(keys, "session", make([]byte, w.most+1))
		if fault.Of(err) != fault.Internal || !strings.Contains(fmt.Sprint(err), "3032 bytes do not fit, 3031 do") && w.most == 3031 {
			t.Errorf("%s: %v", w.name, err)
		}
	}
}

func TestAnotherPurpose(t *testing.T) {
	keys := keysOf(t, oldSecret)
	for _, w := range ways() {
		text := w.must(t, keys, "session", "7")
		for _, other := range ways() {
			for _, purpose := range []string{"session", "Session", "session ", "csrf"} {
				data, err := other.read(keys, purpose, text)
				if good := other.name == w.name && purpose == "session"; good != (err == nil) {
					t.Errorf("%s for session is taken as %s for %q: %q, %v", w.name, other.name, purpose, data, err)
				}
			}
		}
	}
}

func TestSealedIsUnreadable(t *testing.T) {
	keys := keysOf(t, oldSecret)
	text, err := keys.Seal("note", []byte("a secret message of some length"))
	again, err2 := keys.Seal("note", []byte("a secret message of some length"))
	if err != nil || err2 != nil || text == again {
		t.Fatal("two tokens of the same data are the same", err, err2)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || strings.Contains(string(raw), "message") {
		t.Errorf("%q, %v", raw, err)
	}
}

// TestEveryBit changes each bit, removes each end and appends to a token.
func TestEveryBit(t *testing.T) {
	keys := keysOf(t, newSecret, oldSecret)
	for _, w := range ways() {
		text := w.must(t, keys, "session", "seven")
		refused := func(what, changed string) {
			t.Helper()
			if data, err := w.read(keys, "session", changed, token.Forever); !errors.Is(err, token.ErrInvalid) || data != nil {
				t.Errorf("%s, %s: %q, %v", w.name, what, data, err)
			}
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for bit := range len(raw) * 8 {
			raw[bit/8] ^= 1 << (bit % 8)
			refused(fmt.Sprint("bit ", bit), base64.RawURLEncoding.EncodeToString(raw))
			raw[bit/8] ^= 1 << (bit % 8)
		}
		for n := range raw {
			refused(fmt.Sprint("the first ", n), base64.RawURLEncoding.EncodeToString(raw[:n]))
		}
		for at := range len(text) + 1 {
			for _, more := range []string{"\n", "\r", " ", "=", "A", "\x00"} {
				refused(fmt.Sprintf("%q at %d", more, at), text[:at]+more+text[at:])
			}
		}
	}
}

// TestOneText refuses the other texts of the same bytes.
func TestOneText(t *testing.T) {
	keys := keysOf(t, oldSecret)
	for _, w := range ways() {
		for _, data := range []string{"", "1", "12"} { // two, four or no bits to spare
			text := w.must(t, keys, "session", data)
			last := strings.IndexByte(alphabet, text[len(text)-1])
			for spare := range 16 {
				other := text[:len(text)-1] + string(alphabet[last&^15|spare])
				if _, err := w.read(keys, "session", other); (err == nil) != (other == text) {
					t.Errorf("%s: %s is taken for %s: %v", w.name, other, text, err)
				}
			}
		}
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestTooLong(t *testing.T) {
	keys := keysOf(t, oldSecret)
	for _, text := range []string{"", "A", strings.Repeat("A", token.MaxSize), strings.Repeat("A", token.MaxSize+1), "é", "AQ=="} {
		for _, w := range ways() {
			if _, err := w.read(keys, "session", text); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("%s, %d bytes: %v", w.name, len(text), err)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	before, during, after := keysOf(t, oldSecret), keysOf(t, newSecret, oldSecret), keysOf(t, newSecret)
	for _, w := range ways() {
		first, second := w.must(t, before, "session", "1"), w.must(t, during, "session", "2")
		for _, c := range []struct {
			keys *token.Keys
			text string
			good bool
		}{
			{before, first, true}, {during, first, true}, {after, first, false},
			{before, second, false}, {during, second, true}, {after, second, true},
		} {
			if _, err := w.read(c.keys, "session", c.text); (err == nil) != c.good {
				t.Errorf("%s: %s by %v: %v", w.name, c.text, c.keys, err)
			}
		}
	}
}

func TestSecrets(t *testing.T) {
	secret := func(n int) fault.Secret { return fault.NewSecret(strings.Repeat("s", n)) }
	for _, c := range []struct {
		secrets []fault.Secret
		want    string
	}{
		{nil, "token: there is no secret"},
		{[]fault.Secret{{}}, "token: secret 1 of 1 has 0 bytes, fewer than 32"},
		{[]fault.Secret{secret(32), secret(31)}, "token: secret 2 of 2 has 31 bytes, fewer than 32"},
		{[]fault.Secret{secret(32)}, ""},
		{[]fault.Secret{secret(33), token.Generate()}, ""},
	} {
		keys, err := token.NewKeys(c.secrets...)
		switch {
		case c.want == "" && (err != nil || keys == nil):
			t.Error(err)
		case c.want != "" && (fault.Of(err) != fault.Invalid || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestGenerate(t *testing.T) {
	a, b := token.Generate(), token.Generate()
	if len(a.Reveal()) != 43 || a.Matches(b) || fmt.Sprint(a) != "[secret]" {
		t.Errorf("%q, %q", a.Reveal(), b.Reveal())
	}
}

func TestWiring(t *testing.T) {
	var none *token.Keys
	for _, w := range ways() {
		for _, c := range []struct {
			keys    *token.Keys
			purpose string
		}{{none, "a"}, {new(token.Keys), "a"}, {keysOf(t, oldSecret), ""}} {
			if _, err := w.make(c.keys, c.purpose, nil); fault.Of(err) != fault.Internal {
				t.Error(w.name, c, err)
			}
			if _, err := w.read(c.keys, c.purpose, "AQ"); fault.Of(err) != fault.Internal || errors.Is(err, token.ErrInvalid) {
				t.Error(w.name, c, err)
			}
		}
	}
}

func TestSetting(t *testing.T) {
	type options struct {
		Keys  token.Keys  `env:"SECRETS" secret:"true"`
		Other *token.Keys `env:"OTHER" secret:"true"`
	}
	load := func(value string) (options, error) {
		return config.Load[options]("test", nil, func(name string) (string, bool) { return value, name == "SECRETS" })
	}
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	opts, err := load("\n" + a + " , " + b + "\n")
	if err != nil || opts.Other != nil {
		t.Fatal(opts, err)
	}
	text, err := opts.Keys.Sign("session", []byte("7"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keysOf(t, a).Verify("session", text); err != nil {
		t.Error("the first does not sign:", err)
	}
	if text, err = keysOf(t, b).Sign("session", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := opts.Keys.Verify("session", text); err != nil {
		t.Error("the second does not verify:", err)
	}
	if _, err := load("hunter2"); fault.Of(err) != fault.Invalid || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	if opts, err = load(""); err != nil || opts.Keys.String() != "token.Keys(no secrets)" {
		t.Error(opts, err)
	}
}

// TestNeverPrints looks for the secret and for what is derived from it.
func TestNeverPrints(t *testing.T) {
	keys := keysOf(t, newSecret, oldSecret)
	for _, w := range ways() {
		w.must(t, keys, "session", "7")
	}
	type holder struct {
		Keys *token.Keys
		Copy token.Keys
		keys *token.Keys
		copy token.Keys
	}
	h := holder{keys, *keys, keys, *keys}
	var out strings.Builder
	for _, v := range []any{keys, *keys, h, &h, []any{h}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, fault.Inspect(v), fault.Data(v))
		text, err := json.Marshal(v)
		fmt.Fprintln(&out, string(text), err)
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
	}
	for _, part := range []string{"secret, which", "root", "subkey", "signer", "sealer", "0x73, 0x65", "115 101 99"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q is in\n%s", part, out.String())
		}
	}
	if !strings.HasPrefix(out.String(), "token.Keys(secrets: 2)\n") {
		t.Error(out.String())
	}
}

func TestAge(t *testing.T) {
	for _, w := range ways() {
		c := day()
		keys := keysOf(t, oldSecret).WithClock(c.now)
		text, start := w.must(t, keys, "session", "7"), c.at
		for _, x := range []struct {
			after  time.Duration
			maxAge []token.MaxAge
			want   error
		}{
			{0, nil, nil},
			{24 * time.Hour, nil, nil},
			{24*time.Hour + time.Millisecond, nil, token.ErrExpired},
			{time.Hour, []token.MaxAge{token.MaxAge(time.Hour)}, nil},
			{time.Hour + time.Millisecond, []token.MaxAge{token.MaxAge(time.Hour)}, token.ErrExpired},
			{time.Hour, []token.MaxAge{token.Forever, token.MaxAge(time.Minute)}, token.ErrExpired},
			{200 * 365 * 24 * time.Hour, []token.MaxAge{token.Forever}, nil},
			{0, []token.MaxAge{0}, token.ErrExpired},
			{0, []token.MaxAge{-1}, token.ErrExpired},
			{-5 * time.Minute, nil, nil},
			{-5*time.Minute - time.Millisecond, nil, token.ErrInvalid},
			{-5*time.Minute - time.Millisecond, []token.MaxAge{token.Forever}, token.ErrInvalid},
		} {
			c.at = start.Add(x.after)
			data, err := w.read(keys, "session", text, x.maxAge...)
			if !errors.Is(err, x.want) || (err == nil) != (string(data) == "7") {
				t.Errorf("%s after %s, at most %v: %q, %v; want %v", w.name, x.after, x.maxAge, data, err, x.want)
			}
		}
	}
}

func TestClockBefore1970(t *testing.T) {
	c := &clock{}
	keys := keysOf(t, oldSecret).WithClock(c.now)
	text := ways()[0].must(t, keys, "session", "7")
	c.at = time.Unix(0, 0)
	if _, err := keys.Verify("session", text); err != nil {
		t.Error(err)
	}
}

func TestSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := keysOf(t, oldSecret)
		text := ways()[0].must(t, keys, "session", "7")
		time.Sleep(24*time.Hour + time.Millisecond)
		if _, err := keys.Verify("session", text); !errors.Is(err, token.ErrExpired) {
			t.Error(err)
		}
	})
}

// Tokens that are out there: "seven" for "session", made on that [day].
const (
	formatSecret = "Wv3yP0nT7mR2kQ9sX4bL8cJ1dF6gH5aZ"
	signedFormat = "AX6FAZypRQoAc2V2ZW4ldsuxZguivKQUeyc3GEt1-e6F80PBztEP68tHjWiojQ"
	sealedFormat = "An6FAZypRQoAVtH5qdArAfRTbU6nH-VvoIJoHz8HoCGoqligb7PY7ARA04YT_OdaC9ngDJ3E"
)

func TestFormat(t *testing.T) {
	keys := keysOf(t, formatSecret).WithClock(day().now)
	if text, err := keys.Sign("session", []byte("seven")); err != nil || text != signedFormat {
		t.Errorf("%s, %v", text, err)
	}
	if data, err := keys.Open("session", sealedFormat); err != nil || string(data) != "seven" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestErrors(t *testing.T) {
	for _, err := range []error{token.ErrExpired, token.ErrInvalid} {
		if fault.Of(err) != fault.Unauthenticated || fault.Detail(err) != err.Error() {
			t.Error(err)
		}
	}
	if errors.Is(token.ErrExpired, token.ErrInvalid) {
		t.Error("the errors are the same")
	}
}

// TestManyUses goes beyond what is kept, from many goroutines.
func TestManyUses(t *testing.T) {
	keys := keysOf(t, newSecret, oldSecret)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 300 {
				purpose := fmt.Sprint("purpose ", (i+worker*7)%300)
				text, err := keys.Sign(purpose, []byte(purpose))
				if err != nil {
					t.Error(err)
				}
				if data, err := keys.Verify(purpose, text); err != nil || string(data) != purpose {
					t.Errorf("%q: %q, %v", purpose, data, err)
				}
			}
		})
	}
	all.Wait()
}
