package statem

import (
	"fmt"
	"slices"
	"strings"
)

// Table says from which state which others can be reached. A state that is only reached is
// a final one.
//
//	statem.Table[State]{
//		Locked: {Open},
//		Open:   {Locked, Jammed},
//	}
type Table[S comparable] map[S][]S

func (t Table[S]) has(from, to S) bool { return slices.Contains(t[from], to) }

// states lists the states in the order of their names.
func (t Table[S]) states() []S {
	var all []S
	add := func(s S) {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for from, to := range t {
		add(from)
		for _, s := range to {
			add(s)
		}
	}
	slices.SortFunc(all, func(a, b S) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// String is a line for each state, in the order of their names: "open → locked, jammed".
func (t Table[S]) String() string {
	var b strings.Builder
	for _, from := range t.states() {
		fmt.Fprint(&b, from)
		for i, to := range t[from] {
			fmt.Fprint(&b, [...]string{" → ", ", "}[min(i, 1)], to)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Mermaid draws the table as a Mermaid state diagram, beginning in first.
func (t Table[S]) Mermaid(first S) string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	all := t.states()
	for i, s := range all {
		fmt.Fprintf(&b, "    state \"%s\" as s%d\n", strings.NewReplacer(`"`, "'", "\n", " ").Replace(fmt.Sprint(s)), i)
	}
	for i, from := range all {
		if from == first {
			fmt.Fprintf(&b, "    [*] --> s%d\n", i)
		}
		for _, to := range t[from] {
			fmt.Fprintf(&b, "    s%d --> s%d\n", i, slices.Index(all, to))
		}
		if len(t[from]) == 0 {
			fmt.Fprintf(&b, "    s%d --> [*]\n", i)
		}
	}
	return b.String()
}
