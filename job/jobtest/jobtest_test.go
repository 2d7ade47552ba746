package jobtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/job/jobtest"
	"github.com/bennu-go/bennu/token"
)

type trip struct {
	Unit string `json:"unit"`
	N    int    `json:"n,omitempty"`
}

// recorder is a test that can fail without failing.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper()                      {}
func (r *recorder) Errorf(f string, args ...any) { r.said = append(r.said, fmt.Sprintf(f, args...)) }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); panic(r) }

// fatal runs fn, which is to end the test.
func (r *recorder) fatal(fn func()) (text string) {
	defer func() {
		if recover() == r {
			text = r.said[len(r.said)-1]
		}
	}()
	fn()
	return ""
}

func TestDrain(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		var order []string
		var mail *job.Job[string]
		report := job.Define("report", func(ctx context.Context, tr trip) error {
			order = append(order, tr.Unit)
			_, err := mail.Enqueue(ctx, tr.Unit)
			return err
		})
		mail = job.Define("mail", func(_ context.Context, to string) error {
			order = append(order, "mail "+to)
			switch to {
			case "fails":
				return errors.New("no")
			case "cancels":
				return job.Cancel("")
			case "discards":
				return fault.Invalid
			case "panics":
				panic("no")
			}
			return nil
		}, job.InQueue("mail"))
		k := jobtest.Start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{report, mail}})
		all := []trip{{"well", 1}, {"fails", 2}, {"cancels", 3}, {"discards", 4}, {"panics", 5}}
		if _, err := report.EnqueueAll(k, all); err != nil {
			t.Fatal(err)
		}
		if got := jobtest.Enqueued(k, report); !slices.Equal(got, all) {
			t.Errorf("%v are enqueued", got)
		}
		jobtest.AssertEnqueued(k, report, trip{"fails", 2})
		jobtest.RefuteEnqueued(k, report, trip{"fails", 3})
		jobtest.RefuteEnqueued(k, mail)
		if len(order) > 0 {
			t.Errorf("before Drain there ran %v", order)
		}
		if r := k.Drain(); r != (jobtest.Result{Completed: 6, Cancelled: 1, Discarded: 1, Failed: 2}) {
			t.Errorf("they ended as %+v", r)
		}
		want := []string{"well", "fails", "cancels", "discards", "panics", "mail well", "mail fails", "mail cancels", "mail discards", "mail panics"}
		if !slices.Equal(order, want) {
			t.Errorf("there ran %v", order)
		}
		jobtest.AssertEnqueued(k, mail, "fails") // to be tried again
		jobtest.RefuteEnqueued(k, mail, "well", "cancels", "discards")
		if r := k.Drain(); r != (jobtest.Result{}) {
			t.Errorf("once more: %+v", r)
		}
	})
}

func TestAdvance(t *testing.T) {
	var ran []string
	later := job.Define("later", func(_ context.Context, s string) error {
		if ran = append(ran, s); s == "fails" && len(ran) < 4 {
			return errors.New("no")
		}
		return nil
	}, job.Retry{Backoff: func(int) time.Duration { return time.Minute }})
	limited := job.Define("limited", func(context.Context, int) error { return nil }, job.Limit{Rate: 2, Period: time.Hour})
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{later, limited}, Now: func() time.Time { return begin }})
	if !k.Now().Equal(begin) {
		t.Errorf("it begins at %v", k.Now())
	}
	for s, wait := range map[string]time.Duration{"fails": 0, "hour": time.Hour} {
		if _, err := later.Enqueue(k, s, job.In(wait)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		by   time.Duration
		want int
	}{{0, 1}, {time.Minute - time.Microsecond, 1}, {time.Microsecond, 2}, {58 * time.Minute, 3}, {time.Minute, 5}} {
		k.Advance(step.by)
		k.Drain()
		if len(ran) != step.want {
			t.Fatalf("at %v there ran %v", k.Now().Sub(begin), ran)
		}
	}
	if _, err := limited.EnqueueAll(k, make([]int, 5)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 2, 1, 0} {
		if r := k.Drain(); r.Completed != want {
			t.Errorf("of the limited ones %d ran, not %d", r.Completed, want)
		}
		k.Advance(time.Hour)
	}
}

