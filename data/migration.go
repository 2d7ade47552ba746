package data

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Migration is a change of the schema or of the rows that is written in Go, for what SQL
// cannot say. It runs in one transaction with the row that records it.
type Migration struct {
	// Number places it among the files: 1 or more, each only once.
	Number int64

	// Name is its purpose, as in "split_names". An applied migration keeps it.
	Name string

	// Up makes the change. It works through its tx, and with nothing but the database:
	// it may run again after a crash, and a dry run runs it and rolls it back.
	// Foreign keys are checked when it ends.
	Up func(ctx context.Context, tx Tx) error

	// Down undoes it. Nil if that cannot be done.
	Down func(ctx context.Context, tx Tx) error
}

// Boot is what Start does when the database lacks migrations. It reads "run", "refuse" and
// "ignore" from flags and the environment.
type Boot int

const (
	Run    Boot = iota // run them, one program at a time
	Refuse             // do not start, and say which are missing
	Ignore             // start, and do not even look
)

var boots = []string{"run", "refuse", "ignore"}

func (b Boot) String() string {
	if b < 0 || int(b) >= len(boots) {
		return fmt.Sprintf("Boot(%d)", int(b))
	}
	return boots[b]
}

// UnmarshalText reads "run", "refuse" or "ignore", and gives fault.Invalid for another text.
func (b *Boot) UnmarshalText(text []byte) error {
	for i, name := range boots {
		if string(text) == name {
			*b = Boot(i)
			return nil
		}
	}
	return fault.Invalid.Errorf("write run, refuse or ignore")
}

// MarshalText is the same as String.
func (b Boot) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// MigrationState is how far one migration is in a database.
type MigrationState struct {
	Part    string // "" is the program itself; see [Repo.Migrate]
	Number  int64
	Name    string
	Applied time.Time // zero if it is pending
	Half    bool      // it was cut off outside of a transaction, or is running now
	Unknown bool      // it is in the database, and this program does not have it
	Down    bool      // it can be undone
}

func (s MigrationState) compare(other MigrationState) int {
	return cmp.Or(cmp.Compare(s.Part, other.Part), cmp.Compare(s.Number, other.Number))
}

// Pending reports whether the migration is still to be run.
func (s MigrationState) Pending() bool { return s.Applied.IsZero() }

// Latest is, as a number to migrate to, the newest migration that the program has.
const Latest int64 = math.MaxInt64

// MigrationStatus gives all migrations of the program, and those of parts that are in the
// database, by part and number. It changes nothing. Like all Migrate methods but
// [Repo.Migrate], it works on a repo that runs and on one that does not, which it opens for
// as long as it takes.
func (r *Repo) MigrationStatus(ctx context.Context) (states []MigrationState, err error) {
	err = r.migrating(ctx, pretendPresent, func(m *migrator) error {
		sets, err := r.migrationSets(m.engine)
		if err != nil {
			return err
		}
		states, err = m.status(ctx, sets)
		return err
	})
	return states, err
}

// MigrateUp runs what the database lacks, whatever OnBoot says, that of Parts too. Like every
// migrating, it waits for a program that is at it already, and then does what is left.
func (r *Repo) MigrateUp(ctx context.Context) error { return r.migrateUp(ctx, Latest) }

// migrateUp runs what is missing of parts, and of the program's own up to a number.
func (r *Repo) migrateUp(ctx context.Context, number int64) error {
	return r.migrateAll(ctx, createAbsent, number, func(m *migrator, sets []migrationSet) error {
		for _, s := range sets {
			to := Latest
			if s.part == "" {
				to = number
			}
			if err := m.up(ctx, s, to); err != nil {
				return err
			}
		}
		return nil
	})
}

// MigrateDown undoes the newest of the program's own migrations, so many of them. It gives
// fault.Invalid, and undoes nothing, if one of them has no way down.
func (r *Repo) MigrateDown(ctx context.Context, steps int) error {
	return r.migrateOwn(ctx, refuseAbsent, Latest, func(m *migrator, own migrationSet) error { return m.down(ctx, own, steps) })
}

// MigrateTo runs and undoes the program's own migrations until the database has those up to
// this number and no others: 0 undoes all, [Latest] runs all. It gives fault.Invalid for a
// number that no migration has.
func (r *Repo) MigrateTo(ctx context.Context, number int64) error {
	return r.migrateOwn(ctx, createAbsent, number, func(m *migrator, own migrationSet) error { return m.to(ctx, own, number) })
}

// MigrateDryRun prints the SQL that MigrateTo would run, of files and of Go migrations; for
// [Latest] that of MigrateUp. It runs it, in one transaction that is rolled back, so that
// what would fail fails here. The tables concerned are locked meanwhile.
func (r *Repo) MigrateDryRun(ctx context.Context, number int64, out io.Writer) error {
	return r.migrateAll(ctx, pretendPresent, number, func(m *migrator, sets []migrationSet) error {
		if number != Latest {
			sets = sets[len(sets)-1:]
		}
		return m.dryRun(ctx, sets, number, out)
	})
}

