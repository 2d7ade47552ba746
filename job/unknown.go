package job

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// unknowns are the jobs that this program has met and does not know, all of them or those of
// newer versions: its claims leave them to other nodes, for as long as it runs.
type unknowns struct {
	mu     sync.Mutex
	known  map[string]int // name to the version up to which it is known; 0: not at all
	unless string         // the condition of a claim
}

// mostUnknown is how many names are remembered: each makes the claims longer.
const mostUnknown = 100

// unknownPause is when a job begins again that this program neither knows nor remembers.
const unknownPause = 10 * time.Second

// add remembers a name. It reports whether that was new, and whether it is remembered now.
func (u *unknowns) add(name string, known int) (isNew, kept bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.known[name]; ok {
		return false, true
	}
	if len(u.known) == mostUnknown {
		return true, false
	}
	if u.known == nil {
		u.known = make(map[string]int)
	}
	u.known[name] = known
	u.unless = " AND NOT ("
	for i, name := range slices.Sorted(maps.Keys(u.known)) {
		or := ""
		if i > 0 {
			or = " OR "
		}
		u.unless += statement(or, "name = ", text(name), " AND version > ", u.known[name])
	}
	u.unless += ")"
	return true, true
}

// condition is what a claim leaves out; "": nothing.
func (u *unknowns) condition() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.unless
}

// isKnown reports whether this program can run a job.
func (e *engine) isKnown(c claimed) bool {
	d := e.defs[c.name]
	return d != nil && c.version <= d.version
}

// meet remembers a job that this program cannot run, and gives back the attempt: at once,
// where this node does not claim it again.
func (a *attempt) meet() {
	known := 0
	if a.def != nil {
		known = a.def.version
	}
	isNew, kept := a.unknowns.add(a.name, known)
	a.engine.count("job.unknown", 1)
	if isNew {
		telemetry.Log(a.engine.ctx).Warn("job: this program does not know a job, or not in this version; such jobs are left to other nodes",
			"job", a.name, "version", a.version, "known", known, "id", a.id, "remembered", kept)
	}
	a.leave()
	if kept {
		a.giveBack(0)
		return
	}
	a.giveBack(unknownPause)
}
