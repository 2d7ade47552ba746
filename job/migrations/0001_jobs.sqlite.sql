CREATE TABLE bennu_jobs (
	id            INTEGER PRIMARY KEY AUTOINCREMENT,
	name          TEXT    NOT NULL,
	queue         TEXT    NOT NULL,
	state         INTEGER NOT NULL, -- 0 available, 1 running, 2 scheduled, 3 waiting, 4 completed, 5 cancelled, 6 discarded
	priority      INTEGER NOT NULL DEFAULT 0,
	run_at        INTEGER NOT NULL, -- microseconds since 1970, as all times here
	args          TEXT    NOT NULL, -- JSON, or sealed
	version       INTEGER NOT NULL DEFAULT 1,
	attempt       INTEGER NOT NULL DEFAULT 0, -- those that count
	attempts      INTEGER NOT NULL,           -- most of them
	claims        INTEGER NOT NULL DEFAULT 0, -- all of them: what fences one off from the next
	owner         INTEGER,
	created_at    INTEGER NOT NULL,
	begun_at      INTEGER,
	ended_at      INTEGER,
	errors        TEXT, -- JSON: the last ten
	unique_key    TEXT,
	unique_states INTEGER NOT NULL DEFAULT 0, -- a bit for each state
	limit_key     TEXT,
	waits         INTEGER NOT NULL DEFAULT 0, -- for so many other jobs
	dependents    BOOLEAN NOT NULL DEFAULT FALSE,
	label         TEXT,
	schedule      TEXT,
	progress      TEXT, -- JSON
	checkpoint    TEXT, -- JSON
	cancel        TEXT  -- the reason, when it is asked for
);
CREATE INDEX bennu_jobs_available ON bennu_jobs (queue, priority, id) WHERE state = 0;
CREATE INDEX bennu_jobs_running ON bennu_jobs (owner) WHERE state = 1;
CREATE INDEX bennu_jobs_scheduled ON bennu_jobs (run_at) WHERE state = 2;
CREATE INDEX bennu_jobs_ended ON bennu_jobs (ended_at) WHERE state >= 4;
CREATE UNIQUE INDEX bennu_jobs_unique ON bennu_jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX bennu_jobs_label ON bennu_jobs (label) WHERE label IS NOT NULL;
CREATE INDEX bennu_jobs_schedule ON bennu_jobs (schedule, id) WHERE schedule IS NOT NULL;
CREATE TABLE bennu_job_nodes (
	id   INTEGER PRIMARY KEY,
	name TEXT    NOT NULL,
	beat INTEGER NOT NULL -- its owner raises it, as long as it lives
);
CREATE TABLE bennu_job_leader (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	owner INTEGER NOT NULL
);
