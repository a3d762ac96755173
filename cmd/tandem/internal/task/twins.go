package task

import (
	"context"
	"errors"
	"slices"

	"tandem/remote"
)

// Twins gives the ids of what is online that syncing keeps the same as the file
// with a path and an inode here. Of such two neither is the other's source: to
// delete one would be to delete both. nil: there are none.
type Twins func(ctx context.Context, rel string, ino uint64) ([]string, error)

// apart makes sure that a file here and an item online are not twins.
func (t Twins) apart(ctx context.Context, rel string, ino uint64, id string) error {
	if t == nil {
		return nil
	}
	ids, err := t(ctx, rel, ino)
	if err == nil && slices.Contains(ids, id) {
		err = ErrTwin
	}
	return err
}

// Twins gives the ids of what syncing keeps the same as the file at a path below
// base: what bears that path online; what does below near, the deepest item on the
// path that was agreed upon, which may bear another name online by now; and what
// was agreed upon to be the file before it was moved here.
func (d *Drive) Twins(ctx context.Context, base, path, near, rest string, moved []string) (ids []string, err error) {
	ids = moved
	asked := map[[2]string]bool{}
	if rest == "" {
		ids, asked[[2]string{near, ""}] = append(ids, near), true
	}
	for _, at := range [][2]string{{base, path}, {near, rest}} {
		if asked[at] {
			continue
		}
		asked[at] = true
		it, err := d.At(ctx, at[0], at[1])
		if err == nil {
			ids = append(ids, it.ID)
		} else if !errors.Is(err, remote.ErrNotFound) {
			return nil, err
		}
	}
	return ids, nil
}
