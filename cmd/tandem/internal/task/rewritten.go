package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"tandem/remote"
)

// A rewriting is what a work drive has made of a file that it was given. Without this
// memory, which is pruned as other notes are, the file would be fetched again to see that
// it is the same.
type rewriting struct {
	ETag string
	Hash []byte // as the service tells it
	Sum  []byte // of the file here
	Sent bool   // it was made of what a task has sent, and not only found to be like it
	All  bool   // all that was in the file was seen to be in it
}

// rewritings is the folder of what is remembered, a file for each item.
func (d *Drive) rewritings() string { return filepath.Join(d.Dir, "rewritten") }

func (d *Drive) rewritingOf(it remote.Item) string {
	id := sha256.Sum256([]byte(d.ID + "\n" + it.ID))
	return filepath.Join(d.rewritings(), hex.EncodeToString(id[:12]))
}

// remember notes what the service has made of the file with that hash. What cannot be
// noted costs a look the next time.
func (d *Drive) remember(it remote.Item, sum string, sent, all bool) *rewriting {
	made := rewriting{it.ETag, []byte(it.Hash), []byte(sum), sent, all}
	data, err := json.Marshal(made)
	if err == nil && d.Dir != "" && os.MkdirAll(d.rewritings(), 0o700) == nil {
		_ = remote.WriteSecret(d.rewritingOf(it), data)
	}
	return &made
}

// madeOf gives the file that an item is made of, as far as that is remembered and the
// item is still the same. A new eTag alone is no new content.
func (d *Drive) madeOf(it remote.Item) (was rewriting, known bool) {
	at := d.rewritingOf(it)
	data, err := os.ReadFile(at)
	if err != nil || json.Unmarshal(data, &was) != nil || was.ETag != it.ETag && (it.Hash == "" || string(was.Hash) != it.Hash) {
		return was, false
	}
	now := time.Now()
	_ = os.Chtimes(at, now, now) // what is of use is not pruned
	return was, true
}

// Same reports whether what is online is a file here, or what the service has made of it:
// that is remembered, or it has its time and is fetched once to be seen. What cannot be
// seen is not known to be the same.
func (d *Drive) Same(ctx context.Context, l Local, it remote.Item) (bool, error) {
	same, made, err := d.same(ctx, l, it)
	return same || made != nil, err
}

// same tells the two cases apart: in the second it gives what was made.
func (d *Drive) same(ctx context.Context, l Local, it remote.Item) (bool, *rewriting, error) {
	if same, err := l.SameFile(it); same || err != nil || d.personal() || it.Kind != remote.File {
		return same, nil, err
	}
	was, known := d.madeOf(it)
	timely := l.modified().Unix() == it.MTime.Unix()
	if !known && !timely {
		return false, nil, nil
	}
	f, err := l.open()
	if err != nil {
		return false, nil, err
	}
	defer f.Close()
	sum, err := hashOf(f)
	switch {
	case err != nil:
		return false, nil, err
	case known && string(was.Sum) == sum:
		return false, &was, nil
	case known, !timely: // it was made of another
		return false, nil, nil
	}
	if like, _ := d.Client.Rewritten(ctx, it, f, l.Size); like != remote.Holds {
		return false, nil, nil
	}
	return false, d.remember(it, sum, false, true), nil
}
