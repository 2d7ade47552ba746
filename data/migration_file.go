package data

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/sqltext"
)

// migration is one of a set, wherever it was written.
type migration struct {
	number   int64
	name     string // as it is recorded: the same on all engines
	up, down action
}

// action is one direction of a migration: a script or a function, or nothing.
type action struct {
	given  bool // there is a file, which may be empty
	script string
	alone  bool // the script runs outside of a transaction
	run    func(ctx context.Context, tx Tx) error
}

func (c action) exists() bool { return c.given || c.run != nil }

var (
	// 0001_purpose.sql, with .sqlite or .postgres and .down before the .sql.
	migrationName = regexp.MustCompile(`^(([0-9]+)_[A-Za-z0-9_-]+)(?:\.(sqlite|postgres))?(\.down)?\.sql$`)

	// The first line of a script that cannot run in a transaction.
	noTransaction = regexp.MustCompile(`^\s*--\s*bennu:no transaction\s*(\n|$)`)

	// What would begin or end a transaction, as a shape.
	transactionControl = map[Engine]*regexp.Regexp{
		SQLite:   regexp.MustCompile(`(?i)^(begin( (transaction|deferred|immediate|exclusive))*|(commit|end|rollback)( transaction)?)$`),
		Postgres: regexp.MustCompile(`(?i)^(begin|start transaction|commit|end|abort|prepare transaction .*|rollback( (work|transaction))?)( (work|transaction|isolation|read|and)\b.*)?$`),
	}
)

// readMigrations finds the .sql files for an engine, in whatever folder they were embedded.
func readMigrations(fsys fs.FS, engine Engine) ([]migration, error) {
	if fsys == nil {
		return nil, nil
	}
	r := fileReader{fsys: fsys, engine: engine, byName: make(map[string]*migration), taken: make(map[string]sourceFile)}
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".sql" {
			return err
		}
		return r.read(file)
	})
	if err != nil {
		if fault.Of(err) == fault.Internal {
			err = fault.Internal.Wrap(err, "data: the migrations cannot be read")
		}
		return nil, err
	}
	if r.files == 0 {
		return nil, fault.Invalid.Errorf("there is no .sql file in Migrations: is the right folder embedded? Nil means none")
	}
	var all []migration
	for _, m := range r.byName {
		if !m.up.exists() {
			return nil, fault.Invalid.Errorf("migration %s has a way down and no way up: add the file without .down", m.name)
		}
		all = append(all, *m)
	}
	return all, sorted(all)
}

// fileReader puts the files of a migration together.
type fileReader struct {
	fsys   fs.FS
	engine Engine
	files  int // also those for the other engine
	byName map[string]*migration
	taken  map[string]sourceFile // by name and direction
}

// sourceFile is the file that a direction of a migration was read from.
type sourceFile struct {
	file string
	own  bool // it is for this engine only, and goes before one for all
}

func (r *fileReader) read(file string) error {
	r.files++
	parts := migrationName.FindStringSubmatch(path.Base(file))
	if parts == nil {
		return fault.Invalid.Errorf("migration %s: name it by number and purpose, as in 0001_create_positions.sql; .sqlite, .postgres and .down go before the .sql, in this order", file)
	}
	purpose, engine, down := parts[1], Engine(parts[3]), parts[4]
	number, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || number == Latest {
		return fault.Invalid.Errorf("migration %s: its number is too large", file)
	}
	if number == 0 {
		return fault.Invalid.Errorf("migration %s: numbers begin with 1", file)
	}
	if engine != "" && engine != r.engine {
		return nil
	}
	was, taken := r.taken[purpose+down]
	own := engine != ""
	switch {
	case taken && was.own == own:
		return fault.Invalid.Errorf("migrations %s and %s are the same one: delete one", was.file, file)
	case taken && was.own:
		return nil
	}
	r.taken[purpose+down] = sourceFile{file, own}

	m := r.byName[purpose]
	if m == nil {
		m = &migration{number: number, name: purpose + ".sql"}
		r.byName[purpose] = m
	}
	script, err := r.script(file)
	if down != "" {
		m.down = script
	} else {
		m.up = script
	}
	return err
}

func (r *fileReader) script(file string) (action, error) {
	text, err := fs.ReadFile(r.fsys, file)
	if err != nil {
		return action{}, err
	}
	c := action{given: true, script: string(text), alone: noTransaction.Match(text)}
	switch {
	case c.alone && r.engine != Postgres:
		return action{}, fault.Invalid.Errorf("migration %s: only PostgreSQL has statements that need no transaction around them; keep it in a .postgres.sql file", file)
	case controls(c.script, r.engine):
		return action{}, fault.Invalid.Errorf("migration %s: it runs in a transaction already; leave BEGIN, COMMIT and ROLLBACK out", file)
	}
	return c, nil
}

// controls reports whether a script begins or ends transactions itself.
func controls(script string, engine Engine) bool {
	return slices.ContainsFunc(sqltext.Statements(script, engine.dialect()), func(one string) bool {
		return transactionControl[engine].MatchString(sqltext.Shape(one))
	})
}

// sorted puts migrations in order, and refuses two of one number.
func sorted(all []migration) error {
	slices.SortFunc(all, func(a, b migration) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
	})
	for i := 1; i < len(all); i++ {
		if all[i-1].number == all[i].number {
			return fault.Invalid.Errorf("migrations %s and %s have the same number: renumber one", all[i-1].name, all[i].name)
		}
	}
	return nil
}
