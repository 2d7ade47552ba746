CREATE INDEX IF NOT EXISTS bennu_jobs_limit_running ON bennu_jobs (limit_key) WHERE state = 1 AND limit_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS bennu_jobs_limit_available ON bennu_jobs (limit_key, priority, id) WHERE state = 0 AND limit_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS bennu_jobs_limit_parked ON bennu_jobs (limit_key, priority, id) WHERE state = 3 AND waits = 0 AND limit_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS bennu_job_needs (
	job   INTEGER NOT NULL,
	needs INTEGER NOT NULL,
	PRIMARY KEY (needs, job)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bennu_job_needs_job ON bennu_job_needs (job);
CREATE TABLE IF NOT EXISTS bennu_job_limits (
	limit_key   TEXT    PRIMARY KEY,
	concurrency INTEGER NOT NULL, -- 0: any number
	rate        INTEGER NOT NULL, -- 0: any number
	period      INTEGER NOT NULL, -- microseconds
	parked      BOOLEAN NOT NULL DEFAULT FALSE -- jobs wait for room
);
CREATE TABLE IF NOT EXISTS bennu_job_starts (
	limit_key TEXT    NOT NULL,
	at        INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS bennu_job_starts_at ON bennu_job_starts (limit_key, at);
CREATE TABLE IF NOT EXISTS bennu_job_queues (
	queue       TEXT    NOT NULL,
	node        TEXT    NOT NULL, -- '': all
	paused      BOOLEAN NOT NULL DEFAULT FALSE,
	concurrency INTEGER NOT NULL DEFAULT 0, -- 0: as the Runner says
	PRIMARY KEY (queue, node)
);
