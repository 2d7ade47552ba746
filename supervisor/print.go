package supervisor

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// Print draws a tree, running or planned:
//
//	shop       tree     one_for_one   permanent  running
//	├─ till    process                permanent  running  3 restarts, the last at 2026-03-01T12:00:00Z
//	└─ doors   tree     rest_for_one  transient  running
//	   ├─ web  service                permanent  running
//	   └─ tcp  service                permanent  running
func Print(w io.Writer, s Status) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	s.draw(tab, "", "")
	return tab.Flush()
}

// draw ignores errors: Flush gives them.
func (s Status) draw(w io.Writer, first, rest string) {
	line := []string{first + printable(s.Name), s.Kind, s.Strategy, s.Restart, s.State}
	if notes := s.notes(); notes != "" {
		line = append(line, notes)
	}
	_, _ = fmt.Fprintln(w, strings.Join(line, "\t"))
	for i, c := range s.Children {
		if i < len(s.Children)-1 {
			c.draw(w, rest+"├─ ", rest+"│  ")
		} else {
			c.draw(w, rest+"└─ ", rest+"   ")
		}
	}
}

func (s Status) notes() string {
	var notes []string
	if s.Members == 1 {
		notes = append(notes, "1 member")
	} else if s.Members > 1 {
		notes = append(notes, fmt.Sprint(s.Members, " members"))
	}
	if s.Restarts == 1 {
		notes = append(notes, "1 restart")
	} else if s.Restarts > 1 {
		notes = append(notes, fmt.Sprint(s.Restarts, " restarts"))
	}
	if n := len(s.History); n > 0 {
		notes = append(notes, "the last at "+s.History[n-1].UTC().Format(time.RFC3339))
	}
	return strings.Join(notes, ", ")
}

// printable quotes a name that would spoil the drawing.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
