package job

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// State is where a job is in its life.
type State uint8

// The states. A job that is in one of the last three has ended.
const (
	Available State = iota // it can begin
	Running
	Scheduled // for later: delayed, snoozed, or to be tried again
	Waiting   // for other jobs
	Completed
	Cancelled
	Discarded // it failed too often, or for good
)

var stateNames = [...]string{"available", "running", "scheduled", "waiting", "completed", "cancelled", "discarded"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// MarshalText is the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name.
func (s *State) UnmarshalText(name []byte) error {
	i := slices.Index(stateNames[:], string(name))
	if i < 0 {
		return fault.Invalid.Errorf("a job's state is one of %s, not %q", strings.Join(stateNames[:], ", "), name)
	}
	*s = State(i)
	return nil
}

// Ended reports whether a job in this state is over.
func (s State) Ended() bool { return s >= Completed }

// Ref is a job that was inserted, or that was there already.
type Ref struct {
	ID        int64 `json:"id"`
	Duplicate bool  `json:"duplicate,omitempty"` // it was there already: see Unique
}

// Info is a job as data, without its arguments.
type Info struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Queue     string    `json:"queue"`
	State     State     `json:"state"`
	Priority  int       `json:"priority"`
	Attempt   int       `json:"attempt"`  // how often it has begun; what was given back does not count
	Attempts  int       `json:"attempts"` // how often it may
	RunAt     time.Time `json:"run_at"`
	CreatedAt time.Time `json:"created_at"`
	BegunAt   time.Time `json:"begun_at,omitzero"` // the latest attempt
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Errors    []Failure `json:"errors,omitempty"` // of the latest ten attempts that failed
	Label     string    `json:"label,omitempty"`
	Schedule  string    `json:"schedule,omitempty"` // that inserted it
	Node      int64     `json:"node,omitempty"`     // that it runs on
	Cancel    string    `json:"cancel,omitempty"`   // why it was cancelled or discarded, or is to be
	Done      float64   `json:"done,omitempty"`     // how far it is, from 0 to 1: see Progress
	Doing     string    `json:"doing,omitempty"`    // what it is doing
}

// Failure is an attempt that failed.
type Failure struct {
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
}

// mostFailures is how many are kept of a job.
const mostFailures = 10

// withFailure adds one to those kept, as JSON.
func withFailure(kept string, f Failure) string {
	all := failuresOf(kept)
	if all = append(all, f); len(all) > mostFailures {
		all = all[len(all)-mostFailures:]
	}
	text, err := json.Marshal(all)
	if err != nil {
		return ""
	}
	return string(text)
}

// failuresOf reads those kept. What cannot be read is given up.
func failuresOf(kept string) (all []Failure) {
	if kept != "" {
		_ = json.Unmarshal([]byte(kept), &all)
	}
	return all
}

// Times are kept as microseconds since 1970: the same on all engines, and quick to compare.

func toMicros(t time.Time) int64 { return t.UnixMicro() }

func ofMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
