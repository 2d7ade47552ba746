package web

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Debug is a plug for development: where a page is wanted, an error is shown with what a
// developer wants to know: the line of code, the causes, the stack, the request as data
// without its secrets, the routes there are, and advice. Whoever asks from another
// machine gets the usual page.
//
//	if opts.Dev {
//		plugs = append(plugs, web.Debug)
//	}
func Debug(next http.Handler) http.Handler {
	return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		if addr, ok := remoteIP(r); ok && addr.IsLoopback() {
			x.debug = debugPage
		}
		next.ServeHTTP(w, r)
	})
}

var (
	//go:embed debug.html
	debugText     string
	debugTemplate = template.Must(template.New("debug").Parse(debugText))
)

type debugData struct {
	ProblemDetails
	Error   string
	Causes  []string // with their types
	Advice  string
	Frame   *codeFrame
	Stack   string
	Request []debugValue
	Routes  string // of the router that knew no route
}

type debugValue struct{ Name, Text string }

// debugPage answers with the page, and reports whether it could.
func debugPage(w http.ResponseWriter, r *http.Request, err error, p ProblemDetails) bool {
	x := mustExchange(r.Context())
	d := debugData{ProblemDetails: p, Error: err.Error(), Advice: advice(err, p.Status)}
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		d.Causes = append(d.Causes, fmt.Sprintf("%T: %v", cause, cause))
	}
	var thrown *panicked
	var located interface {
		error
		File() string
		Line() int
	}
	switch {
	case errors.As(err, &thrown):
		d.Stack = string(thrown.stack)
		d.Frame = frameOf(d.Stack)
	case errors.As(err, &located):
		d.Frame = newFrame(located.File(), located.Line())
	}
	d.Request = requestValues(&Conn{x, w, r})
	if x.routes != nil && p.Status == http.StatusNotFound && r.Pattern == "" {
		d.Routes = (&Router{table: x.routes}).String()
	}
	var page strings.Builder
	if failed := debugTemplate.Execute(&page, d); failed != nil {
		telemetry.Log(x).Error("the page for developers cannot be rendered", "error", failed)
		return false
	}
	// Its own style is all that it needs; a policy of the program would only hide it.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(p.Status)
	_, _ = io.WriteString(w, page.String())
	return true
}

// requestValues is the request as data, a line for each part.
func requestValues(c *Conn) []debugValue {
	v := reflect.ValueOf(c.data())
	values := make([]debugValue, 0, v.NumField())
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			values = append(values, debugValue{v.Type().Field(i).Name, fault.Inspect(f.Interface())})
		}
	}
	return values
}

// codeFrame is a line of code and those around it.
type codeFrame struct {
	File  string
	Line  int
	Lines []codeLine
}

type codeLine struct {
	Number int
	Text   string
	Here   bool
}

const around = 6 // lines before and after

func newFrame(file string, line int) *codeFrame {
	f := &codeFrame{File: file, Line: line}
	source, err := os.ReadFile(file)
	if err != nil {
		return f // a program that was built elsewhere
	}
	for i, text := range strings.Split(string(source), "\n") {
		if n := i + 1; n >= line-around && n <= line+around {
			f.Lines = append(f.Lines, codeLine{n, strings.ReplaceAll(text, "\t", "    "), n == line})
		}
	}
	return f
}

// goSource is where the code of Go itself stood when the program was built.
var goSource = func() string {
	entry := reflect.ValueOf(http.Error).Pointer()
	file, _ := runtime.FuncForPC(entry).FileLine(entry)
	return strings.TrimSuffix(file, "net/http/server.go")
}()

// frameOf is the code that is nearest to a panic: the first frame below it that is not of
// Go, as in
//
//	main.show(...)
//		/home/ada/shop/users.go:42 +0x1d
func frameOf(stack string) *codeFrame {
	_, below, ok := strings.Cut(stack, "\npanic(")
	if !ok {
		below = stack
	}
	for text := range strings.SplitSeq(below, "\n") {
		place, ok := strings.CutPrefix(text, "\t")
		if !ok {
			continue
		}
		place, _, _ = strings.Cut(place, " ")
		at := strings.LastIndexByte(place, ':')
		if at < 0 || strings.HasPrefix(place, goSource) || !strings.Contains(place[:at], "/") {
			continue
		}
		if line, err := strconv.Atoi(place[at+1:]); err == nil {
			return newFrame(place[:at], line)
		}
	}
	return nil
}

// advice is what usually helps.
func advice(err error, status int) string {
	text := err.Error()
	for _, known := range []struct{ part, says string }{
		{"nil pointer dereference", "A pointer is nil where its value is used. In the line below, look at what stands before each dot, and where it was to be set."},
		{"assignment to entry in nil map", "The map was declared, but not made: use make(map[…]…) or a literal."},
		{"index out of range", "The slice is shorter than the code believes. Compare with len, or use range."},
		{"interface conversion", "A value has another type than the code believes. Use the two-value form, v, ok := x.(T)."},
		{"concurrent map", "Several goroutines use one map. Give it to a process, or guard it by a mutex."},
		{"has no session", "Put the Plug of a web.Sessions on the way of this route: into its scope, or into the router's plugs."},
		{"context is no request's", "The function wants the context of the request: pass r.Context(), c.Context() or the action's ctx on."},
	} {
		if strings.Contains(text, known.part) {
			return known.says
		}
	}
	switch {
	case status == http.StatusNotFound:
		return "If there should be something here, compare the address with the routes: method, path, and the scope's prefix."
	case status == http.StatusUnprocessableEntity:
		return "The input was refused by its rules; in production the client is told by field, as below."
	case status == http.StatusForbidden:
		return "If this is a form of your own page: is it served from the same origin, and does it have its CSRF field? Programs like curl say no Origin: they have to bring the token, in a header where files are sent."
	case status == http.StatusInternalServerError && !isFault(err):
		return "This error is of no kind, so clients are told “internal error”. If it is the client's to mend, give it one: fault.NotFound.Wrap(err, \"…\")."
	}
	return ""
}
