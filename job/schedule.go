package job

// Schedule inserts a job again and again.
type Schedule struct{}

// scheduleDuties are what the leader does for schedules. A job is inserted with
// e.insertIn(ctx, tx, draft, scheduled("name")).
func (e *engine) scheduleDuties() []duty { return nil }

// scheduled says which schedule a job is of.
type scheduled string

func (s scheduled) insert(i *insertion) { i.schedule = string(s) }
