package bennu_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asked is what the program at the end of each guide is asked, and what its answer has.
var asked = map[string]struct{ request, body, answer string }{
	"first-program": {"POST /messages", `{"from": "joe", "body": "hi"}`, ""},
	"fleet":         {"GET /health", "", `"state":"running"`},
	"web":           {"POST /api/notices", `{"title": "Ladder", "text": "To lend."}`, `"id":1`},
	"channels":      {"POST /rooms/lobby/notes", `{"name": "radio", "text": "hello"}`, `"text":"hello"`},
	"processes":     {"POST /orders", `{"dish": "soup"}`, `"by":"cook/`},
	"data":          {"POST /api/courses", `{"title": "Knots", "seats": 2}`, `"id":1`},
	"jobs":          {"POST /issues", `{"subject": "Spring", "text": "It is here."}`, `"state":"`},
}

// TestGuides builds the program of each guide as a reader would, vets it after every
// step, and at the end runs it and its tests.
func TestGuides(t *testing.T) {
	guides, err := filepath.Glob("docs/guides/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		steps := stepsOf(string(text))
		if len(steps) == 0 {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(guide), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var files map[string]string
			for _, s := range steps {
				if files, err = s.apply(files); err != nil {
					t.Fatalf("%s: step %s: %v", guide, s.number, err)
				}
				into := filepath.Join(dir, s.number)
				writeModule(t, into, files)
				t.Run("step "+s.number, func(t *testing.T) {
					t.Parallel()
					goTool(t, into, "vet", ".")
				})
			}
			t.Run("run", func(t *testing.T) {
				t.Parallel()
				q, known := asked[name]
				if !known {
					t.Fatalf("say in guides_test.go what the program of %s is to be asked", guide)
				}
				addr := onFreePorts(t, files)
				into := filepath.Join(dir, "run")
				writeModule(t, into, files)
				if slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(f string) bool { return strings.HasSuffix(f, "_test.go") }) {
					goTool(t, into, "test", ".")
				}
				goTool(t, into, "build", "-o", "program", ".")
				start(t, filepath.Join(into, "program"))
				if answer := ask(t, addr, q.request, q.body); !strings.Contains(answer, q.answer) {
					t.Errorf("%s: %s, want something with %s", q.request, answer, q.answer)
				}
			})
		})
	}
}

// step is what a guide has between two numbered headings.
type step struct {
	number string
	blocks []block
}

// block is a code block that names its file in its first line.
type block struct {
	file    string
	changed bool // declarations for a file that is there, not a whole one
	text    string
}

var (
	heading = regexp.MustCompile(`^## (\d+)\.`)
	named   = regexp.MustCompile(`^(?://|--|/\*|<!--) ([\w./-]+\.\w+)(: changed)?(?: \*/| -->)?$`)
)

// stepsOf gives the steps of a guide that have files, in order.
func stepsOf(guide string) (steps []step) {
	number, fence := "", false
	var lines []string
	for line := range strings.Lines(guide) {
		m := heading.FindStringSubmatch(line)
		switch {
		case !fence && m != nil:
			number = m[1]
		case !strings.HasPrefix(line, "```"):
			lines = append(lines, line)
		case !fence:
			fence, lines = true, nil
		default:
			fence = false
			if len(lines) == 0 {
				continue
			}
			m := named.FindStringSubmatch(strings.TrimSpace(lines[0]))
			if m == nil {
				continue
			}
			if len(steps) == 0 || steps[len(steps)-1].number != number {
				steps = append(steps, step{number: number})
			}
			s := &steps[len(steps)-1]
			s.blocks = append(s.blocks, block{m[1], m[2] != "", strings.Join(lines, "")})
		}
	}
	return steps
}

