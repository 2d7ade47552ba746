CREATE TABLE bennu_outbox (
	owner BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	carrier TEXT NOT NULL,
	body TEXT NOT NULL,
	emitted_at BIGINT NOT NULL, -- in microseconds
	error TEXT, -- why it can never be carried out
	PRIMARY KEY (owner, seq)
) WITHOUT ROWID;

CREATE TABLE bennu_outbox_owners (
	id BIGINT NOT NULL PRIMARY KEY,
	holder BIGINT NOT NULL, -- 0: nobody
	beat BIGINT NOT NULL
) WITHOUT ROWID;
