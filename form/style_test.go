package form_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// The stylesheet is served, knows every class there is, and gives way to all rules.
func TestStyle(t *testing.T) {
	router := web.NewRouter()
	router.Mount("/form", web.Static(form.Style()))
	webtest.Do(t, router, "GET /form/form.css", nil).Is(200)
	css, err := fs.ReadFile(form.Style(), "form.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range []string{"form", "form-field", "form-choice", "form-hint", "form-error", "form-errors"} {
		if !strings.Contains(string(css), ":where(."+class) {
			t.Errorf("no rule for %s", class)
		}
	}
	for line := range strings.Lines(string(css)) {
		if strings.HasPrefix(line, ".") {
			t.Errorf("a rule that does not give way: %s", line)
		}
	}
}
