package syncer

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"path"

	"tandem/remote/quickxor"
	"tandem/state"
)

// openTemp opens the private file for a download: the one that an earlier try
// of the same version left, with what it has already hashed, or a new one.
func (e *Engine) openTemp(j job) (temp, int64, hash.Hash, error) {
	if p, ok, err := e.db.Partial(e.cfg.Folder.N, int64(j.Key)); err != nil {
		return temp{}, 0, nil, err
	} else if ok {
		if p.Hash == string(j.Remote.Hash) && p.ETag == j.Remote.ETag && p.Size == j.Remote.Size {
			if tmp, n, sum, err := e.reopen(p); err == nil {
				return tmp, n, sum, nil
			}
		}
		if err := e.fs.Remove(p.Temp); err != nil && !gone(err) {
			return temp{}, 0, nil, err
		}
	}
	tmp, err := e.startTemp(j)
	return tmp, 0, quickxor.New(), err
}

// startTemp opens a new private file. One that is worth going on with is on
// record from the start, for a run that is killed says no more of it.
func (e *Engine) startTemp(j job) (temp, error) {
	tmp, err := e.newTemp(j)
	if err != nil || !resumable(j) {
		return tmp, err
	}
	ours, err := tmp.file.Stat()
	if err == nil {
		err = e.durably(func(tx *state.Tx) error { return tx.PutPartial(e.partial(j, tmp, ours.Ino)) })
	}
	if err != nil {
		return temp{}, e.discard(tmp, err)
	}
	return tmp, nil
}

// resumable says that j's content is worth, and its hash makes it safe, to be
// fetched in several goes.
func resumable(j job) bool { return j.Remote.Size >= resumeAbove && j.Remote.Hash != "" }

func (e *Engine) partial(j job, tmp temp, ino uint64) state.Partial {
	return state.Partial{
		Folder: e.cfg.Folder.N, Key: int64(j.Key), Temp: tmp.name, Ino: ino,
		Size: j.Remote.Size, Hash: string(j.Remote.Hash), ETag: j.Remote.ETag,
	}
}

func (e *Engine) newTemp(j job) (temp, error) {
	name := path.Join(tmpDir, fmt.Sprintf("%d-%s-%d", j.Key, e.born, e.temps.Add(1)))
	f, err := e.fs.Create(name)
	return temp{name, f}, err
}

// reopen opens what an earlier try left, to go on at its end, if it is still that file.
func (e *Engine) reopen(p state.Partial) (_ temp, n int64, sum hash.Hash, err error) {
	f, err := e.fs.Append(p.Temp)
	if err != nil {
		return temp{}, 0, nil, err
	}
	ours, err := f.Stat()
	if err == nil && (ours.Ino != p.Ino || ours.Size >= p.Size) {
		err = fmt.Errorf("%q is not what was begun", p.Temp)
	}
	sum = quickxor.New()
	if err == nil {
		n, err = io.Copy(sum, io.NewSectionReader(f, 0, ours.Size))
	}
	if err != nil {
		return temp{}, 0, nil, errors.Join(err, f.Close())
	}
	return temp{p.Temp, f}, n, sum, nil
}

// keepPartial leaves what came so far for a later try, if it is worth it.
func (e *Engine) keepPartial(j job, tmp temp, n int64, cause error) error {
	if n < resumeAbove || !resumable(j) {
		return e.discard(tmp, cause)
	}
	tmp.file.Close()
	return cause
}
