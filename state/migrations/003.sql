-- A mark tells when it was set, so that whoever has dealt with one does not take
-- off another that was set meanwhile.
ALTER TABLE dirty ADD COLUMN mark INTEGER NOT NULL DEFAULT 1;
