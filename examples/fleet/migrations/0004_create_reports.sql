-- Trip reports, by the jobs that made them. Times are UTC.
CREATE TABLE reports (
  id   BIGINT    NOT NULL PRIMARY KEY,
  unit TEXT      NOT NULL,
  csv  TEXT      NOT NULL,
  made TIMESTAMP NOT NULL
);
