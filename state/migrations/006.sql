-- Since when what waits does so for the same reason: a lock that does not go away becomes a
-- matter for a person.
ALTER TABLE waiting ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