func TestRun(t *testing.T) {
	no := errors.New("no")
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	var id int64
	do := job.Define("do", func(ctx context.Context, s string) error {
		id = job.Current(ctx).ID
		switch s {
		case "fails":
			return no
		case "panics":
			panic("no")
		case "commits":
			return job.Commit(ctx, func(context.Context, data.Tx) error { return nil })
		}
		return nil
	}, job.Encrypt(keys), job.Limit{Concurrency: 1}, job.InQueue("elsewhere"))
	k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{do}, Queues: map[string]job.Queue{}})
	for _, c := range []struct {
		in    string
		state job.State
		is    func(error) bool
	}{
		{"well", job.Completed, func(err error) bool { return err == nil }},
		{"commits", job.Completed, func(err error) bool { return err == nil }},
		{"fails", job.Scheduled, func(err error) bool { return err == no }},
		{"panics", job.Scheduled, func(err error) bool { return err != nil && strings.Contains(err.Error(), "no") }},
	} {
		if err := jobtest.Run(k, do, c.in, job.In(time.Hour)); !c.is(err) {
			t.Errorf("%s gives %v", c.in, err)
		}
		if info, err := job.Get(k, id); err != nil || info.State != c.state {
			t.Errorf("%s is %v, %v", c.in, info.State, err)
		}
	}
	if got := jobtest.Enqueued(k, do); !slices.Equal(got, []string{"fails", "panics"}) {
		t.Errorf("there are %v", got)
	}
}

func TestWhatFails(t *testing.T) {
	r := &recorder{TB: t}
	var again, unknown *job.Job[trip]
	again = job.Define("again", func(ctx context.Context, tr trip) error {
		_, err := again.Enqueue(ctx, tr)
		return err
	})
	unknown = job.Define("unknown", func(context.Context, trip) error { return nil })
	k := jobtest.Start(r, &job.Runner{Jobs: []job.Definition{again}})
	jobtest.AssertEnqueued(k, again, trip{Unit: "a"})
	if _, err := again.Enqueue(k, trip{"a", 1}); err != nil {
		t.Fatal(err)
	}
	jobtest.AssertEnqueued(k, again, trip{"a", 2})
	jobtest.RefuteEnqueued(k, again)
	jobtest.RefuteEnqueued(k, again, trip{"a", 2}, trip{"a", 1})
	if len(r.said) != 4 {
		t.Errorf("it said %q", r.said)
	}
	for what, fn := range map[string]func(){
		"still some": func() { k.Drain() },
		"list it":    func() { jobtest.Enqueued(k, unknown) },
		"inserted":   func() { jobtest.Run(k, unknown, trip{}) },
		"needs a":    func() { jobtest.Start(r, &job.Runner{Jobs: []job.Definition{nil}}) },
	} {
		if text := r.fatal(fn); text == "" || what != "needs a" && !strings.Contains(text, what) {
			t.Errorf("it says %q, not %q", text, what)
		}
	}
}

// A paused queue is not worked on.
func TestPaused(t *testing.T) {
	noop := job.Define("noop", func(context.Context, int) error { return nil })
	k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{noop}})
	if _, err := noop.EnqueueAll(k, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		set  func(context.Context, string, job.Scope) error
		want int
	}{{job.PauseQueue, 0}, {job.ResumeQueue, 2}} {
		if err := step.set(k, "default", job.AllNodes); err != nil {
			t.Fatal(err)
		}
		if r := k.Drain(); r.Completed != step.want {
			t.Errorf("%d ran, not %d", r.Completed, step.want)
		}
	}
}

