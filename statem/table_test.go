package statem_test

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/statem"
)

func TestTable(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := &plan{tables: []statem.Table[string]{{"a": {"b"}}, {"b": {"c"}}}}
		ref := spawn(t, ctx, p)
		cast(t, ctx, ref, (*rig).In, "b:1")
		do(t, ctx, ref, fault.Conflict, to("c"))
		do(t, ctx, ref, nil, to("a"))
		p.saw(t, "a>a")
		do(t, ctx, ref, nil, to("b"))
		do(t, ctx, ref, fault.Conflict, to("a"))
		do(t, ctx, ref, nil, to("c"))
		for _, s := range []string{"a", "b", "d"} {
			do(t, ctx, ref, fault.Conflict, to(s))
		}
		p.saw(t, "a>b", "b:1@b", "b>c")
	})
}

// What Begin is given the second time counts.
func TestTableOfRestore(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := &plan{tables: []statem.Table[string]{{"a": {"b"}}}}
		p.open = func(ctx context.Context, r *rig) error {
			is(t, statem.Begin(ctx, r, "b"), nil)
			return statem.Begin(ctx, r, "c", statem.Table[string]{"c": {"a"}})
		}
		ref := spawn(t, ctx, p)
		do(t, ctx, ref, fault.Conflict, to("b"))
		do(t, ctx, ref, nil, to("a"))
		p.saw(t, "c>c", "c>a")
	})
}

func TestTableIsDrawn(t *testing.T) {
	table := statem.Table[string]{"on hold": {"sent", "on hold"}, "new": {"on hold", "sent"}, `"odd"`: nil}
	if got, want := table.String(), "\"odd\"\nnew → on hold, sent\non hold → sent, on hold\nsent\n"; got != want {
		t.Errorf("got %q", got)
	}
	want := `stateDiagram-v2
    state "'odd'" as s0
    state "new" as s1
    state "on hold" as s2
    state "sent" as s3
    s0 --> [*]
    [*] --> s1
    s1 --> s2
    s1 --> s3
    s2 --> s3
    s2 --> s2
    s3 --> [*]
`
	if got := table.Mermaid("new"); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := (statem.Table[int]{}).String(); got != "" {
		t.Errorf("an empty table is %q", got)
	}
}
