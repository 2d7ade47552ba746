package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bennu-go/bennu/web"
)

func dial(t *testing.T, e *web.Endpoint) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", e.ListenAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

type wireInput struct {
	ID   string         `path:"id"`
	Tags []string       `query:"tag"`
	Mark string         `header:"X-Mark"`
	Name string         `json:"name"`
	N    int64          `json:"n"`
	Free map[string]any `json:"free"`
}

// hostileSite is a site of all that this package has, as strangers see it.
func hostileSite() http.Handler {
	router := web.NewRouter(web.RealIP("10.0.0.0/8"), web.SecureHeaders("default-src 'self'"), web.MethodOverride,
		web.CORS{Origins: []string{"https://*.example.com"}, Credentials: true}.Plug)
	router.HandleFunc("GET /ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	router.HandleFunc("POST /ignore", say("ignored"))
	router.HandleFunc("POST /read", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			web.Problem(w, r, err)
			return
		}
		fmt.Fprintf(w, "%d", len(body))
	}, web.MaxBody(1000))
	router.HandleFunc("GET /tree/", say("tree"))
	router.HandleFunc("GET /files/{path...}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", r.PathValue("path")) })
	router.HandleFunc("GET /go", func(w http.ResponseWriter, r *http.Request) {
		web.Page(func(_ context.Context, in struct {
			To string `query:"to"`
		}) (web.View, error) {
			return web.RedirectTo(in.To), nil
		}).ServeHTTP(w, r)
	})
	router.Handle("POST /in/{id}", web.JSON(func(_ context.Context, in wireInput) (wireInput, error) { return in, nil }))
	router.Host("{tenant}.example.com").HandleFunc("GET /tenant", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", r.PathValue("tenant")) })
	router.HandleFunc("GET /asset", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(strings.Repeat("a", 10_000)))
	})
	router.Handle("GET /safe", say("safe"), web.HTTPS{}.Plug)
	return router
}

// wire sends bytes to an endpoint and reads all answers until the connection ends.
type wire struct {
	*testing.T
	e *web.Endpoint
}

// ask gives the raw answers. The endpoint closes the connection, or does so because the
// client has sent its last byte.
func (x wire) ask(request string) string {
	x.Helper()
	conn := dial(x.T, x.e)
	go func() {
		_, _ = io.WriteString(conn, request)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	answer, err := io.ReadAll(conn)
	if err, ok := err.(net.Error); ok && err.Timeout() {
		x.Errorf("%.60q: the connection stays open", request)
	}
	return string(answer)
}

// statuses of the answers, as in "200 404".
func statuses(answers string) string {
	var all []string
	for in := bufio.NewReader(strings.NewReader(answers)); ; {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			break
		}
		_, _ = io.Copy(io.Discard, res.Body)
		all = append(all, fmt.Sprint(res.StatusCode))
	}
	return strings.Join(all, " ")
}