func TestSchedulesGoByTheClock(t *testing.T) {
	var ran []string
	prune := job.Define("prune", func(_ context.Context, what string) error { ran = append(ran, what); return nil })
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k := jobtest.Start(t, &job.Runner{
		Jobs:      []job.Definition{prune},
		Schedules: []job.Schedule{{Name: "nightly", Cron: "0 0 4 * * *", Job: prune.New("old")}},
		Now:       func() time.Time { return begin },
	})
	for _, step := range []struct {
		by   time.Duration
		want int
	}{{0, 0}, {55*time.Minute + 54*time.Second, 0}, {time.Second, 1}, {23 * time.Hour, 1}, {time.Hour, 2}} {
		k.Advance(step.by)
		k.Drain()
		if len(ran) != step.want {
			t.Errorf("at %v it ran %d times, not %d", k.Now(), len(ran), step.want)
		}
	}
	runs, err := job.List(k, job.Filter{Schedule: "nightly", States: []job.State{job.Completed}})
	if err != nil || len(runs) != 2 {
		t.Errorf("the schedule has %d runs, %v", len(runs), err)
	}
}

// One step past many due times is as many small ones.
func TestAdvancePastDueTimes(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		var dues []string
		run := job.Define("run", func(ctx context.Context, what string) error {
			due, err := job.Due(ctx)
			dues = append(dues, what+" "+due.Format("15:04"))
			return err
		})
		begin := time.Date(2026, 1, 2, 3, 30, 0, 0, time.UTC)
		k := jobtest.Start(t, &job.Runner{
			Repo: repo,
			Jobs: []job.Definition{run},
			Schedules: []job.Schedule{
				{Name: "hourly", Cron: "@hourly", Job: run.New("hourly")}, // Missed: Skip
				{Name: "odd", Every: 90 * time.Minute, Job: run.New("odd"), Missed: job.Once},
				{Name: "rests", Every: time.Second, Job: run.New("rests"), Paused: true},
			},
			Now: func() time.Time { return begin },
		})
		k.Advance(4 * time.Hour)
		if want := begin.Add(4 * time.Hour); !k.Now().Equal(want) {
			t.Errorf("the clock is at %v", k.Now())
		}
		if n := len(jobtest.Enqueued(k, run)); n != 6 {
			t.Errorf("%d are enqueued", n)
		}
		k.Drain()
		if want := []string{"hourly 04:00", "hourly 05:00", "odd 05:00", "hourly 06:00", "odd 06:30", "hourly 07:00"}; !slices.Equal(dues, want) {
			t.Errorf("there ran %q", dues)
		}
		k.Advance(29 * time.Minute)
		k.Advance(-time.Hour) // back, and again
		k.Advance(time.Hour)
		k.Drain()
		if len(dues) != 6 {
			t.Errorf("there ran %q", dues)
		}
	})
}

// A Name serves where a Job does.
func TestName(t *testing.T) {
	const greet job.Name[trip] = "greet"
	var got []trip
	k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{job.Define(greet, func(_ context.Context, tr trip) error {
		got = append(got, tr)
		return nil
	})}})
	if err := jobtest.Run(k, greet, trip{Unit: "a"}); err != nil {
		t.Error(err)
	}
	if _, err := greet.Enqueue(k, trip{Unit: "b"}); err != nil {
		t.Error(err)
	}
	jobtest.AssertEnqueued(k, greet, trip{Unit: "b"})
	jobtest.RefuteEnqueued(k, greet, trip{Unit: "a"})
	if all := jobtest.Enqueued(k, greet); !slices.Equal(all, []trip{{Unit: "b"}}) {
		t.Errorf("%v are enqueued", all)
	}
	k.Drain()
	jobtest.RefuteEnqueued(k, greet)
	if !slices.Equal(got, []trip{{Unit: "a"}, {Unit: "b"}}) {
		t.Errorf("it got %v", got)
	}
}

