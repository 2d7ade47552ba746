package pgtest

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// missing is why a test is skipped.
type missing string

func (m missing) Error() string { return string(m) }

const noPrograms missing = "there is no PostgreSQL on this machine: install its server (Debian: postgresql, macOS: brew install postgresql), " +
	"or set " + Env + " to the URL of a server, as in postgres://user:password@localhost/postgres"

// places are where packages put the programs that are not in PATH, one folder for each
// version.
var places = []string{
	"/usr/lib/postgresql/*/bin",         // Debian
	"/usr/pgsql-*/bin",                  // Red Hat
	"/opt/homebrew/opt/postgresql*/bin", // macOS
	"/usr/local/opt/postgresql*/bin",    // macOS on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin",
}

// findPrograms gives the folder of initdb and its like, of the newest version there is.
func findPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	var found []string
	for _, place := range places {
		paths, _ := filepath.Glob(filepath.Join(place, "initdb"))
		found = append(found, paths...)
	}
	if len(found) == 0 {
		return "", noPrograms
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return versionIn(a) - versionIn(b) })
	return filepath.Dir(newest), nil
}

// versionIn is the first number in a path, or 0.
func versionIn(path string) int {
	digits := strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(digits[0])
	return n
}
