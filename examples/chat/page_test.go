package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/presence"
)

// TestPage asks for the page, and for all that it and its parts name.
func TestPage(t *testing.T) {
	socket := &channel.Socket{Channels: channels(Store{}, &presence.Tracker[Here]{Name: "users"})}
	router := routes(socket)
	get := func(path string) string {
		t.Helper()
		answer := httptest.NewRecorder()
		router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusOK || !strings.Contains(answer.Header().Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("GET %s: %d %v", path, answer.Code, answer.Header())
		}
		return answer.Body.String()
	}
	index := get("/")
	if inline := regexp.MustCompile(`(?i)<script>|<style|style=|\son\w+=|javascript:`).FindString(index); inline != "" {
		t.Errorf("the policy forbids %q", inline)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(index, -1) {
		get("/" + m[1])
	}
	files, _ := fs.Glob(pageFiles, "page/*.js")
	for _, name := range files {
		script := get("/" + strings.TrimPrefix(name, "page/"))
		for _, m := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(script, -1) {
			get("/" + m[1])
		}
		for _, m := range regexp.MustCompile(`byId\("([^"]+)"\)`).FindAllStringSubmatch(script, -1) {
			if !strings.Contains(index, `id="`+m[1]+`"`) {
				t.Errorf("%s looks for #%s, which the page does not have", name, m[1])
			}
		}
		if strings.Contains(script, "innerHTML") {
			t.Errorf("%s takes text for HTML", name)
		}
	}
	types := get("/socket.d.ts")
	for _, part := range []string{"[topic: `room:${string}`]", `"rooms"`, "presence", "post", "posted", "typing"} {
		if !strings.Contains(types, part) {
			t.Errorf("the types do not have %s:\n%s", part, types)
		}
	}
}
