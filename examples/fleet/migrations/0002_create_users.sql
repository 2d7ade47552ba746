-- Who may log in. The hash is argon2id's, of the password and the salt.
CREATE TABLE users (
  name TEXT NOT NULL PRIMARY KEY,
  salt TEXT NOT NULL,
  hash TEXT NOT NULL
);
