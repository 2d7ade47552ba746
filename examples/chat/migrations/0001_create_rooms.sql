CREATE TABLE rooms (
  name  TEXT NOT NULL PRIMARY KEY,
  epoch TEXT NOT NULL -- of the numbers of its messages
);

CREATE TABLE messages (
  room   TEXT NOT NULL REFERENCES rooms (name),
  seq    BIGINT NOT NULL, -- 1, 2, 3 … in each room
  author TEXT NOT NULL,
  body   TEXT NOT NULL,
  posted TIMESTAMP NOT NULL,
  key    TEXT NOT NULL, -- the author's own, so that what is sent twice is stored once
  PRIMARY KEY (room, seq),
  UNIQUE (room, author, key)
);
