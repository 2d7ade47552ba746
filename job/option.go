package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

// Option is how all jobs of a name are run: [InQueue], [Priority], [Retry], [Unique], [Limit],
// [Timeout], [Encrypt], [Upgrade].
type Option interface{ define(*definition) }

// InsertOption is how one job is inserted: [In], [At], [Label], [After], and in place of what
// the Job says [InQueue], [Priority], [Retry] (its Attempts) and [Unique].
type InsertOption interface{ insert(*insertion) }

// InQueue is the queue that jobs go into. Default: "default".
type InQueue string

func (q InQueue) define(d *definition) { d.queue = string(q) }
func (q InQueue) insert(i *insertion)  { i.queue = string(q) }

// Priority is which jobs of a queue begin first: those with the lowest. Default 0; it may
// be negative.
type Priority int

func (p Priority) define(d *definition) { d.priority = int(p) }
func (p Priority) insert(i *insertion)  { i.priority = int(p) }

// Retry is how often a job that fails is tried, and when.
type Retry struct {
	// Attempts is how often it is tried in all; then it is discarded. Default 20.
	Attempts int

	// Backoff is how long it waits after so many failures. Default: failures to the
	// fourth, in seconds, and up to a tenth more at random: the twentieth attempt is
	// after about a week. It is an option of Define only.
	Backoff func(failures int) time.Duration
}

func (r Retry) define(d *definition) {
	if r.Attempts != 0 {
		d.attempts = r.Attempts
	}
	d.backoff = r.Backoff
}

func (r Retry) insert(i *insertion) {
	if r.Attempts != 0 {
		i.attempts = r.Attempts
	}
}

// Timeout is how long an attempt may take. Then its context ends, it may not write any more,
// and it has failed, with whatever error the function returns. But one that returns nil after
// all has done its work: the job is completed; and Snooze, Cancel and Discard count as ever. A
// function that does not heed its context is abandoned 5 s later. Default: none.
type Timeout time.Duration

func (t Timeout) define(d *definition) { d.timeout = time.Duration(t) }

// Encrypt keeps the arguments of a job so that only the program can read them. Rotation is
// that of the keys: a job is read with the secret it was written with, as long as that is
// among them. A node that has not got the secret fails the attempt, so give a new one to all
// nodes first, as package token says.
func Encrypt(keys *token.Keys) Option { return encryption{keys} }

type encryption struct{ keys *token.Keys }

func (e encryption) define(d *definition) {
	if d.keys = e.keys; e.keys == nil {
		d.wrong = fault.Invalid.Errorf("job: Encrypt needs keys")
	}
}

// Upgrade makes arguments that an older version of the program inserted into those of the
// next version. Arguments have version 1 at first; a job with an Upgrade from 1 inserts
// version 2, and one with an Upgrade from 2 as well inserts version 3. A program leaves to
// others what is of a version that it does not know yet.
//
//	job.Upgrade(1, func(old TripV1) (Trip, error) { … })
func Upgrade[Old, New any](from int, fn func(Old) (New, error)) Option {
	return upgrade{from, func(args []byte) ([]byte, error) {
		var old Old
		if err := json.Unmarshal(args, &old); err != nil {
			return nil, err
		}
		in, err := fn(old)
		if err != nil {
			return nil, err
		}
		return json.Marshal(in)
	}}
}

type upgrade struct {
	from int
	fn   func([]byte) ([]byte, error)
}

func (u upgrade) define(d *definition) {
	switch {
	case u.from < 1 || u.from >= mostVersion:
		d.wrong = fault.Invalid.Errorf("job: an Upgrade is from version 1 or more")
		return
	case d.upgrades[u.from] != nil:
		d.wrong = fault.Invalid.Errorf("job: there are two Upgrades from version %d", u.from)
		return
	case d.upgrades == nil:
		d.upgrades = make(map[int]func([]byte) ([]byte, error))
	}
	d.upgrades[u.from] = u.fn
	d.version = max(d.version, u.from+1)
}

const mostVersion = 1 << 14

// In is how long a job waits before it may begin.
type In time.Duration

func (t In) insert(i *insertion) { i.in, i.at = time.Duration(t), time.Time{} }

// At is when a job may begin. A time that has passed is now.
func At(t time.Time) InsertOption { return at(t) }

type at time.Time

func (t at) insert(i *insertion) { i.in, i.at = 0, time.Time(t) }

// Label is a word to find a job by, as with [List].
type Label string

func (l Label) insert(i *insertion) { i.label = string(l) }

// insertion is how one job is to be inserted.
type insertion struct {
	settings
	ctx      context.Context
	in       time.Duration
	at       time.Time
	label    string
	schedule string
	after    []Ref
}
