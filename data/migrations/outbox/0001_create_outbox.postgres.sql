-- Rows come and go, so what counts is how many are gone, not how many there are.
CREATE TABLE bennu_outbox (
	owner BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	carrier TEXT NOT NULL,
	body TEXT NOT NULL,
	emitted_at BIGINT NOT NULL, -- in microseconds
	error TEXT, -- why it can never be carried out
	PRIMARY KEY (owner, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE bennu_outbox_owners (
	id BIGINT NOT NULL PRIMARY KEY,
	holder BIGINT NOT NULL, -- 0: nobody
	beat BIGINT NOT NULL
);
