-- When an item was last told something new of, by the state's own clock.
ALTER TABLE item ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;
-- Since when an item is in doubt, by the same clock: an answer to an earlier question
-- does not settle it.
ALTER TABLE doubt ADD COLUMN at INTEGER NOT NULL DEFAULT 0;

-- A late answer to a change of ours could overwrite what the feed had told since,
-- and put our eTag beside somebody else's content. So no eTag from before counts as
-- one that a change of ours has replaced; what is known online and what was agreed
-- upon are compared anew where their contents differ; and on a personal drive,
-- which keeps the bytes that it is given, an agreement on two different contents is
-- none: both are compared, and kept. Photos are the exception: what the drive tells
-- of some is not what it sends.
UPDATE item SET own = 0, over = '', disputed = 0 WHERE gone = 0 AND (own <> 0 OR over <> '');
UPDATE drive SET full_at = 0; -- all is listed at the next start: what looks right may be what was overwritten
INSERT OR REPLACE INTO dirty SELECT b.folder, b.n, 1 FROM base b JOIN item i ON i.n = b.n
  WHERE b.kind = 1 AND i.gone = 0 AND (i.hash IS NOT b.remote_hash AND i.hash IS NOT NULL AND b.remote_hash IS NOT NULL OR i.size <> b.remote_size);
CREATE TEMP TABLE false_agreement AS SELECT b.folder, b.n FROM base b JOIN item i ON i.n = b.n JOIN drive d ON d.n = i.drive
  WHERE b.kind = 1 AND d.kind LIKE 'personal%' AND b.hash IS NOT NULL AND b.remote_hash IS NOT NULL AND b.hash <> b.remote_hash
  AND NOT (b.size <> b.remote_size AND (lower(b.remote_name) LIKE '%.heic' OR lower(b.remote_name) LIKE '%.heif' OR lower(b.remote_name) LIKE '%.jpg'
    OR lower(b.remote_name) LIKE '%.jpeg' OR lower(b.remote_name) LIKE '%.mov'));
INSERT OR REPLACE INTO dirty SELECT folder, n, 1 FROM false_agreement;
DELETE FROM base WHERE EXISTS (SELECT 1 FROM false_agreement f WHERE f.folder = base.folder AND f.n = base.n);
DROP TABLE false_agreement;
