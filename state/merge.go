package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Merge ends a run of the feed.
type Merge struct {
	Cursor string // empty keeps the old one
	Full   bool   // the run began at the start: what it does not list is in doubt
	Since  int64  // [DB.Moment] when the run began
	At     time.Time
}

// Merged tells what a run brought.
type Merged struct {
	Changed int
	Doubts  []Doubt
	Echo    time.Time // the latest change of ours that it told of
	Empty   bool      // no entry but of the drive's root
}

var (
	// ErrCycle says that the feed puts a folder into itself.
	ErrCycle = errors.New("the feed puts a folder into itself")
	// ErrRootChanged says that the drive has another root than it had, as when an
	// account was moved to another backend and all ids are new, or none any more.
	ErrRootChanged = errors.New("the root of the drive is gone or another one")
)

// FeedLag is how long the change feed may be behind a change, and the service not find
// what is there.
const FeedLag = 2 * time.Minute

// holdPolls is how many polls that bring nothing leave the cursor where it
// is. A deletion is delivered once, and an empty answer has been seen to move
// the cursor past one that was still on its way.
const holdPolls = 3

// MergeDelta applies the staged run to the drive's tree, marks what changed for
// every pair on the drive, and stores the cursor, all in one transaction. A run
// that is refused leaves nothing behind.
//
// The feed tells states and not history, in any order, with duplicates, with
// entries that changed nothing, late, and not always all. So what is live comes
// first and what is gone after it, since it may have been moved out before; a
// child may wait for its folder; and where the feed contradicts a change that
// we made a moment ago, or itself, that becomes a Doubt.
//
// A run may be of millions: it is given up when ctx ends, and leaves nothing behind.
func (db *DB) MergeDelta(ctx context.Context, drive int64, m Merge) (Merged, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	run := &merge{Merge: m}
	err := db.atomically("BEGIN IMMEDIATE", func(tx *Tx) (err error) {
		db.w.until = ctx
		defer func() { db.w.until = nil }()
		run.tx, run.at, run.moment = tx, db.mark.Add(1), db.Moment()
		if run.drive, err = driveOf(db.w, drive); err != nil {
			return err
		}
		return run.all()
	})
	if drop := db.dropStage(drive); err == nil {
		err = drop
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Merged{}, err
	}
	if m.Full {
		db.listed[drive] = run.moment
	}
	return run.out, nil
}

type merge struct {
	Merge
	tx     *Tx
	drive  Drive
	asked  map[string]bool // the doubts so far, by id
	before int64           // the keys of what was known before this run go up to here
	at     int64           // what is marked is marked with
	moment int64           // what it tells was told then
	out    Merged
}

