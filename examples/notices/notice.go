package main

import (
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/locale"
)

// Notice is a notice on the board.
type Notice struct {
	ID     int64  `json:"id" bun:",pk,autoincrement"`
	Author string `json:"author"`
	Draft
	Photo  string    `json:"-"` // the name of its file, or ""
	Posted time.Time `json:"posted" data:"created"`
}

// Draft is what people write of a notice: in a form or to the API, by the same rules.
type Draft struct {
	Kind    Kind    `json:"kind" validate:"required,oneof=offer wanted event"`
	Title   string  `json:"title" validate:"required,max=80" example:"Ladder to lend"`
	Body    string  `json:"body" validate:"required,max=2000"`
	Contact Contact `json:"contact" bun:"embed:contact_"`
}

// Contact is where the author is found. All of it may be empty.
type Contact struct {
	Street string `json:"street" validate:"max=80" example:"Elm Street 7"`
	Phone  string `json:"phone" validate:"omitempty,max=30,pattern=^[0-9 +/()-]+$" example:"030 1234567"`
}

// Kind is what a notice is about.
type Kind string

const (
	Offer  Kind = "offer"
	Wanted Kind = "wanted"
	Event  Kind = "event"
)

// Enum lists the kinds, for the document of the API.
func (Kind) Enum() []Kind { return []Kind{Offer, Wanted, Event} }

// Label is what people call it.
func (k Kind) Label() locale.Text {
	switch k {
	case Offer:
		return locale.Text("Offer")
	case Wanted:
		return locale.Text("Wanted")
	}
	return locale.Text("Event")
}

// Reply is what somebody says to a notice.
type Reply struct {
	ID       int64     `json:"id" bun:",pk,autoincrement"`
	NoticeID int64     `json:"notice_id"`
	Author   string    `json:"author"`
	Body     string    `json:"body" validate:"required,max=500"`
	Posted   time.Time `json:"posted" data:"created"`
}

func changeDraft(d Draft, params changeset.Params) *changeset.Changeset[Draft] {
	cs := changeset.Cast(d, params, "kind", "title", "body").Tags()
	return changeset.Nested(cs, "contact", changeContact)
}

func changeContact(c Contact, params changeset.Params) *changeset.Changeset[Contact] {
	return changeset.Cast(c, params, "street", "phone").Tags()
}

func changeReply(r Reply, params changeset.Params) *changeset.Changeset[Reply] {
	return changeset.Cast(r, params, "body").Tags().ForeignKey("notice_id")
}
