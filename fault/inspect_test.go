package fault_test

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

type (
	status     int
	role       string
	point      struct{ X, Y float64 }
	box[T any] struct{ in T }
	room       struct {
		name   string
		open   bool
		status status
		since  time.Time
		wait   time.Duration
		from   netip.Addr
		at     *point
		log    []point
		seats  map[int]*point
		extra  any
		err    error
		secret fault.Secret
		_      int
	}
	chain struct {
		next *chain
		self any
	}
	locked struct {
		mu   sync.Mutex
		text string
	}
	counted struct{ n atomic.Int64 }
	sharded struct {
		locks *[4]sync.RWMutex
		text  string
	}
	talker   struct{ Text string }
	shy      struct{ text string }
	account  struct{ id, note string }
	mirror   struct{}
	bad      int
	badError struct{ Code int }
	ptrText  struct{ s string }
	list     []list
	loop     map[string]loop
	selfPtr  *selfPtr
	token    string
)

func (s status) String() string                 { return [...]string{"closed", "open"}[s] }
func (t talker) String() string                 { return "says " + t.Text }
func (shy) LogValue() slog.Value                { return slog.StringValue("shy") }
func (mirror) LogValue() slog.Value             { return slog.AnyValue(mirror{}) }
func (bad) String() string                      { panic("no") }
func (*badError) Error() string                 { panic("no") }
func (p *ptrText) MarshalText() ([]byte, error) { return []byte("text of " + p.s), nil }
func (l *locked) Error() string                 { l.mu.Lock(); defer l.mu.Unlock(); return l.text }
func (a account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", a.id), slog.String("password", a.note), slog.Group("more", slog.Int("n", 1)))
}

