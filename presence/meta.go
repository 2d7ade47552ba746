package presence

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

const (
	mostName = 255     // bytes of a topic and of a key
	mostMeta = 1 << 20 // bytes that MetaBytes may be
)

// checkSpot says what is wrong with a topic and a key.
func checkSpot(topic, key string) error {
	for _, n := range []struct{ what, name string }{{"topic", topic}, {"key", key}} {
		switch {
		case n.name == "":
			return fault.Invalid.Errorf("the presence has an empty %s", n.what)
		case len(n.name) > mostName:
			return fault.Invalid.Errorf("the presence has a %s of %d bytes; it may have %d", n.what, len(n.name), mostName)
		case !utf8.ValidString(n.name):
			return fault.Invalid.Errorf("the presence has a %s that is not valid UTF-8", n.what)
		}
	}
	return nil
}

// encodeMeta gives a meta as the JSON object that it must be.
func encodeMeta(meta any, most int) (string, error) {
	text, err := json.Marshal(meta)
	if err != nil {
		return "", fault.Invalid.Wrap(err, "the meta of the presence cannot be encoded as JSON")
	}
	switch {
	case text[0] != '{':
		return "", fault.Invalid.Errorf("the meta of the presence must encode as a JSON object, and %T does not; use a struct or a map", meta)
	case len(text) > most:
		return "", fault.Invalid.Errorf("the meta of the presence has %d bytes as JSON; it may have %d: leave to Fetch what belongs to the key", len(text), most)
	case hasField(text, "phx_ref") || hasField(text, "phx_ref_prev"):
		return "", fault.Invalid.Errorf("the meta of the presence has a field phx_ref or phx_ref_prev, which are the tracker's")
	}
	return string(text), nil
}

// hasField reports whether a JSON object has a field.
func hasField(object []byte, name string) bool {
	if !bytes.Contains(object, []byte(name)) {
		return false
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return false
	}
	_, has := fields[name]
	return has
}