// neighbour asks politely all the time, until it is stopped.
func (x wire) neighbour() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	conn := dial(x.T, x.e)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	go func() {
		defer close(done)
		answers := bufio.NewReader(conn)
		for n := 0; ; n++ {
			_, _ = io.WriteString(conn, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				x.Errorf("the neighbour's request %d: %v", n, err)
				return
			}
			body, _ := io.ReadAll(res.Body)
			if string(body) != "ok" {
				x.Errorf("the neighbour's request %d: %d %s", n, res.StatusCode, body)
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() { close(quit); <-done }
}

func serveHostile(t *testing.T, e *web.Endpoint) wire {
	e.Handler = hostileSite()
	served, _, _, _ := serve(t, e)
	x := wire{t, served}
	t.Cleanup(x.neighbour())
	return x
}

const host = "Host: x\r\n"

func TestWireRefusals(t *testing.T) {
	x := serveHostile(t, &web.Endpoint{ReadHeaderTimeout: 2 * time.Second})
	long := strings.Repeat("x", 70<<10)
	post := "POST /read HTTP/1.1\r\n" + host
	for what, c := range map[string]struct{ request, want string }{
		"a large header":          {"GET /ok HTTP/1.1\r\n" + host + "X: " + long + "\r\n\r\n", "431"},
		"10,000 fields":           {"GET /ok HTTP/1.1\r\n" + host + numbered(10_000, "A%d: 1\r\n") + "\r\n", "431"},
		"200 fields":              {"GET /ok HTTP/1.1\r\n" + host + numbered(200, "A%d: 1\r\n") + "\r\n", "200"},
		"201 fields":              {"GET /ok HTTP/1.1\r\n" + host + numbered(201, "A%d: 1\r\n") + "\r\n", "431"},
		"a large query":           {"GET /ok?" + long[:16<<10+1] + " HTTP/1.1\r\n" + host + "\r\n", "414"},
		"a query":                 {"GET /ok?" + long[:16<<10] + " HTTP/1.1\r\n" + host + "\r\n", "200"},
		"1,001 parameters":        {"GET /ok?" + strings.Repeat("a&", 1000) + "a HTTP/1.1\r\n" + host + "\r\n", "400"},
		"1,000 parameters":        {"GET /ok?" + strings.Repeat("a&", 999) + "a HTTP/1.1\r\n" + host + "\r\n", "200"},
		"a long path":             {"GET /" + long[:60<<10] + " HTTP/1.1\r\n" + host + "\r\n", "404"},
		"a deep path":             {"GET /files" + strings.Repeat("/a", 30<<10) + " HTTP/1.1\r\n" + host + "\r\n", "200"},
		"a long method":           {long[:10<<10] + " /ok HTTP/1.1\r\n" + host + "\r\n", "405"},
		"all options":             {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "200"},
		"a star":                  {"GET * HTTP/1.1\r\n" + host + "\r\n", "400"},
		"connect":                 {"CONNECT evil.example:443 HTTP/1.1\r\n" + host + "\r\n", "404"},
		"trace":                   {"TRACE /ok HTTP/1.1\r\n" + host + "\r\n", "405"},
		"an absolute target":      {"GET http://evil.example/ok HTTP/1.1\r\n" + host + "\r\n", "200"},
		"an opaque target":        {"GET http:ok HTTP/1.1\r\n" + host + "\r\n", "307"},
		"an authority":            {"GET evil.example:443 HTTP/1.1\r\n" + host + "\r\n", "307"},
		"no host":                 {"GET /ok HTTP/1.1\r\n\r\n", "400"},
		"two hosts":               {"GET /ok HTTP/1.1\r\n" + host + host + "\r\n", "400"},
		"http 0.9":                {"GET /ok\r\n\r\n", "400"},
		"http 1.0, kept":          {"GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /ok HTTP/1.0\r\n\r\n", "200 200"},
		"http 3.7":                {"GET /ok HTTP/3.7\r\n" + host + "\r\n", "505"},
		"http 1.10":               {"GET /ok HTTP/1.10\r\n" + host + "\r\n", "400"},
		"http 2's preface":        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "400"},
		"an upgrade":              {"GET /ok HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "200"},
		"h2c":                     {"GET /ok HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", "200"},
		"tls":                     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
		"a NUL in a value":        {"GET /ok HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", "400"},
		"a NUL in the path":       {"GET /o\x00k HTTP/1.1\r\n" + host + "\r\n", "400"},
		"a bad escape":            {"GET /files/%zz HTTP/1.1\r\n" + host + "\r\n", "400"},
		"bytes in a value":        {"GET /ok HTTP/1.1\r\n" + host + "X: \xff\xfe\r\n\r\n", "200"},
		"a bare LF":               {"GET /ok HTTP/1.1\n" + host + "\n", "200"},
		"a bare CR in a value":    {"GET /ok HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", "400"},
		"a space before a colon":  {"GET /ok HTTP/1.1\r\n" + host + "X : 1\r\n\r\n", "400"},
		"a leading fold":          {"GET /ok HTTP/1.1\r\n X: 1\r\n" + host + "\r\n", "400"},
		"both lengths":            {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /ok HTTP/1.1\r\n" + host + "\r\n", "200 200"}, // chunks count, as RFC 9112 wants; the connection goes on, which is net/http's choice
		"two lengths":             {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhellos", "400"},
		"a length with a sign":    {post + "Content-Length: +5\r\n\r\nhello", "400"},
		"a negative length":       {post + "Content-Length: -5\r\n\r\nhello", "400"},
		"an endless length":       {post + "Content-Length: 99999999999999999999\r\n\r\nhello", "400"},
		"an unknown coding":       {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		"a folded coding":         {post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "200"},
		"a chunk's extension":     {post + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", "200"},
		"a large extension":       {post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+long[:1000]+"\r\nx\r\n", 100) + "0\r\n\r\n", "400"},
		"a chunk without length":  {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "400"},
		"half a body":             {post + "Content-Length: 50\r\n\r\nhello", "400"},
		"a body at the limit":     {post + "Content-Length: 1000\r\n\r\n" + long[:1000], "200"},
		"a body over the limit":   {post + "Content-Length: 1001\r\n\r\n" + long[:1001] + "GET /ok HTTP/1.1\r\n" + host + "\r\n", "413"},
		"chunks over the limit":   {post + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + long[:1001] + "\r\n0\r\n\r\nGET /ok HTTP/1.1\r\n" + host + "\r\n", "413"},
		"continue, over":          {post + "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n" + long[:1001], "100 413"},
		"continue, not read":      {"POST /ignore HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "200"},
		"too many ranges":         {"GET /asset HTTP/1.1\r\n" + host + "Range: bytes=" + strings.Repeat("0-,", 5000) + "0-\r\n\r\n", "200"},
		"impossible ranges":       {"GET /asset HTTP/1.1\r\n" + host + "Range: bytes=10000-,99999-\r\n\r\n", "416"},
		"continue without a body": {post + "Expect: 100-continue\r\n\r\n", "200"},
	} {
		t.Run(what, func(t *testing.T) {
			x := wire{t, x.e}
			if answer := x.ask(c.request); statuses(answer) != c.want {
				t.Errorf("got %s, want %s: %.300q", statuses(answer), c.want, answer)
			}
		})
	}
}

func numbered(n int, format string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, format, i)
	}
	return out.String()
}

func TestWireInput(t *testing.T) {
	x := serveHostile(t, new(web.Endpoint))
	for what, c := range map[string]struct{ target, header, body, want string }{
		"all":                {"/in/7?tag=a&tag=b", "X-Mark: m\r\n", `{"name":"n","n":9}`, `200 {"ID":"7","Tags":["a","b"],"Mark":"m","name":"n","n":9,"free":null}`},
		"deep":               {"/in/7", "", `{"free":` + strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_002), "400"},
		"deeper":             {"/in/7", "", strings.Repeat("[", 1<<20), "400"},
		"too large":          {"/in/7", "", strings.Repeat(" ", 1<<20) + "1", "413"},
		"a huge number":      {"/in/7", "", `{"n":` + strings.Repeat("9", 400) + `}`, "400"},
		"a huge exponent":    {"/in/7", "", `{"n":1e999999999}`, "400"},
		"a number for free":  {"/in/7", "", `{"free":{"a":1e999}}`, "400"},
		"twice":              {"/in/7", "", `{"name":"a","name":"b"}`, `200 {"ID":"7","Tags":null,"Mark":"","name":"b","n":0,"free":null}`},
		"the path's field":   {"/in/7", "", `{"ID":"8","id":"9","Mark":"x","Tags":["x"]}`, `200 {"ID":"7","Tags":null,"Mark":"","name":"","n":0,"free":null}`},
		"a NUL":              {"/in/a%00b", "", `{"name":"\u0000"}`, "400"},
		"bad UTF-8, escaped": {"/in/%ff?tag=%fe", "X-Mark: \xfd\r\n", "{\"name\":\"\xfc\"}", "2 or 4"},
		"a bad query":        {"/in/7?tag=%zz", "", `{}`, "400"},
		"a semicolon":        {"/in/7?tag=a;tag=b", "", `{}`, "400"},
		"the mark twice":     {"/in/7", "X-Mark: a\r\nX-Mark: b\r\n", `{}`, "400"},
		"nothing":            {"/in/7", "", ``, "400"},
		"null":               {"/in/7", "", `null`, "200"},
		"two values":         {"/in/7", "", `{}{}`, "400"},
	} {
		answer := x.ask(fmt.Sprintf("POST %s HTTP/1.1\r\n%sConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", c.target, host, len(c.body), c.header, c.body))
		_, body, _ := strings.Cut(answer, "\r\n\r\n")
		got := statuses(answer) + " " + body
		if c.want == "2 or 4" {
			if got[0] != '2' && got[0] != '4' || !utf8.ValidString(got) {
				t.Errorf("%s: %q", what, got)
			}
		} else if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %.300q, want %q", what, got, c.want)
		}
	}
}

func TestWireSlow(t *testing.T) {
	x := serveHostile(t, &web.Endpoint{ReadHeaderTimeout: 40 * time.Millisecond, ReadTimeout: 60 * time.Millisecond, IdleTimeout: time.Minute})
	for what, c := range map[string]struct{ begin, drop string }{
		"header":       {"GET /ok HTTP/1.1\r\n", "X: 1\r\n"},
		"request line": {"G", "E"},
		"body":         {"POST /read HTTP/1.1\r\n" + host + "Content-Length: 1000\r\n\r\n", "x"},
		"chunks":       {"POST /read HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
		"json":         {"POST /in/7 HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n", " "},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, x.e)
			_, _ = io.WriteString(conn, c.begin)
			go func() {
				for { // a drop now and then keeps nothing open
					if _, err := io.WriteString(conn, c.drop); err != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			}()
			answer, err := io.ReadAll(conn)
			if err, ok := err.(net.Error); ok && err.Timeout() || strings.Contains(string(answer), " 200 ") {
				t.Errorf("%v, %s", err, answer)
			}
		})
	}
}

func TestWirePaths(t *testing.T) {
	x := serveHostile(t, new(web.Endpoint))
	for target, want := range map[string]string{
		"//evil.example/ok":         "307 /evil.example/ok",
		"///evil.example/a":         "307 /evil.example/a",
		"/tree":                     "307 /tree/",
		"//evil.example/../tree":    "307 /tree",
		"/./ok":                     "307 /ok",
		"/files/../ok":              "307 /ok",
		"/../../ok":                 "307 /ok",
		"/files/%2e%2e/ok":          `200 "../ok"`,
		"/files/..%2fok":            `200 "../ok"`,
		"/files/a%2fb":              `200 "a/b"`,
		`/files/..\ok`:              `200 "..\\ok"`,
		"/files/a;b=c":              `200 "a;b=c"`,
		"/ok;x":                     "404",
		"/%6fk":                     "200 ok",
		`/\evil.example`:            "404",
		"/go?to=%0d%0aX-Evil:1":     "500",
		"/go?to=/a%0d%0aX-Evil:1":   "500",
		"/go?to=//evil.example":     "500",
		"/go?to=/%5cevil.example":   "500",
		"/go?to=/%09/evil.example":  "500",
		"/go?to=/a%3Fb=%C3%BC":      "303 /a?b=%C3%BC",
		"/go?to=javascript:alert()": "500",
		"/safe?a=b":                 "301 https://acme.example.com/safe?a=b",
		"/tenant":                   `200 "acme"`,
	} {
		answer := x.ask("GET " + target + " HTTP/1.1\r\nHost: acme.example.com:4000\r\nConnection: close\r\n\r\n")
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		got := statuses(answer)
		if _, to, ok := strings.Cut(head, "\r\nLocation: "); ok {
			to, _, _ = strings.Cut(to, "\r\n")
			got += " " + to
		} else if got == "200" {
			got += " " + body
		}
		if got != want || strings.Contains(head, "\r\nX-Evil") {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
	for host, want := range map[string]string{"acme.example.com": "200", "ACME.EXAMPLE.COM.": "200", "a.b.example.com": "404", ".example.com": "404", "evil.example": "404", "acme.example.com.evil.example": "404"} {
		if got := statuses(x.ask("GET /tenant HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")); got != want {
			t.Errorf("host %s: %s, want %s", host, got, want)
		}
	}
}

func TestWireEchoes(t *testing.T) {
	x := serveHostile(t, new(web.Endpoint))
	for _, id := range []string{"short", strings.Repeat("x", 201), "01234567890123456789<script>", "01234567890123456789\tSet-Cookie: a=b", "01234567890123456789\xff"} {
		answer := x.ask("OPTIONS /ok HTTP/1.1\r\n" + host + "Connection: close\r\nX-Request-Id: " + id + "\r\nOrigin: https://a\tb.example.com\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x\tSet-Cookie: y\r\n\r\n")
		if strings.Contains(answer, "X-Request-Id: "+id) || strings.Contains(answer, "Set-Cookie") || statuses(answer) == "" {
			t.Errorf("%q: %s", id, answer)
		}
	}
}

func TestWirePipeline(t *testing.T) {
	x := serveHostile(t, new(web.Endpoint))
	answers := statuses(x.ask(strings.Repeat("GET /ok HTTP/1.1\r\n"+host+"\r\nPOST /ignore HTTP/1.1\r\n"+host+"Content-Length: 3\r\n\r\nabc", 50)))
	if want := strings.TrimSpace(strings.Repeat("200 ", 100)); answers != want {
		t.Errorf("got %s", answers)
	}
}

// After all kinds of abuse nothing is left: no goroutine, no descriptor, little memory.
func TestWireLeavesNothing(t *testing.T) {
	e, _, _, stop := serve(t, &web.Endpoint{Handler: hostileSite(), ReadHeaderTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond})
	x := wire{t, e}
	quiet := x.neighbour()
	x.ask("GET /ok HTTP/1.1\r\n" + host + "\r\n")
	goroutines, files, memory := runtime.NumGoroutine(), openFiles(), heap()
	for i := range 100 {
		conn := dial(t, e)
		_, _ = io.WriteString(conn, []string{
			"", "GET", "\x00\r\n\r\n", "POST /read HTTP/1.1\r\n" + host + "Content-Length: 1000\r\n\r\nxx", "POST /read HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 1000),
			"GET /ok HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 60<<10),
		}[i%6])
		if i%2 == 0 {
			conn.Close()
			continue
		}
		if answer, _ := io.ReadAll(conn); strings.Contains(string(answer), " 200 ") {
			t.Errorf("%s", answer)
		}
		conn.Close()
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines+2 || openFiles() > files+2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines were %d, %d files were %d", runtime.NumGoroutine(), goroutines, openFiles(), files)
		}
	}
	if now := heap(); now > memory+4<<20 {
		t.Errorf("the heap grew from %d to %d KiB", memory>>10, now>>10)
	}
	quiet()
	stop()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// openFiles is the number of the program's descriptors, where the system tells.
func openFiles() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}
