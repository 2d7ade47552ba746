package config

import (
	"fmt"
	"io"
	"strings"
)

// printUsage lists the settings in the order of their declaration. The writer's
// errors are its owner's business.
func printUsage(w io.Writer, name string, settings []*setting) {
	var out strings.Builder
	fmt.Fprintf(&out, "Usage: %s [flags]\n", name)
	for _, s := range settings {
		out.WriteString("\n  ")
		switch {
		case s.flag == "":
			out.WriteString(s.env + " (environment only)")
		case s.parse.word == "":
			out.WriteString("-" + s.flag)
		default:
			out.WriteString("-" + s.flag + " " + s.parse.word)
		}
		out.WriteString("\n")
		if s.help != "" {
			fmt.Fprintf(&out, "        %s\n", s.help)
		}
		var notes []string
		if s.hasDef && s.def != "" && !s.secret {
			notes = append(notes, "default "+s.def)
		}
		if s.flag != "" && s.env != "" {
			notes = append(notes, "environment "+s.env)
		}
		if notes != nil {
			fmt.Fprintf(&out, "        (%s)\n", strings.Join(notes, ", "))
		}
	}
	_, _ = io.WriteString(w, out.String())
}
