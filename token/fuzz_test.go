package token_test

import (
	"encoding/base64"
	"testing"

	"github.com/bennu-go/bennu/token"
)

// FuzzVerify wants of each text that it is what was made, to the letter, or refused. The
// tokens are fixed, because the fuzzer's processes have to agree on them.
func FuzzVerify(f *testing.F) {
	keys := keysOf(f, newSecret, formatSecret).WithClock(day().now)
	made := map[string]string{"signed": signedFormat, "sealed": sealedFormat}
	for _, text := range made {
		f.Add(text)
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		raw[len(raw)-1] ^= 1
		f.Add(base64.RawURLEncoding.EncodeToString(raw))
		f.Add(text[:len(text)-1])
		f.Add(text + "\n")
		f.Add(text + "==")
	}
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range ways() {
			data, err := w.read(keys, "session", text)
			switch good := text == made[w.name]; {
			case good && (err != nil || string(data) != "seven"):
				t.Errorf("%s: %q is %q, %v", w.name, text, data, err)
			case !good && (err != token.ErrInvalid || data != nil):
				t.Errorf("%s: %q was never made, and is %q, %v", w.name, text, data, err)
			}
		}
	})
}

// FuzzChanged signs and seals whatever comes, and changes one byte.
func FuzzChanged(f *testing.F) {
	keys := keysOf(f, oldSecret)
	f.Add([]byte("seven"), "session", uint16(3), byte(1))
	f.Add([]byte{}, "\x00", uint16(0), byte(255))
	f.Fuzz(func(t *testing.T, data []byte, purpose string, at uint16, change byte) {
		for _, w := range ways() {
			text, err := w.make(keys, purpose, data)
			if (err == nil) != (purpose != "" && len(data) <= w.most) {
				t.Fatal(err)
			} else if err != nil {
				continue
			}
			if got, err := w.read(keys, purpose, text); err != nil || string(got) != string(data) {
				t.Fatal(got, err)
			}
			changed := []byte(text)
			changed[int(at)%len(changed)] ^= change
			if got, err := w.read(keys, purpose, string(changed)); (err == nil) != (change == 0) {
				t.Fatalf("%q for %q: %q, %v", changed, text, got, err)
			}
		}
	})
}