func TestEnqueuedSo(t *testing.T) {
	noop := job.Define("noop", func(context.Context, int) error { return nil })
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{noop}, Now: func() time.Time { return begin }})
	at := begin.Add(time.Minute)
	for n, opts := range [][]job.InsertOption{
		0: nil,
		1: {job.In(time.Hour), job.InQueue("mail")},
		2: {job.At(at), job.Priority(-1)},
		3: {job.Label("it's"), job.Retry{Attempts: 3}},
	} {
		if _, err := noop.Enqueue(k, n, opts...); err != nil {
			t.Fatal(err)
		}
	}
	k.Advance(time.Second) // which changes nothing
	for _, c := range []struct {
		opts []job.InsertOption
		want []int
	}{
		{nil, []int{0, 1, 2, 3}},
		{[]job.InsertOption{job.In(time.Hour)}, []int{1}},
		{[]job.InsertOption{job.In(time.Minute)}, []int{2}},
		{[]job.InsertOption{job.At(at)}, []int{2}},
		{[]job.InsertOption{job.InQueue("mail"), job.In(time.Hour)}, []int{1}},
		{[]job.InsertOption{job.InQueue("mail"), job.In(time.Minute)}, []int{}},
		{[]job.InsertOption{job.Priority(0)}, []int{0, 1, 3}},
		{[]job.InsertOption{job.Label("it's"), job.Retry{Attempts: 3}}, []int{3}},
		{[]job.InsertOption{job.Retry{Attempts: 20}}, []int{0, 1, 2}},
	} {
		if got := jobtest.Enqueued(k, noop, c.opts...); !slices.Equal(got, c.want) {
			t.Errorf("with %v there are %v", c.opts, got)
		}
	}
	jobtest.AssertEnqueued(k, noop, 1, job.In(time.Hour), job.InQueue("mail"))
	r := &recorder{TB: t}
	in := jobtest.Start(r, &job.Runner{Jobs: []job.Definition{noop}})
	jobtest.AssertEnqueued(in, noop, 1, job.In(time.Hour))
	if len(r.said) != 1 {
		t.Errorf("it said %q", r.said)
	}
	if text := r.fatal(func() { jobtest.Enqueued(in, noop, job.Unique{}) }); !strings.Contains(text, "cannot be asked") {
		t.Errorf("it says %q", text)
	}
}

func TestDrainOneQueue(t *testing.T) {
	noop := job.Define("noop", func(context.Context, int) error { return nil })
	r := &recorder{TB: t}
	k := jobtest.Start(r, &job.Runner{Jobs: []job.Definition{noop}, Queues: map[string]job.Queue{"a": {}, "b": {}}})
	for n, queue := range []job.InQueue{"a", "a", "b"} {
		if _, err := noop.Enqueue(k, n, queue); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		queues []string
		want   int
	}{{[]string{"a"}, 2}, {[]string{"a"}, 0}, {nil, 1}} {
		if got := k.Drain(step.queues...); got.Completed != step.want {
			t.Errorf("in %q there ran %d, not %d", step.queues, got.Completed, step.want)
		}
	}
	if text := r.fatal(func() { k.Drain("c") }); !strings.Contains(text, `queue "c"`) {
		t.Errorf("it says %q", text)
	}
}

// As the documentation says: what was missed is for a second kit to see.
func TestMissed(t *testing.T) {
	repo := datatest.Open(t, nil)
	begin := time.Date(2026, 1, 2, 3, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {5 * time.Hour, 1}} {
		noop := job.Define("noop", func(context.Context, int) error { return nil })
		k := jobtest.Start(t, &job.Runner{
			Repo:      repo,
			Jobs:      []job.Definition{noop},
			Schedules: []job.Schedule{{Name: "hourly", Cron: "@hourly", Job: noop.New(1), Missed: job.Once}},
			Now:       func() time.Time { return begin.Add(c.after) },
		})
		if r := k.Drain(); r.Completed != c.want {
			t.Errorf("after %v there ran %d", c.after, r.Completed)
		}
	}
}
