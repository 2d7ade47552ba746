package fault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// grower makes nested values out of bytes, with plants where none may be shown.
type grower struct{ seed []byte }

func (g *grower) next() byte {
	if len(g.seed) == 0 {
		return 0
	}
	b := g.seed[0]
	g.seed = g.seed[1:]
	return b
}

func (g *grower) text() string {
	n := min(int(g.next())*4, len(g.seed))
	text := string(g.seed[:n])
	g.seed = g.seed[n:]
	return text
}

func (g *grower) name() string {
	names := [...]string{"password", "ACCESS_TOKEN", "x-api-key", "Set-Cookie", "pin", "session.id"}
	return names[int(g.next())%len(names)]
}

type grown struct {
	Any      any
	in       any
	Secret   fault.Secret
	secret   *fault.Secret
	Tagged   any `bennu:"secret"`
	password any
	list     []any
	named    map[string]any
	deeper   *grown
	typed    map[token][]token
	at       time.Time
}

func (g *grower) plant() any {
	s := fault.NewSecret(plant)
	return [...]any{s, &s, token(plant), map[string]any{g.name(): plant}, errors.New("pin=" + plant),
		&grown{Secret: s, secret: &s, Tagged: plant, password: []any{plant}}, shy{plant}, account{note: plant},
		json.RawMessage(`{"a": [{"password": "hunter2"}]}`), fmt.Sprintf("db://a:%s@b", plant), []fault.Secret{s}}[g.next()%11]
}

func (g *grower) grow(depth int) any {
	if depth > 12 || len(g.seed) == 0 {
		return g.plant()
	}
	n := int(g.next())
	switch n % 16 {
	case 0:
		return g.plant()
	case 1:
		return g.text()
	case 2:
		return []byte(g.text())
	case 3:
		return json.RawMessage(g.text())
	case 4:
		all := make([]any, 0, n)
		for range n / 4 {
			all = append(all, g.grow(depth+1))
		}
		return all
	case 5:
		all := make(map[string]any)
		for range n / 4 {
			all[g.text()] = g.grow(depth + 1)
			all[g.name()] = map[string]any{"a": []string{plant}}
		}
		return all
	case 6:
		v := g.grow(depth + 1)
		return &v
	case 7:
		v := &grown{Any: g.grow(depth + 1), in: g.grow(depth + 1), named: map[string]any{g.name(): g.grow(depth + 1)}, list: []any{g.plant()}, typed: map[token][]token{"a": {plant}}, at: time.Unix(int64(n), 0)}
		v.deeper = &grown{in: v, list: []any{v.named, v}}
		v.named["self"] = v.named
		return v
	case 8:
		v := map[any]any{g.text(): g.grow(depth + 1), n: g.plant(), point{X: float64(n)}: g.name(), nil: nil}
		v[&v], v[&grown{in: v}] = v, g.grow(depth+1)
		return v
	case 9:
		return [2]any{g.grow(depth + 1), g.plant()}
	case 10:
		return map[role][]token{role(g.text()): {plant}}
	case 11:
		return errors.New(g.text() + " token=" + plant + " " + g.text())
	case 12:
		return talker{g.text()}
	case 13:
		return time.Unix(int64(n)<<30, 0)
	case 14:
		return []any{bad(n), &badError{n}, status(n), g.next, make(chan int), mirror{}}
	}
	return n
}

func shown(t *testing.T, v any) {
	line := fault.Inspect(v)
	if len(line) > 4096 || !utf8.ValidString(line) || strings.ContainsAny(line, "\n\r\x00\u2028") {
		t.Errorf("%d bytes, or not a line: %q", len(line), line)
	}
	data, err := json.Marshal(fault.Data(v))
	if err != nil || len(data) > 20*4096 {
		t.Errorf("%d bytes of data, %v: %s", len(data), err, data)
	}
	if i := strings.Index(line+string(data), plant); i >= 0 {
		t.Errorf("a secret is shown at %d: %s\n%s", i, line, data)
	}
}

// planted puts secrets into what JSON decodes to.
func planted(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = planted(v[i])
		}
		return append(v, "a?token="+plant)
	case map[string]any:
		for key := range v {
			v[key] = planted(v[key])
		}
		v["user_password"], v["auth"] = plant, []any{plant, v}
	}
	return v
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(`{"a": [1, 2.5, null, true, {"b": "c\u2028"}], "d": {}}`))
	f.Add([]byte("\x07\x04\x05\x01\x02abcdefgh\x0b\x01a=\"\x08\x06\x09"))
	for i := range byte(16) {
		f.Add([]byte{i, 7, i, 5, i, i + 1, 20, i, i, 9, 8, i, 24, 1, 1, 1})
	}
	f.Fuzz(func(t *testing.T, seed []byte) {
		if strings.Contains(string(seed), plant) {
			t.Skip()
		}
		shown(t, string(seed))
		shown(t, seed)
		shown(t, json.RawMessage(seed))
		var decoded any
		if json.Unmarshal(seed, &decoded) == nil && !strings.Contains(fmt.Sprint(decoded), plant) {
			shown(t, planted(decoded))
		}
		g := grower{seed}
		v := g.grow(0)
		shown(t, v)
		shown(t, reflect.ValueOf(&v))
	})
}
