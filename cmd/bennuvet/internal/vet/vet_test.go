package vet_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/bennu-go/bennu/cmd/bennuvet/internal/vet"
)

// TestAnalyzers runs all analyzers over testdata, which is a module of its own: one
// package for each.
func TestAnalyzers(t *testing.T) {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	analyzers := vet.Analyzers()
	if err := analysis.Validate(analyzers); err != nil {
		t.Fatal(err)
	}
	all := &analysis.Analyzer{ // so that the packages are loaded once
		Name:     "all",
		Doc:      "run all analyzers",
		Requires: analyzers[0].Requires,
		Run: func(pass *analysis.Pass) (any, error) {
			for _, a := range analyzers {
				if _, err := a.Run(pass); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	}
	results := analysistest.Run(t, dir, all, "./...")
	seen := make(map[string]bool)
	for _, r := range results {
		seen[r.Action.Package.Name] = len(r.Diagnostics) > 0 || seen[r.Action.Package.Name]
	}
	for _, a := range analyzers {
		if !seen[a.Name] {
			t.Errorf("testdata has nothing for %s", a.Name)
		}
	}
}
