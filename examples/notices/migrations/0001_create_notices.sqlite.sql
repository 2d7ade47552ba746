CREATE TABLE users (
  name   TEXT NOT NULL PRIMARY KEY, -- as locale/text.Username has it
  email  TEXT NOT NULL,
  hash   TEXT NOT NULL,
  joined TIMESTAMP NOT NULL
);

CREATE TABLE notices (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  author         TEXT NOT NULL REFERENCES users (name),
  kind           TEXT NOT NULL,
  title          TEXT NOT NULL,
  body           TEXT NOT NULL,
  contact_street TEXT NOT NULL,
  contact_phone  TEXT NOT NULL,
  photo          TEXT NOT NULL,
  posted         TIMESTAMP NOT NULL
);

CREATE TABLE replies (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  notice_id INTEGER NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
  author    TEXT NOT NULL REFERENCES users (name),
  body      TEXT NOT NULL,
  posted    TIMESTAMP NOT NULL
);

CREATE INDEX replies_notice ON replies (notice_id);
