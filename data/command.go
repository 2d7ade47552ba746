package data

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/bennu-go/bennu/fault"
)

const commandHelp = `migrate             run the migrations that the database lacks
migrate status      list the migrations
migrate up [N]      run them, up to number N
migrate down [N]    undo the newest N, one by default
migrate to N        run and undo until N is the newest; 0 undoes all
migrate dry-run [N] print the SQL of "migrate to N"; without N, of "migrate"
backup PATH         copy the database to a file, while it is used
restore PATH        put a backup in its place; stop the program first
check               read all of the database and look for damage
`

// Command does what a program's own data command is asked for, as in
//
//	if len(os.Args) > 1 && os.Args[1] == "data" {
//		err = data.Command(ctx, repo, os.Args[2:], os.Stdout)
//	}
//
//	| arguments           | it does                                                       |
//	|---------------------|---------------------------------------------------------------|
//	| migrate             | runs the migrations that the database lacks                   |
//	| migrate status      | lists the migrations                                          |
//	| migrate up [N]      | runs them, up to number N                                     |
//	| migrate down [N]    | undoes the newest N, one by default                           |
//	| migrate to N        | runs and undoes until N is the newest; 0 undoes all           |
//	| migrate dry-run [N] | prints the SQL of migrate to N; without N, of migrate         |
//	| backup PATH         | copies the database to a file, while it is used               |
//	| restore PATH        | puts a backup in its place; the program is to be stopped      |
//	| check               | reads all of the database and looks for damage                |
//
// The repo need not run: then it is opened for as long as the command takes, without regard
// to [Repo.OnBoot]. Arguments that it does not know are fault.Invalid, with a list of these.
func Command(ctx context.Context, repo *Repo, args []string, out io.Writer) error {
	name, args := cut(args)
	switch name {
	case "migrate":
		return commandMigrate(ctx, repo, args, out)
	case "backup", "restore":
		if len(args) != 1 || args[0] == "" {
			return usage("%s takes the path of one file", name)
		}
		if name == "restore" {
			return told(out, Restore(ctx, repo.URL, args[0]), "restored from %s\n", args[0])
		}
		return told(out, repo.Backup(ctx, args[0]), "backed up to %s\n", args[0])
	case "check":
		if len(args) != 0 {
			return usage("check takes no arguments")
		}
		return told(out, repo.Check(ctx), "the database is whole\n")
	}
	return usage("there is no command %q", name)
}

func commandMigrate(ctx context.Context, repo *Repo, args []string, out io.Writer) error {
	name, args := cut(args)
	number, err := numberOf(args)
	switch {
	case err != nil:
		return err
	case name == "to" && len(args) == 0:
		return usage("migrate to takes a number")
	case name == "status" && len(args) != 0:
		return usage("migrate status takes no arguments")
	}
	switch name {
	case "status":
		return printStatus(ctx, repo, out)
	case "", "up":
		err = repo.migrateUp(ctx, number)
	case "to":
		err = repo.MigrateTo(ctx, number)
	case "down":
		steps := 1
		if len(args) > 0 {
			steps = int(min(number, 1<<30))
		}
		err = repo.MigrateDown(ctx, steps)
	case "dry-run":
		return repo.MigrateDryRun(ctx, number, out)
	default:
		return usage("there is no command migrate %q", name)
	}
	if err != nil {
		return err
	}
	return printStatus(ctx, repo, out)
}

func printStatus(ctx context.Context, repo *Repo, out io.Writer) error {
	states, err := repo.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range states {
		part := s.Part
		if part == "" {
			part = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", part, s.Name, s.text())
	}
	return table.Flush()
}

// text is the state in words.
func (s MigrationState) text() string {
	text := "pending"
	if !s.Pending() {
		text = s.Applied.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	switch {
	case s.Half:
		text += ", cut off half-way or running"
	case s.Unknown:
		text += ", not known to this program"
	}
	return text
}

func cut(args []string) (first string, rest []string) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], args[1:]
}

// numberOf reads an optional number; without one it is Latest.
func numberOf(args []string) (int64, error) {
	if len(args) == 0 {
		return Latest, nil
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 0 || len(args) > 1 {
		return 0, usage("a migration is named by its number, as in migrate to 3")
	}
	return n, nil
}

func usage(format string, args ...any) error {
	return fault.Invalid.Errorf("%s; the commands are:\n%s", fmt.Sprintf(format, args...), commandHelp)
}

// told says that something went well.
func told(out io.Writer, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, format, args...)
	return err
}
