package vet

import (
	"fmt"
	"go/token"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
)

// Analyzers gives all of them, ready for a driver.
func Analyzers() []*analysis.Analyzer {
	processes := &analysis.Analyzer{
		Name:       "processes",
		Doc:        "find what is a process, for the other analyzers",
		Requires:   []*analysis.Analyzer{inspect.Analyzer},
		Run:        func(pass *analysis.Pass) (any, error) { return newPackage(pass), nil },
		ResultType: reflect.TypeFor[*pkg](),
	}
	analyzer := func(name, doc string, run func(*pkg)) *analysis.Analyzer {
		return &analysis.Analyzer{
			Name:     name,
			Doc:      doc,
			URL:      "https://github.com/bennu-go/bennu/blob/main/docs/guides/vet.md",
			Requires: []*analysis.Analyzer{processes},
			Run: func(pass *analysis.Pass) (any, error) {
				if p := pass.ResultOf[processes].(*pkg); p != nil {
					run(p.reportingTo(pass))
				}
				return nil, nil
			},
		}
	}
	return []*analysis.Analyzer{
		analyzer("bare", bareDoc, bare),
		analyzer("captured", capturedDoc, captured),
		analyzer("keptctx", keptDoc, kept),
		analyzer("literal", literalDoc, literal),
		analyzer("stranger", strangerDoc, stranger),
	}
}

// pkg is one package, and what is known of it.
type pkg struct {
	*analysis.Pass
	*processes
	*writes
	excused map[line]bool // false: the reason is missing
}

type line struct {
	file string
	line int
}

// newPackage gives nil for a package that has nothing of bennu's.
func newPackage(pass *analysis.Pass) *pkg {
	if !ours(pass.Pkg) && !slices.ContainsFunc(pass.Pkg.Imports(), ours) {
		return nil
	}
	p := &pkg{Pass: pass, excused: make(map[line]bool)}
	p.findProcesses()
	p.findWrites()
	for _, f := range pass.Files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if reason, ok := strings.CutPrefix(c.Text, "//bennu:ok"); ok {
					reason, _, _ = strings.Cut(reason, "//")
					p.excused[p.lineOf(c.Pos())] = strings.TrimSpace(reason) != ""
				}
			}
		}
	}
	return p
}

func (p *pkg) reportingTo(pass *analysis.Pass) *pkg {
	q := *p
	q.Pass = pass
	return &q
}

// complain reports what is wrong at pos, unless that line, or one of those at, is excused.
func (p *pkg) complain(pos token.Pos, message string, at ...token.Pos) {
	note := ""
	for _, pos := range append(at, pos) {
		switch reason, excused := p.excused[p.lineOf(pos)]; {
		case excused && reason:
			return
		case excused:
			note = " (//bennu:ok needs a reason)"
		}
	}
	p.Report(analysis.Diagnostic{Pos: pos, Message: message + note})
}

func (p *pkg) complainf(pos token.Pos, format string, args ...any) {
	p.complain(pos, fmt.Sprintf(format, args...))
}

func (p *pkg) lineOf(pos token.Pos) line {
	at := p.Fset.Position(pos)
	return line{at.Filename, at.Line}
}

func (p *pkg) inTest(pos token.Pos) bool {
	return strings.HasSuffix(p.Fset.Position(pos).Filename, "_test.go")
}
