package webtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

func TestDo(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "[%q,%q,%q,%q]", r.Method, r.URL, r.Header.Get("Content-Type"), body)
	})
	for _, c := range []struct {
		body any
		want [4]string
	}{
		{nil, [4]string{"PUT", "/a?b=c", "text/plain", ""}},
		{"raw", [4]string{"PUT", "/a?b=c", "text/plain", "raw"}},
		{[]byte("raw"), [4]string{"PUT", "/a?b=c", "text/plain", "raw"}},
		{strings.NewReader("raw"), [4]string{"PUT", "/a?b=c", "text/plain", "raw"}},
		{7, [4]string{"PUT", "/a?b=c", "application/json", "7"}},
	} {
		res := webtest.Do(t, h, "PUT /a?b=c", c.body, "Content-Type: text/plain")
		var got [4]string
		res.JSON(&got)
		if res.Status != http.StatusTeapot || got != c.want {
			t.Errorf("got %d %q, want %q", res.Status, got, c.want)
		}
	}
}
