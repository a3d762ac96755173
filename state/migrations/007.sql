-- The content of what is in the trash, where it was proved to be what was online: the
-- trash gives way to what comes where the disk has no more room.
ALTER TABLE journal ADD COLUMN hash BLOB;
