-- What is online and can never be a file here is found without reading all items. A
-- file that the service has flagged is another thing: a person can do something about it.
CREATE INDEX item_no_file ON item(drive) WHERE kind = 3 AND gone = 0;
INSERT OR REPLACE INTO dirty SELECT f.n, i.n, 1 FROM item i JOIN folder f ON f.drive = i.drive
  WHERE i.kind = 3 AND i.why = 'flagged as malware online';
UPDATE item SET kind = 4 WHERE kind = 3 AND why = 'flagged as malware online';