func (m *merge) all() error {
	m.asked = map[string]bool{}
	for _, step := range []func() error{
		m.clear, m.root, m.sort, m.number, m.found, m.live, m.adopt, m.ours, m.swept, m.ends, m.settle, m.gone, m.cycles,
		m.unclear, m.absent, m.disputed, m.twins, m.unplaced, m.mark, m.count, m.keep, m.end,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// do runs statements that know @drive; @now; @late: what we wrote before that
// should have been echoed by now; @before: the last key before this run; and
// @moment.
func (m *merge) do(statements ...string) error {
	for _, q := range statements {
		err := m.tx.exec(q, sql.Named("drive", m.drive.N), sql.Named("now", Nanos(m.At)), sql.Named("late", m.At.Add(-FeedLag).UnixNano()), sql.Named("before", m.before), sql.Named("mark", m.at), sql.Named("moment", m.moment))
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) clear() error {
	return m.do("DELETE FROM temp.news", "DELETE FROM temp.changed", "DELETE FROM temp.lost", "DELETE FROM temp.missing")
}

// root refuses a run in which the drive's root is deleted or another item.
func (m *merge) root() error {
	id, found, err := get(m.tx.db.w, value[string], `SELECT id FROM temp.stage WHERE drive=?1 AND id=?2 AND deleted=1
		UNION ALL SELECT id FROM temp.stage WHERE drive=?1 AND parent_id='' AND deleted=0 AND kind=2 AND name='root' AND id<>?2
		LIMIT 1`, m.drive.N, m.drive.RootID)
	if err == nil && found && m.drive.RootID != "" {
		err = fmt.Errorf("%w: %q", ErrRootChanged, id)
	}
	return err
}

// sort says of each entry what it means beside what is known of the item, see
// [newer], and leaves out those that say nothing. One without name and folder is
// none of this drive's.
func (m *merge) sort() error {
	err := m.do(`INSERT INTO temp.news SELECT s.seq, NULL, CASE WHEN s.deleted=1 THEN 'ended' ELSE 'new' END
		FROM temp.stage s LEFT JOIN item i ON i.drive=@drive AND i.id=s.id
		WHERE +s.drive=@drive AND i.n IS NULL AND (s.name<>'' OR s.parent_id<>'' OR s.deleted=1)`)
	if err != nil {
		return err
	}
	type entry struct {
		seq, n  int64
		verdict string
	}
	var told []entry
	latest := m.tx.db.moment.Load()
	err = m.tx.db.w.each(func(row scanner) error {
		var seq int64
		var known, now Item
		if err := scanBoth(row, &seq, &known, &now); err != nil {
			return err
		}
		if known.Heard > latest { // by a clock that was set back since
			known.Heard = 0
		}
		told = append(told, entry{seq, known.N, verdict(known, now, Telling{Source: Feed, Since: m.Since})})
		return nil
	}, `SELECT s.seq, s.deleted, s.parent_id, s.name, s.kind, s.why, s.size, s.mtime, s.hash, s.etag, i.`+strings.ReplaceAll(itemColumns, ",", ",i.")+`
		FROM temp.stage s CROSS JOIN item i ON i.drive=@drive AND i.id=s.id
		WHERE +s.drive=@drive AND NOT (s.deleted=0 AND i.gone=0 AND i.own=0 AND i.etag=s.etag AND i.parent_id=s.parent_id AND i.name=s.name
			AND i.kind=s.kind AND i.why=s.why AND i.size=s.size AND i.mtime=s.mtime AND i.hash IS s.hash)`, sql.Named("drive", m.drive.N))
	for _, e := range told {
		if err == nil {
			err = m.tx.exec("INSERT INTO temp.news VALUES(?,?,?)", e.seq, e.n, e.verdict)
		}
	}
	return err
}

func scanBoth(row scanner, seq *int64, known, told *Item) error {
	var hash []byte
	err := scanItem(after{row, []any{seq, &told.Gone, &told.ParentID, &told.Name, &told.Kind, &told.Why, &told.Size, &told.MTime, &hash, &told.ETag}}, known)
	told.Hash = string(hash)
	return err
}

// after scans some columns before those that it is asked for.
type after struct {
	scanner
	first []any
}

func (a after) Scan(rest ...any) error { return a.scanner.Scan(append(a.first, rest...)...) }

// verdict names what an entry means in the terms of temp.news.
func verdict(known, told Item, by Telling) string {
	switch v := newer(known, told, by); {
	case v == Late:
		return "late"
	case v == Unclear && told.Gone:
		return "restored"
	case v == Unclear:
		return "unclear"
	case told.Gone && v == Confirms:
		return "buried"
	case told.Gone:
		return "gone"
	case v == Confirms:
		return "same"
	}
	return "changed"
}

// number gives the new items their keys, in the order of the feed.
func (m *merge) number() error {
	most, _, err := get(m.tx.db.w, value[int64], "SELECT ifnull(max(seq), 0) FROM temp.news")
	if err != nil {
		return err
	}
	m.before = m.tx.db.key.Add(most) - most
	return m.tx.exec("UPDATE temp.news SET n=?+seq WHERE verdict IN ('new','ended')", m.before)
}

// ends remembers the end of items that were never heard of. The answer to what
// made one of them may come later than word of its end, and is no news then.
func (m *merge) ends() error {
	return m.do(`INSERT INTO item(n,drive,id,parent_id,name,fold,kind,why,size,mtime,etag,gone,heard)
		SELECT w.n,drive,id,'','','',0,'',0,0,'',1,@moment FROM temp.news w CROSS JOIN temp.stage s USING(seq) WHERE verdict='ended'`)
}

// parentOf finds the folder of entry s: one that is known, one that comes in
// this run, or none yet.
const parentOf = `coalesce((SELECT p.n FROM item p WHERE p.drive=s.drive AND p.id=s.parent_id),
	(SELECT w.n FROM temp.stage p CROSS JOIN temp.news w USING(seq) WHERE p.drive=s.drive AND p.id=s.parent_id), 0)`

// live writes what is new and what has changed. A hash that the feed leaves out
// stays as long as the file looks the same. With a folder that is back, what was
// told to be in it while it was gone can be seen.
func (m *merge) live() error {
	return m.do(`
		INSERT INTO temp.changed WITH RECURSIVE below(n) AS (
			SELECT i.n FROM temp.news w CROSS JOIN item i ON i.n=w.n WHERE verdict='changed' AND i.gone=1
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0) SELECT n FROM below`, `
		INSERT INTO item(n,drive,id,parent,parent_id,name,fold,kind,why,size,mtime,hash,etag,heard)
			SELECT w.n,drive,id,`+parentOf+`,parent_id,name,fold,kind,why,size,mtime,hash,etag,@moment
			FROM temp.news w CROSS JOIN temp.stage s USING(seq) WHERE verdict='new' ORDER BY seq`, `
		UPDATE item SET parent=`+parentOf+`, parent_id=s.parent_id, name=s.name, fold=s.fold, kind=s.kind, why=s.why,
			size=s.size, mtime=s.mtime, etag=s.etag, gone=0, own=0, over='', heard=@moment, disputed=0,
			hash=CASE WHEN s.hash IS NULL AND s.size=item.size AND s.mtime=item.mtime THEN item.hash ELSE s.hash END
			FROM temp.news w CROSS JOIN temp.stage s USING(seq) WHERE verdict='changed' AND item.n=w.n`,
		"INSERT OR IGNORE INTO temp.changed SELECT n FROM temp.news WHERE verdict IN ('new','changed')")
}

// adopt finds the folders that came after what is in them.
func (m *merge) adopt() error {
	const parent = "(SELECT p.n FROM item p WHERE p.drive=item.drive AND p.id=item.parent_id)"
	return m.do(`
		INSERT INTO temp.missing SELECT n FROM item WHERE drive=@drive AND parent=0 AND parent_id<>'' AND `+parent+" IS NOT NULL",
		"UPDATE item SET parent="+parent+" WHERE n IN (SELECT n FROM temp.missing)", `
		INSERT OR IGNORE INTO temp.changed WITH RECURSIVE below(n) AS (SELECT n FROM temp.missing
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n) SELECT n FROM below`,
		"DELETE FROM temp.missing")
}

// ours takes for deleted by us what was to be deleted here when sight of it was
// lost, with all that is still known to be in it: this is the answer to that.
func (m *merge) ours() error {
	return m.do(`
		INSERT INTO temp.missing WITH RECURSIVE below(n) AS (
			SELECT n FROM temp.news WHERE verdict='gone' AND n IN (SELECT key FROM intent WHERE op='`+Removing+`')
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0) SELECT n FROM below`, `
		INSERT OR REPLACE INTO doubt(drive,id,n,why,folder,at) SELECT i.drive, i.id, i.n, '`+swept+`', i.parent, @moment
			FROM temp.missing l CROSS JOIN item i ON i.n=l.n WHERE `+sweptIn("temp.missing"),
		"UPDATE item SET gone=1, own=@now, over='', heard=@moment, disputed=0 WHERE n IN (SELECT n FROM temp.missing)",
		"INSERT OR IGNORE INTO temp.changed SELECT n FROM temp.missing",
		"DELETE FROM temp.news WHERE verdict='gone' AND n IN (SELECT n FROM temp.missing)",
		"DELETE FROM temp.missing")
}

// settle closes what we did and the feed has now said too, and notes where it is
// late. Everything in a folder that we deleted is settled with it. An end that is told
// once more may be another one, to which what was seen before it is old.
func (m *merge) settle() error {
	echo, _, err := get(m.tx.db.w, value[int64], "SELECT ifnull(max(i.own), 0) FROM temp.news w CROSS JOIN item i ON i.n=w.n WHERE w.verdict IN ('same','buried')")
	if err != nil {
		return err
	}
	m.out.Echo = When(echo)
	return m.do(`
		UPDATE item SET own=0, over='', disputed=0, hash=ifnull(s.hash, item.hash), etag=s.etag,
			heard=CASE WHEN s.etag=item.etag THEN item.heard ELSE @moment END
			FROM temp.news w CROSS JOIN temp.stage s USING(seq) WHERE verdict='same' AND item.n=w.n`, `
		UPDATE item SET own=0, over='', disputed=0 WHERE n IN (
			WITH RECURSIVE below(n) AS (SELECT n FROM temp.news WHERE verdict='buried'
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=1) SELECT n FROM below)`,
		"UPDATE item SET heard=@moment WHERE n IN (SELECT n FROM temp.news WHERE verdict='buried')",
		"UPDATE item SET disputed=1 WHERE n IN (SELECT n FROM temp.news WHERE verdict='late')")
}

// gone takes deleted items away, with all that is still known to be in them: the
// feed need not tell of that.
func (m *merge) gone() error {
	return m.do(`
		INSERT INTO temp.lost WITH RECURSIVE below(n) AS (SELECT n FROM temp.news WHERE verdict='gone'
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0) SELECT n FROM below`,
		"UPDATE item SET gone=1, own=0, over='', heard=@moment, disputed=0 WHERE n IN (SELECT n FROM temp.lost)",
		"INSERT OR IGNORE INTO temp.changed SELECT n FROM temp.lost")
}

// mark lets every pair on the drive look at what has changed, and at what was
// agreed on below folders that are gone.
func (m *merge) mark() error {
	return m.do("INSERT OR REPLACE INTO dirty SELECT f.n, c.n, @mark FROM folder f CROSS JOIN temp.changed c WHERE f.drive=@drive",
		markBelowLost)
}

func (m *merge) count() (err error) {
	m.out.Changed, _, err = get(m.tx.db.w, value[int], "SELECT count(*) FROM temp.changed")
	if err != nil {
		return err
	}
	_, some, err := get(m.tx.db.w, value[int], "SELECT 1 FROM temp.stage WHERE +drive=? AND id<>? LIMIT 1", m.drive.N, m.drive.RootID)
	m.out.Empty = !some
	return err
}

// keep stores the doubts beside the cursor, which is past what they are about. What is to
// be listed is asked about by that.
func (m *merge) keep() error {
	for _, d := range m.out.Doubts {
		if err := m.tx.exec(`INSERT INTO doubt(drive,id,n,why,folder,at) VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET at=excluded.at,
			n=iif(folder=0, excluded.n, n), why=iif(folder=0 AND why<>?7, excluded.why, why), folder=iif(folder=0, excluded.folder, folder)`, m.drive.N, d.ID, d.N, d.Why, d.Folder, m.moment, Found); err != nil {
			return err
		}
	}
	return m.tx.keepSwept(m.drive, m.moment, m.At)
}

// keepSwept has the agreements forgotten on what, as was found at that moment, went with
// a folder that we deleted, where the drive gives nothing back: what is here of it is
// all there is.
func (tx *Tx) keepSwept(d Drive, moment int64, at time.Time) error {
	if d.Kind == "personal" {
		return nil
	}
	return tx.exec(`INSERT INTO intent(folder,op,key,path,private,keep,ino,size,parent_id,name,at)
		SELECT b.folder,?1,b.n,'','','',0,0,'','',?2 FROM doubt t CROSS JOIN item i ON i.drive=t.drive AND i.id=t.id CROSS JOIN base b ON b.n=i.n
		WHERE t.drive=?3 AND t.folder<>0 AND t.at=?4`, Swept, Nanos(at), d.N, moment)
}

// end stores the cursor.
func (m *merge) end() error {
	d := &m.drive
	switch {
	case m.Cursor == "":
	case m.out.Empty && !m.Full && d.EmptyPolls < holdPolls:
		d.EmptyPolls++
	default:
		d.Cursor, d.EmptyPolls = m.Cursor, 0
	}
	if m.Full {
		d.FullAt = m.At
	}
	return m.tx.exec("UPDATE drive SET cursor=?, empty_polls=?, full_at=? WHERE n=?", d.Cursor, d.EmptyPolls, Nanos(d.FullAt), d.N)
}
