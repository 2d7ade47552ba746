CREATE TABLE IF NOT EXISTS bennu_schedules (
	name     TEXT    PRIMARY KEY,
	cron     TEXT,             -- NULL: an interval
	zone     TEXT,             -- NULL: UTC
	every    INTEGER NOT NULL, -- microseconds
	start_at INTEGER NOT NULL, -- what an interval is counted from
	missed   INTEGER NOT NULL, -- 0 skip, 1 once, 2 all
	rests    BOOLEAN NOT NULL, -- as it was declared
	paused   BOOLEAN NOT NULL, -- as it is
	code     BOOLEAN NOT NULL, -- a program has it, see bennu_schedule_nodes
	job      TEXT    NOT NULL, -- JSON
	next_at  INTEGER NOT NULL,
	seen_at  INTEGER NOT NULL  -- the clock when next_at was found
);
CREATE TABLE IF NOT EXISTS bennu_schedule_nodes (
	schedule TEXT    NOT NULL,
	node     INTEGER NOT NULL, -- whose program has it
	PRIMARY KEY (schedule, node)
);
CREATE TABLE IF NOT EXISTS bennu_schedule_runs (
	schedule TEXT    NOT NULL,
	due_at   INTEGER NOT NULL,
	job      INTEGER NOT NULL,
	PRIMARY KEY (schedule, due_at) -- there is one job for a due time
);
CREATE INDEX IF NOT EXISTS bennu_schedule_runs_job ON bennu_schedule_runs (job);
CREATE INDEX IF NOT EXISTS bennu_schedule_runs_due ON bennu_schedule_runs (due_at);
