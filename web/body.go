package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

const (
	defaultMaxBody = 1 << 20  // bytes of a body
	maxQuery       = 16 << 10 // bytes of a query string
	maxQueryParams = 1000     // parts of a query string
	maxHeaders     = 200      // names in a header
)

// MaxBody makes a plug that limits the body of requests to that many bytes, instead
// of the 1 MiB that every request has by default. The innermost one counts. A larger
// body is answered with 413 by actions; other handlers get *[http.MaxBytesError] when
// they read too far, which [Problem] answers with 413.
func MaxBody(bytes int64) Plug {
	if bytes < 0 {
		panic(fmt.Sprintf("web: MaxBody of %d bytes", bytes))
	}
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			x.body.limit = bytes
			next.ServeHTTP(w, r)
		})
	}
}

// limitedBody is the request's body with a limit, which counts from the first read.
type limitedBody struct {
	whole   io.ReadCloser
	limit   int64
	limited io.ReadCloser
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.limited == nil {
		// Without a writer, whose header it would change, perhaps while another goroutine does.
		b.limited = http.MaxBytesReader(nil, b.whole, b.limit)
	}
	n, err := b.limited.Read(p)
	return n, bodyFault(err)
}

// bodyFault gives what the client has done wrong its kind.
func bodyFault(err error) error {
	var over *http.MaxBytesError
	switch {
	case err == nil || err == io.EOF || err == http.ErrBodyReadAfterClose:
		return err
	case errors.As(err, &over):
		return &refusal{http.StatusRequestEntityTooLarge, fault.Invalid.Wrap(err, "the body is larger than %d bytes", over.Limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{http.StatusRequestTimeout, fault.Timeout.Wrap(err, "the body took too long")}
	}
	return fault.Invalid.Wrap(err, "the body could not be read to its end")
}

func (b *limitedBody) Close() error { return b.whole.Close() }

// bounded refuses requests whose query or header is beyond what anybody needs. The
// size of the header is the server's to check.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.RawQuery; {
		case len(query) > maxQuery:
			Problem(w, r, refuse(http.StatusRequestURITooLong, "the query string is larger than %d bytes", maxQuery))
		case query != "" && strings.Count(query, "&") >= maxQueryParams:
			Problem(w, r, fault.Invalid.Errorf("the query string has more than %d parameters", maxQueryParams))
		case len(r.Header) > maxHeaders:
			Problem(w, r, refuse(http.StatusRequestHeaderFieldsTooLarge, "the header has more than %d fields", maxHeaders))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// mediaTypeOf is the request's Content-Type without its parameters, or "".
func mediaTypeOf(r *http.Request) string {
	given := r.Header.Get("Content-Type")
	if given == "application/json" || given == formType {
		return given
	}
	t, _, err := mime.ParseMediaType(given)
	if err != nil {
		return ""
	}
	return t
}
