CREATE TABLE IF NOT EXISTS bennu_sessions (
	name TEXT PRIMARY KEY,
	data TEXT NOT NULL,
	until BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS bennu_sessions_until ON bennu_sessions (until);