func TestInspect(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	one, two := 1, 2
	pone := &one
	var ring chain
	ring.next, ring.self = &chain{next: &ring}, []any{&ring}
	var nest list = make(list, 1)
	nest[0] = nest
	knot := loop{"a": nil}
	knot["a"] = knot
	var self selfPtr
	self = &self
	var nilErr *badError
	held := &locked{text: plant}
	held.mu.Lock()
	counts := new(counted)
	counts.n.Add(1)
	keyed := make(map[any]int)
	keyed[&keyed], keyed[&struct{ in any }{keyed}] = 1, 2

	for _, c := range []struct {
		in         any
		want, data string
	}{
		{nil, `nil`, `null`},
		{1, `1`, `1`},
		{-1.5, `-1.5`, `-1.5`},
		{float32(0.1), `0.1`, `0.1`},
		{1e6, `1e+06`, `1000000`},
		{math.NaN(), `NaN`, `"NaN"`},
		{math.Inf(-1), `-Inf`, `"-Inf"`},
		{1<<53 - 1, `9007199254740991`, `9007199254740991`},
		{1 << 53, `9007199254740992`, `"9007199254740992"`},
		{-1 << 53, `-9007199254740992`, `"-9007199254740992"`},
		{uint64(math.MaxUint64), `18446744073709551615`, `"18446744073709551615"`},
		{uint8(7), `7`, `7`},
		{1 + 2i, `(1+2i)`, `"(1+2i)"`},
		{true, `true`, `true`},
		{"a\n\"b\"\u202e", `"a\n\"b\"\u202e"`, `"a\n\"b\"` + "\u202e" + `"`},
		{"a\xffb", `"a\xffb"`, `"a` + "\ufffd" + `b"`},
		{role("admin"), `"admin"`, `"admin"`},
		{status(1), `"open"`, `"open"`},
		{status(7), `7`, `7`}, // its String panics
		{bad(3), `3`, `3`},
		{&badError{3}, `&fault_test.badError{Code: 3}`, `{"Code":3}`},
		{nilErr, `nil`, `null`},
		{errors.New("boom"), `"boom"`, `"boom"`},
		{fmt.Errorf("outer: %w", io.EOF), `"outer: EOF"`, `"outer: EOF"`},
		{fault.NotFound, `"not found"`, `"not found"`},
		{at, `"2026-01-31T12:00:00Z"`, `"2026-01-31T12:00:00Z"`},
		{&at, `"2026-01-31T12:00:00Z"`, `"2026-01-31T12:00:00Z"`},
		{90 * time.Second, `"1m30s"`, `"1m30s"`},
		{*big.NewInt(42), `"42"`, `"42"`},
		{net.IPv4(10, 0, 0, 1), `"10.0.0.1"`, `"10.0.0.1"`},
		{&ptrText{"a"}, `"text of a"`, `"text of a"`},
		{struct{ p ptrText }{ptrText{"a"}}, `struct{p: "text of a"}`, `{"p":"text of a"}`},
		{talker{"a"}, `fault_test.talker{Text: "a"}`, `{"Text":"a"}`}, // no String of a struct
		{shy{plant}, `"shy"`, `"shy"`},
		{account{"42", plant}, `fault_test.account{"id": "42", "password": [secret], "more": {"n": 1}}`, `{"id":"42","more":{"n":1},"password":"[secret]"}`},
		{slog.IntValue(3), `3`, `3`},
		{slog.String("a", "b"), `slog.Attr{Key: "a", Value: "b"}`, `{"Key":"a","Value":"b"}`},

		{[]byte("text\n"), `"text\n"`, `"text\n"`},
		{[]byte{0, 1, 2}, `[3 bytes]`, `"[3 bytes]"`},
		{[2]byte{'o', 'k'}, `"ok"`, `"ok"`},
		{[]int{1, 2}, `[]int{1, 2}`, `[1,2]`},
		{[]int(nil), `nil`, `null`},
		{[0]int{}, `[0]int{}`, `[]`},
		{[]point{{1, 2}}, `[]fault_test.point{{X: 1, Y: 2}}`, `[{"X":1,"Y":2}]`},
		{[]*point{{1, 2}, nil}, `[]*fault_test.point{{X: 1, Y: 2}, nil}`, `[{"X":1,"Y":2},null]`},
		{&[]any{1, "a", point{}, &point{}, nil, []int{}}, `&[]any{1, "a", fault_test.point{X: 0, Y: 0}, &fault_test.point{X: 0, Y: 0}, nil, []int{}}`,
			`[1,"a",{"X":0,"Y":0},{"X":0,"Y":0},null,[]]`},
		{&pone, `&&1`, `1`},
		{map[string]int{"b": 2, "a": 1}, `map[string]int{"a": 1, "b": 2}`, `{"a":1,"b":2}`},
		{map[int]bool{10: true, 9: false}, `map[int]bool{9: false, 10: true}`, `{"10":true,"9":false}`},
		{map[bool]int{true: 1, false: 0}, `map[bool]int{false: 0, true: 1}`, `{"false":0,"true":1}`},
		{map[float64]int{2.5: 1, -1: 0}, `map[float64]int{-1: 0, 2.5: 1}`, `{"-1":0,"2.5":1}`},
		{map[uint]string(nil), `nil`, `null`},
		{map[point]int{{2, 1}: 1, {1, 2}: 2}, `map[fault_test.point]int{{X: 1, Y: 2}: 2, {X: 2, Y: 1}: 1}`, `{"{X: 1, Y: 2}":2,"{X: 2, Y: 1}":1}`},
		{map[any]int{"b": 1, 2: 2, "a": 3}, `map[any]int{"a": 3, "b": 1, 2: 2}`, `{"2":2,"a":3,"b":1}`},
		{map[any]int{1: 1, "1": 2}, `map[any]int{"1": 2, 1: 1}`, `{"1":2,"1'":1}`},
		{map[status]int{1: 1}, `map[fault_test.status]int{"open": 1}`, `{"open":1}`},
		{json.RawMessage(`{"a": [1, null], "password": "hunter2", "n": 12345678901234567890}`),
			`map[string]any{"a": []any{1, nil}, "n": 12345678901234567890, "password": [secret]}`, `{"a":[1,null],"n":12345678901234567890,"password":"[secret]"}`},
		{json.RawMessage(`{`), `"{"`, `"{"`},
		{json.Number("1.50"), `1.50`, `1.50`},
		{json.Number("x"), `"x"`, `"x"`},
		{struct{}{}, `struct{}`, `{}`},
		{struct{ A any }{struct{ B int }{1}}, `struct{A: struct{B: 1}}`, `{"A":{"B":1}}`},
		{box[*int]{&two}, `fault_test.box[*int]{in: &2}`, `{"in":2}`},
		{strings.ToUpper, `func(string) string`, `"func(string) string"`},
		{(func())(nil), `nil`, `null`},
		{make(chan int), `chan int`, `"chan int"`},
		{reflect.ValueOf(&one).UnsafePointer(), `unsafe.Pointer`, `"unsafe.Pointer"`},
		{context.WithValue(context.Background(), role("a"), plant), `&context.valueCtx{…}`, `"\u0026context.valueCtx{…}"`},
		{struct{ ctx context.Context }{context.Background()}, `struct{ctx: context.Context{…}}`, `{"ctx":"context.Context{…}"}`},
		{reflect.TypeFor[int](), `&reflect.rtype{…}`, `"\u0026reflect.rtype{…}"`},
		{&rsa.PrivateKey{D: big.NewInt(42)}, `&rsa.PrivateKey{…}`, `"\u0026rsa.PrivateKey{…}"`},

		{held, `&fault_test.locked{…}`, `"\u0026fault_test.locked{…}"`},
		{[]*locked{held}, `[]*fault_test.locked{{…}}`, `["{…}"]`},
		{struct{ m *locked }{held}, `struct{m: &fault_test.locked{…}}`, `{"m":"\u0026fault_test.locked{…}"}`},
		{counts, `&fault_test.counted{…}`, `"\u0026fault_test.counted{…}"`},
		{sharded{new([4]sync.RWMutex), plant}, `fault_test.sharded{…}`, `"fault_test.sharded{…}"`},
		{&sync.Map{}, `&sync.Map{…}`, `"\u0026sync.Map{…}"`},

		{&ring, `&fault_test.chain{next: &fault_test.chain{next: [cycle], self: nil}, self: []any{[cycle]}}`,
			`{"next":{"next":"[cycle]","self":null},"self":["[cycle]"]}`},
		{nest, `fault_test.list{[cycle]}`, `["[cycle]"]`},
		{knot, `fault_test.loop{"a": [cycle]}`, `{"a":"[cycle]"}`},
		{keyed, `map[any]int{&struct{in: [cycle]}: 2, [cycle]: 1}`, `{"\u0026struct{in: [cycle]}":2,"[cycle]":1}`},
		{self, `[cycle]`, `"[cycle]"`},
		{mirror{}, `fault_test.mirror{…}`, `"fault_test.mirror{…}"`},

		{room{"a", true, 1, at, time.Second, netip.MustParseAddr("::1"), &point{1, 2}, nil, map[int]*point{2: nil, 1: {}}, 3, io.EOF, fault.NewSecret(plant), 0},
			`fault_test.room{name: "a", open: true, status: "open", since: "2026-01-31T12:00:00Z", wait: "1s", from: "::1", ` +
				`at: &fault_test.point{X: 1, Y: 2}, log: nil, seats: map[int]*fault_test.point{1: {X: 0, Y: 0}, 2: nil}, extra: 3, err: "EOF", secret: [secret]}`,
			`{"at":{"X":1,"Y":2},"err":"EOF","extra":3,"from":"::1","log":null,"name":"a","open":true,"seats":{"1":{"X":0,"Y":0},"2":null},` +
				`"secret":"[secret]","since":"2026-01-31T12:00:00Z","status":"open","wait":"1s"}`},
	} {
		if got := fault.Inspect(c.in); got != c.want {
			t.Errorf("%T:\n got %s\nwant %s", c.in, got, c.want)
		}
		var data strings.Builder
		if err := json.NewEncoder(&data).Encode(fault.Data(c.in)); err != nil || strings.TrimSpace(data.String()) != c.data {
			t.Errorf("data of %T: %v\n got %swant %s", c.in, err, data.String(), c.data)
		}
	}
}

