package job

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// Unique lets one job stand for all that are inserted with the same arguments. The one that
// is there already is what Enqueue gives, with Ref.Duplicate. The database decides, so it
// holds for all nodes, and for those who insert at once.
type Unique struct {
	// Any makes all jobs of the name the same, whatever their arguments.
	Any bool

	// Key is for jobs that are the same when it is, instead of by their arguments. It
	// is of one insert, or of all by Any.
	Key string

	// Period makes jobs the same only if they are inserted within the same period: it
	// begins at multiples of it since 1970, UTC. Zero: for ever.
	Period time.Duration

	// States are those in which a job stands for the others. Once it has left them it
	// does not any more, even if it comes back. Default: those that are not ended, and
	// with a Period also Completed.
	States []State
}

func (u Unique) define(d *definition) { d.unique = &u }
func (u Unique) insert(i *insertion)  { i.unique = &u }

// states has a bit for each state in which the key holds.
func (u *Unique) states() (bits int) {
	states := u.States
	if len(states) == 0 {
		states = []State{Available, Running, Scheduled, Waiting}
		if u.Period > 0 {
			states = append(slices.Clip(states), Completed)
		}
	}
	for _, s := range states {
		bits |= 1 << s
	}
	return bits
}

// key is short, whatever the arguments, and does not tell them.
func (u *Unique) key(name string, args []byte, now time.Time) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %v %q %d\n", name, u.Any, u.Key, u.Period)
	if u.Period > 0 {
		fmt.Fprintln(h, now.UnixNano()/int64(u.Period))
	}
	if !u.Any && u.Key == "" {
		h.Write(args)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:21])
}
