package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
)

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

func encodeJSON(v any) ([]byte, error) { return json.Marshal(v) }

// notNull replaces a nil slice or map by an empty one: [] and {}, where
// encoding/json says null.
func notNull(out any, v reflect.Value) any {
	if _, own := out.(json.Marshaler); own || !v.IsNil() {
		return out
	}
	if v.Kind() == reflect.Map {
		return reflect.MakeMap(v.Type()).Interface()
	}
	return reflect.MakeSlice(v.Type(), 0, 0).Interface()
}

// readJSON reads the whole body into in.
func readJSON(w http.ResponseWriter, r *http.Request, in any) error {
	if r.Body == nil || r.Body == http.NoBody {
		return fault.Invalid.Errorf("the body is empty; it must be JSON")
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return refuse(http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
	}
	limited := limitBody(w, r)
	if r.ContentLength > limited.limit {
		return tooLarge(w, limited.limit)
	}
	var data bytes.Buffer
	data.Grow(bytes.MinRead + int(min(max(r.ContentLength, 0), 64<<10)))
	if _, err := data.ReadFrom(limited); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return tooLarge(w, over.Limit)
		}
		return fault.Invalid.Wrap(err, "the body could not be read to its end")
	}
	if len(bytes.TrimSpace(data.Bytes())) == 0 {
		return fault.Invalid.Errorf("the body is empty; it must be JSON")
	}
	return codec.Decode("the body", data.Bytes(), in)
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

const defaultMaxBody = 1 << 20

// MaxBody makes a plug that limits the body of requests to that many bytes, instead
// of the 1 MiB that a [JSON] action reads by default. The innermost one counts. An
// action answers a larger body with 413; other handlers get *[http.MaxBytesError]
// when they read too far.
func MaxBody(bytes int64) Plug {
	if bytes < 0 {
		panic(fmt.Sprintf("web: MaxBody of %d bytes", bytes))
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			whole := r.Body
			if outer, ok := whole.(*limitedBody); ok {
				whole = outer.whole
			}
			if whole == nil || whole == http.NoBody {
				next.ServeHTTP(w, r)
				return
			}
			own := *r
			own.Body = &limitedBody{http.MaxBytesReader(w, whole, bytes), whole, bytes}
			next.ServeHTTP(w, &own)
		})
	}
}

type limitedBody struct {
	io.ReadCloser
	whole io.ReadCloser
	limit int64
}

// limitBody is the request's body with a limit: that of [MaxBody] or the default.
func limitBody(w http.ResponseWriter, r *http.Request) *limitedBody {
	if limited, ok := r.Body.(*limitedBody); ok {
		return limited
	}
	return &limitedBody{http.MaxBytesReader(w, r.Body, defaultMaxBody), r.Body, defaultMaxBody}
}

func tooLarge(w http.ResponseWriter, limit int64) error {
	w.Header().Set("Connection", "close") // rather than read the rest of it
	return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", limit)
}