// TestInspectChangesNothing reads a value many times at once: under the race detector,
// a write would be found.
func TestInspectChangesNothing(t *testing.T) {
	v := map[string]any{"room": &room{name: "a", seats: map[int]*point{1: {}}, extra: []any{big.NewInt(1), time.Now()}}}
	want := fault.Inspect(v)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got := fault.Inspect(v); got != want {
				t.Errorf("got %s", got)
			}
			fault.Data(v)
		})
	}
	all.Wait()
}

func TestInspectLimits(t *testing.T) {
	deep := func(n int) (v any) {
		for range n {
			v = []any{v}
		}
		return v
	}
	linked := func(n int) any {
		var v any = 1
		for range n {
			inner := v
			v = &inner
		}
		return v
	}
	counts := func(n int) map[int]int {
		all := make(map[int]int)
		for i := range n {
			all[i] = i
		}
		return all
	}
	for name, c := range map[string]struct {
		in         any
		has, lacks string
	}{
		"depth, at":         {deep(8), strings.Repeat("[]any{", 8) + "nil", "…"},
		"depth, above":      {deep(9), strings.Repeat("[]any{", 8) + "[]any{…}", "nil"},
		"elements, at":      {make([]int, 32), "0}", "…"},
		"elements, above":   {make([]int, 33), "0, …+1}", "!"},
		"million":           {make([]int, 1_000_000), "0, …+999968}", "!"},
		"entries, at":       {counts(32), "31: 31}", "…"},
		"entries, above":    {counts(256), "30: 30, 31: 31, …+224}", "32: 32"},
		"unsorted":          {counts(257), ", …+225}", "!"},
		"text, at":          {strings.Repeat("a", 256), `aaa"`, "…"},
		"text, above":       {strings.Repeat("a", 257), `aaa"…`, strings.Repeat("a", 257)},
		"text, far above":   {strings.Repeat("a", 5_000_000), `aaa"…`, strings.Repeat("a", 257)},
		"text, in a letter": {strings.Repeat("a", 255) + "é", `aaa"…`, `\x`},
		"bytes, at":         {[]byte(strings.Repeat("a", 64)), strings.Repeat("a", 64), "bytes"},
		"bytes, above":      {[]byte(strings.Repeat("a", 65)), "[65 bytes]", "a"},
		"json, at":          {json.RawMessage(`{"a":1` + strings.Repeat(" ", 4096-7) + "}"), `map[string]any{"a": 1}`, "bytes"},
		"json, above":       {json.RawMessage(`{"a":1` + strings.Repeat(" ", 4096-6) + "}"), "[4097 bytes]", "a\""},
		"pointers":          {linked(3), "&&&1", "["},
		"many pointers":     {linked(1000), "[cycle]", "1"},
		"whole": {[]any{make([]string, 32), deep(8), strings.Split(strings.Repeat("word ", 900), " "), [32][]string{{strings.Repeat("b", 300)}}, [20]string{strings.Repeat("c", 300)},
			[32][32][32]int{}}, "…+", "!"},
	} {
		got := fault.Inspect(c.in)
		if !strings.Contains(got, c.has) || strings.Contains(got, c.lacks) || len(got) > 4096 {
			t.Errorf("%s: %d bytes, %.300s", name, len(got), got)
		}
	}
}

