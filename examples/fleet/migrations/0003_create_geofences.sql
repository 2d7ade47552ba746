-- The circles that dispatchers have drawn.
CREATE TABLE geofences (
  agency   TEXT NOT NULL,
  name     TEXT NOT NULL,
  lat      DOUBLE PRECISION NOT NULL,
  lon      DOUBLE PRECISION NOT NULL,
  radius_m DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (agency, name)
);

-- Who went into them, and out of them. Times are UTC.
CREATE TABLE alerts (
  agency   TEXT      NOT NULL,
  at       TIMESTAMP NOT NULL,
  unit     TEXT      NOT NULL,
  geofence TEXT      NOT NULL,
  entered  BOOLEAN   NOT NULL,
  PRIMARY KEY (agency, at, unit, geofence)
);
