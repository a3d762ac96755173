CREATE TABLE drive(
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, account TEXT NOT NULL, root_id TEXT NOT NULL,
  cursor TEXT NOT NULL DEFAULT '', empty_polls INTEGER NOT NULL DEFAULT 0, full_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What is known of each item online, shown by filters or not. Nothing here is
-- unique but the id: the feed may bring twins of one name, and children before
-- their parents.
CREATE TABLE item(
  n INTEGER PRIMARY KEY, drive INTEGER NOT NULL REFERENCES drive, id TEXT NOT NULL,
  parent INTEGER NOT NULL DEFAULT 0, -- 0: the drive's root, or a parent not known yet
  parent_id TEXT NOT NULL, name TEXT NOT NULL, fold TEXT NOT NULL, kind INTEGER NOT NULL, why TEXT NOT NULL,
  size INTEGER NOT NULL, mtime INTEGER NOT NULL, hash BLOB CHECK(length(hash) = 20), etag TEXT NOT NULL,
  gone INTEGER NOT NULL DEFAULT 0,
  own INTEGER NOT NULL DEFAULT 0,    -- when a change of ours made it so; 0 once the feed has said the same
  over TEXT NOT NULL DEFAULT '', -- the eTags, a line each, that such changes have ended
  disputed INTEGER NOT NULL DEFAULT 0, -- the feed still shows one of them
  UNIQUE(drive, id)
) STRICT;
CREATE INDEX item_place ON item(parent, fold);
CREATE INDEX item_orphan ON item(drive, parent_id) WHERE parent = 0 AND parent_id <> '';
CREATE INDEX item_disputed ON item(drive) WHERE disputed = 1;
CREATE INDEX item_gone ON item(n) WHERE gone = 1;

CREATE TABLE folder(
  n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, drive INTEGER NOT NULL REFERENCES drive, root INTEGER NOT NULL,
  path TEXT NOT NULL, uuid TEXT NOT NULL, fsid TEXT NOT NULL, ino INTEGER NOT NULL, account TEXT NOT NULL
) STRICT;

-- What both sides last agreed on. Clustered by parent, so that a start-up scan
-- reads all of it once, from front to back.
CREATE TABLE base(
  folder INTEGER NOT NULL REFERENCES folder, parent INTEGER NOT NULL, local_name TEXT NOT NULL, n INTEGER NOT NULL,
  kind INTEGER NOT NULL, ino INTEGER NOT NULL, born INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
  ctime INTEGER NOT NULL, racy INTEGER NOT NULL, hash BLOB CHECK(length(hash) = 20),
  remote_name TEXT NOT NULL, fold TEXT NOT NULL, remote_size INTEGER NOT NULL, remote_mtime INTEGER NOT NULL,
  remote_hash BLOB CHECK(length(remote_hash) = 20), etag TEXT NOT NULL, times_due INTEGER NOT NULL,
  PRIMARY KEY(folder, parent, local_name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX base_key ON base(n, folder);
CREATE UNIQUE INDEX base_fold ON base(folder, parent, fold);
CREATE INDEX base_ino ON base(folder, ino);

CREATE TABLE dirty(folder INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(folder, n)) STRICT, WITHOUT ROWID;

CREATE TABLE intent(
  n INTEGER PRIMARY KEY, folder INTEGER NOT NULL, op TEXT NOT NULL, key INTEGER NOT NULL, path TEXT NOT NULL,
  private TEXT NOT NULL, keep TEXT NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL, hash BLOB, want BLOB,
  parent_id TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE session(
  folder INTEGER NOT NULL, key INTEGER NOT NULL, address TEXT NOT NULL, expires INTEGER NOT NULL, path TEXT NOT NULL,
  ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, hash BLOB, etag TEXT NOT NULL,
  parent_id TEXT NOT NULL, name TEXT NOT NULL, item_id TEXT NOT NULL, PRIMARY KEY(folder, key)
) STRICT;
CREATE TABLE partial(
  folder INTEGER NOT NULL, key INTEGER NOT NULL, temp TEXT NOT NULL, size INTEGER NOT NULL, hash BLOB, etag TEXT NOT NULL,
  PRIMARY KEY(folder, key)
) STRICT;
CREATE TABLE waiting(
  folder INTEGER NOT NULL, key INTEGER NOT NULL, path TEXT NOT NULL, why TEXT NOT NULL, person INTEGER NOT NULL,
  tries INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY(folder, key)
) STRICT;
CREATE TABLE held(
  folder INTEGER NOT NULL, key INTEGER NOT NULL, path TEXT NOT NULL, side TEXT NOT NULL, items INTEGER NOT NULL,
  why TEXT NOT NULL, verdict INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(folder, key)
) STRICT;
CREATE TABLE journal(
  n INTEGER PRIMARY KEY, folder INTEGER NOT NULL, at INTEGER NOT NULL, op TEXT NOT NULL, path TEXT NOT NULL,
  why TEXT NOT NULL, detail TEXT NOT NULL, key INTEGER NOT NULL, top INTEGER NOT NULL, items INTEGER NOT NULL
) STRICT;
CREATE INDEX journal_at ON journal(folder, at);
CREATE TABLE conflict(
  n INTEGER PRIMARY KEY, folder INTEGER NOT NULL, path TEXT NOT NULL, copy TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
