package job

// Retention is for how long jobs that have ended are kept.
type Retention struct{}

// retentionDuties are what the leader does to delete old jobs.
func (e *engine) retentionDuties() []duty { return nil }
