-- What a run of the feed leaves to be asked about. The cursor is past it, so it
-- is kept until there is an answer.
CREATE TABLE doubt(
  drive INTEGER NOT NULL REFERENCES drive, id TEXT NOT NULL, n INTEGER NOT NULL, why TEXT NOT NULL, folder INTEGER NOT NULL,
  PRIMARY KEY(drive, id)
) STRICT, WITHOUT ROWID;
