package main

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale/text"
)

// User is somebody who may write.
type User struct {
	Name   string `bun:",pk"`
	Email  string
	Hash   string `secret:"true"`
	Joined time.Time
}

// SignUp is what somebody fills in who wants to be one.
type SignUp struct {
	Name     string       `form:"name" validate:"required"`
	Email    string       `form:"email" validate:"required,email,max=200"`
	Password fault.Secret `form:"password" validate:"required,min=10,max=200"`
}

func changeSignUp(s SignUp, params changeset.Params) *changeset.Changeset[SignUp] {
	cs := changeset.Cast(s, params, "name", "email", "password").Tags().Confirmation("password")
	return changeset.Check(cs, "name", func(name string) string {
		if _, err := text.Username(name); err != nil {
			return fault.Detail(err)
		}
		return ""
	})
}

// join makes a user of a sign-up that is valid. A name that is taken becomes an error of the
// changeset.
func join(ctx context.Context, store Store, cs *changeset.Changeset[SignUp]) (User, error) {
	s, err := cs.Apply()
	if err != nil {
		return User{}, err
	}
	u := User{Email: s.Email, Joined: time.Now().UTC()}
	if u.Name, err = text.Username(s.Name); err != nil {
		return User{}, err
	}
	if u.Hash, err = hash(ctx, s.Password); err != nil {
		return User{}, err
	}
	err = store.Join(ctx, u)
	if fault.Of(err) == fault.Conflict {
		_, err = cs.AddError("name", changeset.Message{Text: "has already been taken"}).Apply()
	}
	return u, err
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
func (c Credentials) check(ctx context.Context, store Store) (string, error) {
	name, err := text.Username(c.Name)
	if err != nil {
		name = ""
	}
	u, err := store.User(ctx, name)
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
