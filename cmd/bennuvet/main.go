package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/bennu-go/bennu/cmd/bennuvet/internal/vet"
)

// multichecker speaks go vet's protocol too.
func main() { multichecker.Main(vet.Analyzers()...) }
