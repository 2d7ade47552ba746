package token

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestXAES reads the test vectors of c2sp.org/XAES-256-GCM.
func TestXAES(t *testing.T) {
	for _, c := range []struct {
		key          byte
		header, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		s, err := newSealer(bytes.Repeat([]byte{c.key}, keySize))
		if err != nil {
			t.Fatal(err)
		}
		text, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		data, ok := s.reveal([]byte(c.header), append([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"), text...))
		if !ok || string(data) != "XAES-256-GCM" {
			t.Errorf("%d: %q, %v", c.key, data, ok)
		}
	}
}

// TestSameID tells two secrets apart whose ids are the same.
func TestSameID(t *testing.T) {
	r := &ring{keys: make(map[use][]key)}
	for _, text := range []string{"the new secret, which has 32 bytes", "an old secret, which has 32 bytes"} {
		s, err := newSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		s.id = [idSize]byte{7, 7}
		r.secrets = append(r.secrets, s)
	}
	both, older := &Keys{ring: r}, &Keys{ring: &ring{secrets: r.secrets[1:], keys: make(map[use][]key)}}
	text, err := older.Seal("session", []byte("7"))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := both.Open("session", text); err != nil || string(data) != "7" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestMostUses keeps as many keys as it says, and works beyond.
func TestMostUses(t *testing.T) {
	keys, err := NewKeys(Generate())
	if err != nil {
		t.Fatal(err)
	}
	for i := range mostUses + 1 {
		if got := len(keys.ring.keys); got != i {
			t.Fatalf("%d uses are kept after %d", got, i)
		}
		if _, err := keys.Sign(string(rune('a'+i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(keys.ring.keys); got != mostUses {
		t.Errorf("%d uses are kept", got)
	}
}
