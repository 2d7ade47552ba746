-- Every accepted position. Times are milliseconds since 1970, UTC.
CREATE TABLE positions (
  unit        TEXT    NOT NULL,
  at          BIGINT  NOT NULL,
  lat         DOUBLE PRECISION NOT NULL,
  lon         DOUBLE PRECISION NOT NULL,
  speed_mps   DOUBLE PRECISION,
  heading_deg DOUBLE PRECISION,
  altitude_m  DOUBLE PRECISION,
  PRIMARY KEY (unit, at)
);

-- Where each unit stands.
CREATE TABLE units (
  unit        TEXT    NOT NULL PRIMARY KEY,
  agency      TEXT    NOT NULL,
  replayed    BOOLEAN NOT NULL,
  at          BIGINT  NOT NULL,
  lat         DOUBLE PRECISION NOT NULL,
  lon         DOUBLE PRECISION NOT NULL,
  speed_mps   DOUBLE PRECISION,
  heading_deg DOUBLE PRECISION
);
