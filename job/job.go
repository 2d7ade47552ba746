package job

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

// Name is the name of a job with its input. It inserts as the [Job] of that name does,
// with the options that the Job was defined with: for places that cannot have the Job.
//
//	const TripReport job.Name[Trip] = "trip_report"
type Name[In any] string

// Job is a function bound to a name. It is safe for concurrent use.
type Job[In any] struct{ def *definition }

// Definition is a [Job], whatever its input.
type Definition interface{ definition() *definition }

// Define binds a function to a name, which is how the database knows the job: keep it when
// the function is renamed. What is wrong with the options is told by [Runner.Start].
//
// The input is kept as JSON. The function's error says what becomes of the job: see the
// package's documentation. It runs in a process of its own, and should heed the end of its
// context.
func Define[In any](name Name[In], fn func(context.Context, In) error, opts ...Option) *Job[In] {
	d := &definition{name: string(name), settings: settings{queue: DefaultQueue, attempts: defaultAttempts}, version: 1}
	d.encode, d.input = encode[In], reflect.TypeFor[In]()
	if fn != nil {
		d.run = func(ctx context.Context, args []byte) error {
			var in In
			if err := json.Unmarshal(args, &in); err != nil {
				return fault.Internal.Wrap(err, "job: the arguments of %q cannot be read: add an Upgrade where their type has changed", name)
			}
			return fn(ctx, in)
		}
	}
	for _, o := range opts {
		o.define(d)
	}
	return &Job[In]{d}
}

// Name is what the job was defined as.
func (j *Job[In]) Name() string { return j.def.name }

func (j *Job[In]) definition() *definition {
	if j == nil {
		return nil
	}
	return j.def
}

// definition is a Job without its type.
type definition struct {
	settings
	name     string
	run      func(ctx context.Context, args []byte) error
	encode   func(in any) ([]byte, error)
	input    reflect.Type
	timeout  time.Duration
	backoff  func(failures int) time.Duration
	keys     *token.Keys
	version  int
	upgrades map[int]func([]byte) ([]byte, error)
	wrong    error // with the options
}

// settings is what can be said of all jobs of a name, and of one that is inserted.
type settings struct {
	queue    string
	priority int
	attempts int
	unique   *Unique
	limit    *Limit
}

func encode[In any](in any) ([]byte, error) {
	typed, _ := in.(In)
	args, err := json.Marshal(typed)
	if err != nil {
		return nil, fault.Invalid.Wrap(err, "job: the arguments are no JSON")
	}
	return args, nil
}

func (d *definition) check() error {
	switch {
	case d.wrong != nil:
		return fault.Invalid.Wrap(d.wrong, "job %q: %s", d.name, fault.Detail(d.wrong))
	case d.name == "" || len(d.name) > mostName || strings.ContainsFunc(d.name, isControl):
		return fault.Invalid.Errorf("job: a name has 1 to %d bytes and no control characters, not %q", mostName, d.name)
	case d.run == nil:
		return fault.Invalid.Errorf("job %q has no function", d.name)
	case d.timeout < 0:
		return fault.Invalid.Errorf("job %q: a Timeout is not negative", d.name)
	}
	for v := 1; v < d.version; v++ {
		if d.upgrades[v] == nil {
			return fault.Invalid.Errorf("job %q: there is no Upgrade from version %d", d.name, v)
		}
	}
	if err := d.limit.check(d.name); err != nil {
		return err
	}
	return d.settings.check(d.name)
}

func (s settings) check(name string) error {
	switch {
	case s.queue == "" || len(s.queue) > mostName || strings.ContainsFunc(s.queue, isControl):
		return fault.Invalid.Errorf("job %q: a queue's name has 1 to %d bytes and no control characters", name, mostName)
	case s.attempts < 1 || s.attempts > mostAttempts:
		return fault.Invalid.Errorf("job %q: Retry.Attempts is between 1 and %d", name, mostAttempts)
	case s.priority < -mostPriority || s.priority > mostPriority:
		return fault.Invalid.Errorf("job %q: a Priority is between -%d and %[2]d", name, mostPriority)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

const (
	// DefaultQueue is where jobs go that name no other.
	DefaultQueue = "default"

	defaultAttempts = 20
	mostAttempts    = 1_000_000
	mostPriority    = 1000
	mostName        = 128
)

// upgraded brings arguments of an older version of the program up to date.
func (d *definition) upgraded(args []byte, version int) ([]byte, error) {
	for ; version < d.version; version++ {
		var err error
		if args, err = d.upgrades[version](args); err != nil {
			return nil, fault.Internal.Wrap(err, "job: the arguments of %q cannot be brought from version %d to %d", d.name, version, version+1)
		}
	}
	return args, nil
}
