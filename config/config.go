package config

import (
	"errors"
	"flag"
	"io"
	"os"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Load reads the settings of the program called name into a T, a struct as the
// package comment describes. args has no program name in it, and env is usually
// [os.LookupEnv]. Usage goes to [os.Stderr].
func Load[T any](name string, args []string, env func(string) (string, bool)) (T, error) {
	return LoadTo[T](os.Stderr, name, args, env)
}

// LoadTo is Load with another place for the usage that -h asks for.
func LoadTo[T any](usage io.Writer, name string, args []string, env func(string) (string, bool)) (T, error) {
	var into, zero T
	settings := declared(&into)

	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() { printUsage(usage, name, settings) }
	for _, s := range settings {
		if s.flag != "" {
			set.Var(s, s.flag, s.help)
		}
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return zero, err
		}
		return zero, fault.Invalid.Errorf("%s; %s -h lists the flags", parseError(err), name)
	}

	var wrong []string
	if set.NArg() > 0 {
		wrong = append(wrong, strayArgument(set.Arg(0), settings))
	}
	for _, s := range settings {
		if err := s.resolve(env); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if wrong != nil {
		return zero, fault.Invalid.Errorf("%s", strings.Join(wrong, "; "))
	}
	return into, nil
}

// parseError is what package flag says, less what may be a value.
func parseError(err error) string {
	text, _, _ := strings.Cut(err.Error(), "=")
	return text
}

// strayArgument quotes an argument that is no flag, unless it may be the rest of
// a secret that was not quoted in the shell.
func strayArgument(arg string, settings []*setting) string {
	for _, s := range settings {
		if s.secret && s.given != nil {
			return "there is an argument that is not a flag: put values with spaces in quotes"
		}
	}
	return "unexpected argument " + quote(arg)
}
