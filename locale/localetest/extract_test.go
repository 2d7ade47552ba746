package localetest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/locale/localetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExtract(t *testing.T) {
	keys, err := localetest.Extract("testdata/page")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, k := range keys {
		lines = append(lines, fmt.Sprintf("%q %v %s", string(k.Text), k.Plural, k.At))
	}
	want := `"A sum" false home.go:21
"Converted" false home.go:17
"Dot" false dot.go:5
"Dots" true dot.go:5
"First" false home.go:12
"Renamed" false renamed.go:5
"Second\nline" false home.go:12
"Title" false home.go:9
"Welcome, {name}!" false home.go:20
"{count} items" true home.go:23`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExtractRefuses(t *testing.T) {
	for _, dir := range []string{"testdata/none", folder(t, "bad.go", "package bad {")} {
		if _, err := localetest.Extract(dir); err == nil || !strings.HasPrefix(err.Error(), "localetest: ") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// folder makes a folder of one file.
func folder(t *testing.T, file, data string) string {
	dir := t.TempDir()
	name := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExtractLeavesOut(t *testing.T) {
	for _, file := range []string{"vendor/a.go", ".git/a.go", "testdata/a.go", "web/node_modules/a.go", "a.txt", "a_test.go"} {
		if keys, err := localetest.Extract(folder(t, file, "package bad {")); err != nil || keys != nil {
			t.Errorf("%s: %v, %v", file, keys, err)
		}
	}
}

// watched is a test that writes down how it fails.
type watched struct {
	testing.TB
	lines []string
}

func (w *watched) Helper()           {}
func (w *watched) Error(args ...any) { w.lines = append(w.lines, fmt.Sprint(args...)) }
func (w *watched) Fatal(args ...any) { w.Error(args...); panic(w) }

func TestComplete(t *testing.T) {
	c := locale.MustLoad(fstest.MapFS{"de.json": {Data: []byte(`{
		"A sum": "x", "Converted": "x", "Dot": "x", "Dots": {"one": "x", "other": "x"}, "First": "x", "Renamed": "x",
		"Second\nline": "x", "Title": "x", "{count} items": "x"}`)}}, locale.Config{})
	w := new(watched)
	localetest.Complete(w, c, "testdata/page")
	want := `de: "Welcome, {name}!" (home.go:20) is not translated
de: "{count} items" (home.go:23) is not translated, or not in plural forms`
	if got := strings.Join(w.lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	defer func() {
		if recover() != w {
			t.Error("a folder that is not there did not end the test")
		}
	}()
	localetest.Complete(w, c, "testdata/none")
}

func ExampleExtract() {
	keys, err := localetest.Extract("testdata/page")
	if err != nil {
		fmt.Println(err)
		return
	}
	catalogue := locale.MustLoad(fstest.MapFS{"pl.json": {Data: []byte(`{}`)}}, locale.Config{})
	fmt.Println(len(catalogue.Check(keys...)), "texts to translate, the first:", catalogue.Check(keys...)[0])
	fmt.Println(locale.T(catalogue.With(context.Background(), catalogue.Languages()[1]), "Title"))
	// Output:
	// 10 texts to translate, the first: pl: "A sum" (home.go:21) is not translated
	// Title
}
