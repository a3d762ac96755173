package syncer

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// A version in the stash is called "tmp,hash,path,": by the private name of what
// replaced it, the hash of the content that both sides agreed upon, empty if what
// stood here was somebody's edit, and where it stood. So it has a name, and is known
// for what it is, also when the database is lost.
const (
	stashSep  = ","
	stashMost = 140 // bytes; some encrypted file systems take no more than 143
)

var slashes = strings.NewReplacer("%", "%25", "/", "%2F")

// stashName is where what stands at rel goes when tmp replaces it. Of a long path
// the name is left, and of a long name its end.
func stashName(tmp, rel string, agreed plan.Hash) string {
	head := path.Base(tmp) + stashSep + base64.RawURLEncoding.EncodeToString([]byte(agreed)) + stashSep
	room := stashMost - len(head) - len(disk.Beside(stashSep))
	name := slashes.Replace(rel)
	if len(name) > room {
		rel = path.Base(rel)
		name = slashes.Replace(rel)
	}
	for len(name) > max(room, 0) {
		_, first := utf8.DecodeRuneInString(rel)
		rel = rel[first:]
		name = slashes.Replace(rel)
	}
	return path.Join(stashDir, head+name+stashSep)
}

// stashed tells what a name in the stash says: where the version stood, and the hash
// that it has if it was agreed upon.
func stashed(name string) (rel string, agreed plan.Hash) {
	name, fresh := strings.CutSuffix(name, disk.Beside(""))
	parts := strings.SplitN(name, stashSep, 3)
	if len(parts) < 3 {
		return "", ""
	}
	rel = strings.NewReplacer("%25", "%", "%2F", "/").Replace(strings.TrimSuffix(parts[2], stashSep))
	if !fs.ValidPath(rel) || rel == "." || watcher.IsPrivate(rel) {
		return "", "" // not a name of ours
	}
	if hash, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && !fresh {
		agreed = plan.Hash(hash)
	}
	return rel, agreed
}

// restoreUnknown puts in order what lies in the stash and no intent speaks of: the
// database that knew it is lost. What is known to be an old version that was online
// goes to the trash; anything else may be the only copy, and stands beside what
// replaced it.
func (e *Engine) restoreUnknown(indexed map[string]bool) error {
	entries, err := e.fs.PrivateDir(stashDir)
	if err != nil {
		return e.folderError(err)
	}
	for _, c := range entries {
		private := path.Join(stashDir, c.Name)
		if indexed[private] {
			continue
		}
		rel, agreed := stashed(c.Name)
		if done, err := e.shelve(private, rel, agreed); err != nil {
			return err
		} else if done {
			continue
		}
		if rel == "" {
			rel = "recovered"
		}
		to, err := e.putBeside(private, rel, "")
		if err != nil {
			return err
		}
		e.keptTwice(to)
		e.log.Warn("recovered", "path", to, "why", "it was set aside by a run whose records are lost")
	}
	return nil
}

// shelve moves an old version to the trash, and reports whether it did: not if it has
// other bytes than were agreed upon, or cannot be moved there. If somebody may still be
// writing to it, sweep looks at it once more.
func (e *Engine) shelve(private, rel string, agreed plan.Hash) (bool, error) {
	if agreed == "" {
		return false, nil
	}
	written := !e.fs.Quiet(private) // first: who has it open may write between two looks
	if hash, err := e.hashOf(private); err != nil || hash != agreed {
		return false, nil
	}
	trash, err := e.trashFor(rel)
	if err == nil {
		err = e.fs.Rename(private, trash)
	}
	if err != nil {
		e.log.Warn("not moved to the trash", "path", rel, "err", err)
		return false, nil
	}
	if err := errors.Join(e.fs.SyncDir(dirOf(trash)), e.fs.SyncDir(stashDir)); err != nil {
		return false, e.folderError(err)
	}
	now := e.clock.Now()
	return true, e.db.Update(func(tx *state.Tx) error {
		err := tx.Journal(e.cfg.Folder.N, state.Entry{
			At: now, Op: "replaced here", Path: rel, Why: "edited online", Detail: trash,
		})
		if written && err == nil {
			_, err = tx.PutIntent(state.Intent{Folder: e.cfg.Folder.N, Op: opTrashed, Path: rel, Private: trash, Hash: string(agreed), At: now})
		}
		return err
	})
}