// TestInspectWhole is at the limit of the whole, and above it.
func TestInspectWhole(t *testing.T) {
	texts := make([]string, 16)
	for i := range texts {
		texts[i] = strings.Repeat("a", 251)
	}
	for i := 0; len(fault.Inspect(texts)) < 4096; i++ {
		texts[i%16] += "a"
	}
	if got := fault.Inspect(texts); strings.Contains(got, "…") || len(got) != 4096 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	texts[15] += "a"
	if got := fault.Inspect(texts); !strings.HasSuffix(got, "aaa…") || len(got) != 4096 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if got := fault.Inspect(append(texts, "b", "c")); strings.Contains(got, "c") || len(got) > 4096 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	for i := range texts {
		texts[i] = strings.Repeat("\U000e0001", 64) // each becomes ten bytes
	}
	if got := fault.Inspect(texts); len(got) > 4096 || !strings.Contains(got, "…") || !utf8.ValidString(got) {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestInspectKeepsSecrets(t *testing.T) {
	type config struct {
		Key    string `secret:"true"`
		Plain  string `secret:"false"`
		Answer any    `json:"a" bennu:"secret"`
		Pass   string
		Word   string `json:"pass_word,omitempty"`
		nest   map[string]any
	}
	req, err := http.NewRequest("POST", "https://bob:hunter2@a.test/?access_token=hunter2&b=c#token=hunter2", strings.NewReader("long"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("bob", plant)
	req.AddCookie(&http.Cookie{Name: "_app_key", Value: plant})
	req.RequestURI = "/socket/websocket?vsn=2.0.0&token=hunter2"
	for _, v := range []any{
		fault.NewSecret(plant), bob, &bob, []login{bob}, map[string]login{"a": bob},
		config{plant, "", []string{plant}, plant, plant, map[string]any{"a": config{Key: plant}, "TOKEN": []any{plant}}},
		token(plant), []token{plant}, map[role]token{"a": plant}, token(plant + "\xff"),
		http.Header{"Authorization": {plant}, "Set-Cookie": {plant}, "X-Api-Key": {plant}},
		req, req.URL,
		errors.New("dial postgres://app:hunter2@db/app: refused"),
		errors.New(`{"user": "bob", "pass": "hunter2 \" hunter2"}`),
		map[string]int{"password=hunter2": 1},
		[]byte("password='hunter2 hunter2'"),
		map[string]any{"session_id": map[string]any{"a": plant}},
		struct{ shy shy }{shy{plant}},
	} {
		got := fault.Inspect(v)
		data, err := json.Marshal(fault.Data(v))
		if err != nil || strings.Contains(got+string(data), plant) {
			t.Errorf("%T: %v\n%s\n%s", v, err, got, data)
		}
	}
	if got := fault.Inspect(config{Plain: "shown"}); !strings.Contains(got, `"shown"`) {
		t.Errorf("got %s", got)
	}
}

func BenchmarkInspect(b *testing.B) {
	v := &room{name: "a", since: time.Now(), log: make([]point, 100), seats: map[int]*point{1: {}, 2: {}}, err: io.EOF}
	b.ReportAllocs()
	for b.Loop() {
		fault.Inspect(v)
	}
}

func ExampleInspect() {
	type Login struct {
		User     string
		Password fault.Secret
		Answer   string `bennu:"secret"`
		Header   map[string]string
		At       time.Time
	}
	fmt.Println(fault.Inspect(&Login{
		User:     "bob",
		Password: fault.NewSecret("hunter2"),
		Answer:   "Rex",
		Header:   map[string]string{"Host": "a.test", "Cookie": "_app=4f3a"},
		At:       time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	}))
	// Output:
	// &fault_test.Login{User: "bob", Password: [secret], Answer: [secret], Header: map[string]string{"Cookie": [secret], "Host": "a.test"}, At: "2026-01-31T12:00:00Z"}
}

func ExampleData() {
	type Unit struct {
		ID    string
		Token string
		Seen  []int
	}
	out, _ := json.Marshal(fault.Data(Unit{"42", "4f3a", []int{1, 2}}))
	fmt.Println(string(out))
	// Output: {"ID":"42","Seen":[1,2],"Token":"[secret]"}
}
