package main

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale/text"
)

// User is somebody who may write.
type User struct {
	Name     string       `bun:",pk" validate:"required"`
	Email    string       `validate:"required,email,max=200"`
	Password fault.Secret `bun:"-" validate:"required,min=10,max=200"` // as it was typed: it is not kept
	Hash     string       `secret:"true"`
	Joined   time.Time    `data:"created"`
}

// changeUser is what somebody fills in who wants to be one.
func changeUser(u User, params changeset.Params) *changeset.Changeset[User] {
	cs := changeset.Cast(u, params, "name", "email", "password").Tags().Confirmation("password").Unique("name")
	return changeset.Check(cs, "name", func(name string) string {
		if _, err := text.Username(name); err != nil {
			return fault.Detail(err)
		}
		return ""
	})
}

// join makes a user of what was filled in.
func join(ctx context.Context, repo *data.Repo, cs *changeset.Changeset[User]) (User, error) {
	u, err := cs.Apply()
	if err != nil {
		return User{}, err
	}
	if u.Name, err = text.Username(u.Name); err != nil {
		return User{}, err
	}
	if u.Hash, err = hash(ctx, u.Password); err != nil {
		return User{}, err
	}
	return data.InsertChange(ctx, repo, cs.Change(func(to *User) { *to = u }))
}

// Credentials is a name with its password.
type Credentials struct {
	Name     string       `json:"name" validate:"required,max=64"`
	Password fault.Secret `json:"password" validate:"required,max=200"`
}

func changeCredentials(c Credentials, params changeset.Params) *changeset.Changeset[Credentials] {
	return changeset.Cast(c, params, "name", "password").Tags()
}

// check gives the name of the user whose credentials these are, or fault.Unauthenticated.
func (c Credentials) check(ctx context.Context, repo *data.Repo) (string, error) {
	name, err := text.Username(c.Name)
	if err != nil {
		name = ""
	}
	u, err := data.Get[User](ctx, repo, name)
	if fault.Of(err) == fault.NotFound {
		u.Hash, err = nobody, nil
	}
	if err != nil {
		return "", err
	}
	ok, err := fits(ctx, c.Password, u.Hash)
	if err == nil && !ok {
		err = fault.Unauthenticated.Errorf("the name or the password is wrong")
	}
	return u.Name, err
}
