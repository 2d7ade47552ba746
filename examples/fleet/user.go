package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/uptrace/bun"
	"golang.org/x/crypto/argon2"

	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale/text"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// User is somebody who may log in.
type User struct {
	bun.BaseModel `bun:"table:users"`
	Name          string `bun:",pk"`
	Salt          string
	Hash          string `secret:"true"` // of the password, with the salt
}

// hash is argon2id with 19 MiB, two passes and one lane, as OWASP recommends: about 20 ms
// of a processor. A password is the same however its accents were typed.
func hash(password fault.Secret, salt string) string {
	key := argon2.IDKey([]byte(text.NFC(password.Reveal())), []byte(salt), 2, 19<<10, 1, 32)
	return base64.RawStdEncoding.EncodeToString(key)
}

// Credentials are what somebody logs in with.
type Credentials struct {
	Name     string       `json:"name" validate:"max=64"`
	Password fault.Secret `json:"password" validate:"max=200"`
}

// LogIn gives the user whose credentials these are, or fault.Unauthenticated. An unknown
// name takes as long as a wrong password, so names cannot be found out.
func (s Store) LogIn(ctx context.Context, c Credentials) (User, error) {
	name, _ := text.Username(c.Name) // "" is nobody's
	u, err := data.Get[User](ctx, s.repo, name)
	if err != nil && fault.Of(err) != fault.NotFound {
		return User{}, err
	}
	given, err := process.Compute(ctx, func(context.Context) (string, error) { return hash(c.Password, u.Salt), nil })
	if err == nil && subtle.ConstantTimeCompare([]byte(given), []byte(u.Hash)) == 0 {
		err = fault.Unauthenticated.Errorf("the name or the password is wrong")
	}
	return u, err
}

type userOptions struct {
	DB       string       `flag:"db" env:"FLEET_DB" default:"sqlite:fleet.db" help:"the fleet's database"`
	Name     string       `flag:"name" help:"whose account it is"`
	Password fault.Secret `env:"FLEET_PASSWORD" secret:"true" help:"of 10 characters or more; without, one is made and printed"`
	Remove   bool         `flag:"remove" help:"take the account away"`
}

// account makes a user, changes the password of one, or removes one. Who has logged in
// with what was before is logged out.
func account(args []string, out io.Writer) error {
	opts, err := config.Load[userOptions](name+" user", args, os.LookupEnv)
	if err != nil {
		return err
	}
	who, err := text.Username(opts.Name)
	if err != nil {
		return fault.Invalid.Errorf("-name: %s", fault.Detail(err))
	}
	repo := &data.Repo{URL: opts.DB, Migrations: migrations}
	return with(repo, func(ctx context.Context) error {
		if opts.Remove {
			err := data.Delete(ctx, repo, &User{Name: who})
			if fault.Of(err) == fault.NotFound {
				err = fault.NotFound.Errorf("there is no user %s", who)
			}
			return err
		}
		password := cmp.Or(opts.Password.Reveal(), rand.Text())
		if text.Characters(password) < 10 {
			return fault.Invalid.Errorf("FLEET_PASSWORD must have 10 characters or more")
		}
		u := User{Name: who, Salt: rand.Text()}
		u.Hash = hash(fault.NewSecret(password), u.Salt)
		if err := data.Upsert(ctx, repo, &u, "name"); err != nil {
			return err
		}
		if opts.Password.Reveal() == "" {
			fmt.Fprintf(out, "%s logs in with %s\n", who, password)
		}
		return nil
	})
}

// with runs f beside a repo, without a tree.
func with(repo *data.Repo, f func(context.Context) error) error {
	ctx, stop := context.WithCancel(telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler)))
	defer stop()
	if err := repo.Start(ctx); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- repo.Serve(ctx) }()
	err := f(ctx)
	stop()
	return cmp.Or(err, <-served)
}
