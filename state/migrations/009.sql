-- Which file the bytes of a broken-off download are in: another one may have come to
-- its name, and is not to be written to.
ALTER TABLE partial ADD COLUMN ino INTEGER NOT NULL DEFAULT 0;
