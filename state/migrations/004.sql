-- What would take counting or reading all rows is known at any time: how many
-- agreements a folder has, and the greatest key in the journal.
ALTER TABLE folder ADD COLUMN agreed INTEGER NOT NULL DEFAULT 0;
UPDATE folder SET agreed = (SELECT count(*) FROM base b WHERE b.folder = folder.n);
CREATE TRIGGER base_agreed AFTER INSERT ON base BEGIN
  UPDATE folder SET agreed = agreed + 1 WHERE n = new.folder;
END;
CREATE TRIGGER base_dropped AFTER DELETE ON base BEGIN
  UPDATE folder SET agreed = agreed - 1 WHERE n = old.folder;
END;
CREATE INDEX journal_key ON journal(max(key, top));