// migrateAll runs fn with all migrations, while no other program migrates. The last ones
// are the program's own.
func (r *Repo) migrateAll(ctx context.Context, a absent, number int64, fn func(*migrator, []migrationSet) error) error {
	return r.migrating(ctx, a, func(m *migrator) error {
		sets, err := r.migrationSets(m.engine)
		if err != nil {
			return err
		}
		if err := sets[len(sets)-1].has(number); err != nil {
			return err
		}
		return m.locked(ctx, func() error { return fn(m, sets) })
	})
}

// migrateOwn is migrateAll with the program's own ones only.
func (r *Repo) migrateOwn(ctx context.Context, a absent, number int64, fn func(*migrator, migrationSet) error) error {
	return r.migrateAll(ctx, a, number, func(m *migrator, sets []migrationSet) error { return fn(m, sets[len(sets)-1]) })
}

// Part is the migrations of a package that keeps something of its own in a repo. The name is
// of a-z, 0-9 and _.
type Part struct {
	Name  string
	Files fs.FS // as in [Repo.Migrations]
}

var partName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Migrate brings the tables of a part of the program up to date: of a package that keeps
// something of its own in the repo of whoever uses it, and calls this when it starts. A
// part has its own numbers and its own files, named like those of [Repo.Migrations], and
// obeys [Repo.OnBoot]. The name is of a-z, 0-9 and _. The repo must run, and the context
// be of no transaction.
func (r *Repo) Migrate(ctx context.Context, part string, migrations fs.FS) error {
	all, err := Part{part, migrations}.set(r.Engine())
	if err != nil {
		return err
	}
	st := r.live.Load()
	if st == nil {
		return errNotRunning
	}
	if err := r.outside(ctx); err != nil {
		return err
	}
	if err := st.boot(ctx, []migrationSet{all}); err != nil {
		return st.engine.about(err)
	}
	return nil
}

func (p Part) set(engine Engine) (migrationSet, error) {
	if !partName.MatchString(p.Name) {
		return migrationSet{}, fault.Invalid.Errorf("the part %q of the migrations is to be named with a-z, 0-9 and _", p.Name)
	}
	all, err := readMigrations(p.Files, engine)
	if err != nil {
		return migrationSet{}, about(err, "part %s", p.Name)
	}
	return migrationSet{p.Name, all}, nil
}

// migrationSets are those of the parts, and then the program's own.
func (r *Repo) migrationSets(engine Engine) (sets []migrationSet, err error) {
	for _, part := range r.Parts {
		s, err := part.set(engine)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	own, err := r.ownMigrations(engine)
	return append(sets, own), err
}

// ownMigrations are the program's, from files and from Go.
func (r *Repo) ownMigrations(engine Engine) (migrationSet, error) {
	all, err := readMigrations(r.Migrations, engine)
	if err != nil {
		return migrationSet{}, err
	}
	for _, given := range r.GoMigrations {
		m, err := given.migration()
		if err != nil {
			return migrationSet{}, err
		}
		all = append(all, m)
	}
	return migrationSet{"", all}, sorted(all)
}

var goName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (m Migration) migration() (migration, error) {
	switch {
	case m.Number < 1 || m.Number == Latest:
		return migration{}, fault.Invalid.Errorf("Go migration %q: its number is to be 1 or more, and less than Latest", m.Name)
	case !goName.MatchString(m.Name):
		return migration{}, fault.Invalid.Errorf("Go migration %d: name it by its purpose, as in split_names", m.Number)
	case m.Up == nil:
		return migration{}, fault.Invalid.Errorf("Go migration %d_%s has no Up", m.Number, m.Name)
	}
	return migration{
		number: m.Number,
		name:   fmt.Sprintf("%04d_%s", m.Number, m.Name),
		up:     action{run: m.Up},
		down:   action{run: m.Down},
	}, nil
}

// migrationSet is the migrations of one part, by number.
type migrationSet struct {
	part string // "" is the program itself
	all  []migration
}

// has refuses a number that is no migration's.
func (s migrationSet) has(number int64) error {
	if number == 0 || number == Latest {
		return nil
	}
	for _, m := range s.all {
		if m.number == number {
			return nil
		}
	}
	return fault.Invalid.Errorf("there is no migration %d", number)
}

// title names a migration in texts.
func (s migrationSet) title(m migration) string {
	if s.part == "" {
		return m.name
	}
	return s.part + " " + m.name
}

// pendingText says what is missing, the first three by name.
func (s migrationSet) pendingText(pending []migration) string {
	var names []string
	for _, m := range pending[:min(3, len(pending))] {
		names = append(names, s.title(m))
	}
	text := strings.Join(names, ", ")
	if more := len(pending) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// without is those of all that are not in some, in order.
func without(all, some []migration) (rest []migration) {
	in := make(map[int64]bool)
	for _, one := range some {
		in[one.number] = true
	}
	for _, one := range all {
		if !in[one.number] {
			rest = append(rest, one)
		}
	}
	return rest
}

// above is those with a greater number.
func above(all []migration, number int64) (rest []migration) {
	for _, one := range all {
		if one.number > number {
			rest = append(rest, one)
		}
	}
	return rest
}
