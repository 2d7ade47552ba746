package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"sync"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
)

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

func encodeJSON(v any) ([]byte, error) { return json.Marshal(v) }

// encoder is a buffer and what writes JSON into it, to be used again.
type encoder struct {
	bytes.Buffer
	json *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.Buffer)
	return e
}}

var jsonType = []string{"application/json"}

// writeJSON answers with v. It encodes before it writes.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	e := encoders.Get().(*encoder)
	defer func() {
		if e.Cap() <= 64<<10 {
			e.Reset()
			encoders.Put(e)
		}
	}()
	if err := e.json.Encode(v); err != nil {
		return fault.Internal.Wrap(err, "cannot encode %T", v)
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimSuffix(e.Bytes(), newline)) // the client is gone if it fails
	return nil
}

var newline = []byte("\n")

// readJSON reads the whole body into in, and gives what it has read.
func readJSON(r *http.Request, in any) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, fault.Invalid.Errorf("the body is empty; it must be JSON")
	}
	if mediaTypeOf(r) != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the Content-Type must be application/json or "+formType)
	}
	if x := exchangeOf(r.Context()); r.ContentLength > x.body.limit {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", x.body.limit)
	}
	var data bytes.Buffer
	data.Grow(bytes.MinRead + int(min(max(r.ContentLength, 0), 64<<10)))
	if _, err := data.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data.Bytes())) == 0 {
		return nil, fault.Invalid.Errorf("the body is empty; it must be JSON")
	}
	return data.Bytes(), codec.Decode("the body", data.Bytes(), in)
}