// apply gives the files as they are after the step.
func (s step) apply(before map[string]string) (map[string]string, error) {
	files := maps.Clone(before)
	if files == nil {
		files = make(map[string]string)
	}
	for _, b := range s.blocks {
		if strings.HasSuffix(b.file, ".go") {
			formatted, err := format.Source([]byte(b.text))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", b.file, err)
			}
			if string(formatted) != b.text {
				return nil, fmt.Errorf("%s is not formatted; gofmt gives\n%s", b.file, formatted)
			}
		}
		if !b.changed {
			files[b.file] = b.text
			continue
		}
		_, change, _ := strings.Cut(b.text, "\n")
		text, err := merge(files[b.file], change)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.file, err)
		}
		files[b.file] = text
	}
	return files, nil
}

// merge replaces and adds declarations, as a reader would.
func merge(file, change string) (string, error) {
	if file == "" {
		return "", errors.New("there is no such file yet that could be changed")
	}
	const clause = "package main\n"
	fset := token.NewFileSet()
	old, err := parser.ParseFile(fset, "", file, parser.ParseComments)
	if err != nil {
		return "", err
	}
	change = clause + change
	changed, err := parser.ParseFile(fset, "", change, parser.ParseComments)
	if err != nil {
		return "", err
	}
	fresh := make(map[string]bool)
	for _, d := range changed.Decls {
		fresh[nameOf(d)] = true
	}
	out := clause
	for _, imports := range []*ast.File{old, changed} {
		for _, i := range imports.Imports {
			out += "import " + i.Path.Value + "\n"
		}
	}
	rest := func(f *ast.File, text string, keep func(string) bool) {
		for _, d := range f.Decls {
			if name := nameOf(d); name != "import" && keep(name) {
				start, end := startOf(d), d.End()
				out += "\n" + text[fset.Position(start).Offset:fset.Position(end).Offset] + "\n"
			}
		}
	}
	rest(old, file, func(name string) bool { return !fresh[name] })
	rest(changed, change, func(string) bool { return true })
	formatted, err := format.Source([]byte(out))
	return string(formatted), err
}

// nameOf is what a declaration declares, a method with its receiver's type.
func nameOf(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name
		}
		of := d.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		return fmt.Sprint(of, ".", d.Name.Name)
	case *ast.GenDecl:
		switch s := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return s.Name.Name
		case *ast.ValueSpec:
			return s.Names[0].Name
		}
	}
	return "import"
}

func startOf(d ast.Decl) token.Pos {
	var doc *ast.CommentGroup
	switch d := d.(type) {
	case *ast.FuncDecl:
		doc = d.Doc
	case *ast.GenDecl:
		doc = d.Doc
	}
	if doc != nil {
		return doc.Pos()
	}
	return d.Pos()
}

// writeModule makes a module of files that has this repository as its bennu, and needs
// no network: it requires what this repository does.
func writeModule(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	repo, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	ours := regexp.MustCompile(`(?m)^(module|tool) .*\n`).ReplaceAllString(string(mod), "")
	ours = "module example.com/guide\n" + ours + "\nrequire " + module + " v0.0.0\nreplace " + module + " => " + strconv.Quote(repo) + "\n"
	all := maps.Clone(files)
	all["go.mod"], all["go.sum"] = ours, string(sum)
	for name, text := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func goTool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// onFreePorts moves a program from the ports its guide has to free ones, and gives the
// address of the first, which is that of the web.
func onFreePorts(t *testing.T, files map[string]string) (web string) {
	t.Helper()
	ports := make(map[string]string)
	local := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	for name, text := range files {
		files[name] = local.ReplaceAllStringFunc(text, func(addr string) string {
			if ports[addr] == "" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				ports[addr] = l.Addr().String()
			}
			return ports[addr]
		})
	}
	if web = ports["127.0.0.1:4000"]; web == "" {
		t.Fatal("the program does not listen on 127.0.0.1:4000")
	}
	return web
}

// start runs a program until the test ends, and then wants it to stop in order.
func start(t *testing.T, path string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(path)
	cmd.Dir = filepath.Dir(path)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("the program ended with %v\n%s", err, log.Bytes())
		}
	})
}

// ask sends one request as soon as somebody listens, wants success, and gives the answer.
func ask(t *testing.T, addr, request, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nobody listens on %s: %v", addr, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Close = true // leave no connection behind
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s: %s %s %v", request, resp.Status, answer, err)
	}
	return string(answer)
}
