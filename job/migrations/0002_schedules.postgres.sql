CREATE TABLE IF NOT EXISTS bennu_schedules (
	name     TEXT    PRIMARY KEY,
	cron     TEXT,             -- NULL: an interval
	zone     TEXT,             -- NULL: UTC
	every    BIGINT  NOT NULL, -- microseconds
	start_at BIGINT  NOT NULL, -- what an interval is counted from
	missed   SMALLINT NOT NULL, -- 0 skip, 1 once, 2 all
	rests    BOOLEAN NOT NULL, -- as it was declared
	paused   BOOLEAN NOT NULL, -- as it is
	code     BOOLEAN NOT NULL, -- a program has it, see bennu_schedule_nodes
	job      TEXT    NOT NULL, -- JSON
	next_at  BIGINT  NOT NULL,
	seen_at  BIGINT  NOT NULL  -- the clock when next_at was found
);
CREATE TABLE IF NOT EXISTS bennu_schedule_nodes (
	schedule TEXT    NOT NULL,
	node     BIGINT  NOT NULL, -- whose program has it
	PRIMARY KEY (schedule, node)
);
CREATE TABLE IF NOT EXISTS bennu_schedule_runs (
	schedule TEXT    NOT NULL,
	due_at   BIGINT  NOT NULL,
	job      BIGINT  NOT NULL,
	PRIMARY KEY (schedule, due_at) -- there is one job for a due time
);
CREATE INDEX IF NOT EXISTS bennu_schedule_runs_job ON bennu_schedule_runs (job);
CREATE INDEX IF NOT EXISTS bennu_schedule_runs_due ON bennu_schedule_runs (due_at);
