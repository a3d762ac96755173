-- What a work drive has made of a file that a cloud task has sent to it.
CREATE TABLE enriched(
  drive TEXT NOT NULL, id TEXT NOT NULL, etag TEXT NOT NULL, hash BLOB, sum BLOB, sent INTEGER NOT NULL, whole INTEGER NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY(drive, id)
) STRICT, WITHOUT ROWID;
