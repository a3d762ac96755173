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
// base: what bears that path online; what does below each of near, the deepest items
// on the path that were agreed upon, each with the rest of the path, since folders on
// it may bear other names online by now, or still; and what was agreed upon to be the
// file before it was moved here.
func (d *Drive) Twins(ctx context.Context, base, path string, near [][2]string, moved []string) (ids []string, err error) {
	ids = moved
	asked := map[[2]string]bool{}
	for _, at := range append([][2]string{{base, path}}, near...) {
		if asked[at] {
			continue
		}
		asked[at] = true
		if at[1] == "" {
			ids = append(ids, at[0])
			continue
		}
		it, err := d.At(ctx, at[0], at[1])
		if err == nil {
			ids = append(ids, it.ID)
		} else if !errors.Is(err, remote.ErrNotFound) {
			return nil, err
		}
	}
	return ids, nil
}
