package token_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

type Invitation struct {
	Team  int64  `json:"team"`
	Email string `json:"email"`
}

const Invite token.Kind[Invitation] = "invitation"

// A link that is good for three days.
func Example() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		fmt.Println(err)
		return
	}
	keys = keys.WithClock(func() time.Time { return now })

	text, err := Invite.Sign(keys, Invitation{Team: 7, Email: "ann@example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	invitation, err := Invite.Verify(keys, text, token.MaxAge(72*time.Hour))
	fmt.Println(invitation.Team, invitation.Email, err)

	_, err = Invite.Verify(keys, text+"x", token.MaxAge(72*time.Hour))
	fmt.Println(fault.Of(err), "–", err)

	now = now.Add(73 * time.Hour)
	_, err = Invite.Verify(keys, text, token.MaxAge(72*time.Hour))
	fmt.Println(errors.Is(err, token.ErrExpired), "–", err)
	// Output:
	// 7 ann@example.com <nil>
	// unauthenticated – the token is not valid
	// true – the token has expired; ask for a new one
}

// The old secret's tokens are good as long as it stays in the list.
func ExampleNewKeys() {
	before, after := token.Generate(), token.Generate()
	old, _ := token.NewKeys(before)
	rotated, _ := token.NewKeys(after, before)
	over, _ := token.NewKeys(after)

	text, _ := old.Seal("session", []byte("user 7"))
	data, err := rotated.Open("session", text)
	fmt.Println(string(data), err)
	_, err = over.Open("session", text)
	fmt.Println(err)
	// Output:
	// user 7 <nil>
	// the token is not valid
}
