package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
)

// Handler serves the document as JSON. It is made when it is first asked for, once all
// routes are there. Mistakes that make [Of] panic are an internal error then: call Of in a
// test to find them earlier.
func Handler(router *web.Router, info Info) http.Handler {
	return lazily(router, info, "application/json", (*Document).JSON)
}

// TypeScript serves the source of the client, as [Handler] does the document. It is for
// development; see [Document.WriteFile].
func TypeScript(router *web.Router, info Info) http.Handler {
	return lazily(router, info, "text/plain; charset=utf-8", (*Document).TypeScript)
}

// made is bytes that stay the same.
type made struct {
	data []byte
	etag string
	err  error
}

func makeOf(data []byte) made {
	sum := sha256.Sum256(data)
	return made{data: data, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}

func lazily(router *web.Router, info Info, kind string, of func(*Document) []byte) http.Handler {
	once := sync.OnceValue(func() (m made) {
		defer func() {
			if why := recover(); why != nil {
				m.err = fault.Internal.Errorf("the document of the API cannot be made: %v", why)
			}
		}()
		return makeOf(of(Of(router, info)))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := once()
		if m.err != nil {
			web.Problem(w, r, m.err)
			return
		}
		m.serve(w, r, kind)
	})
}

func (m made) serve(w http.ResponseWriter, r *http.Request, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", m.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.data))
}
