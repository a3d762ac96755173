package task

import (
	"context"
	"errors"
	"slices"

	"tandem/remote"
)

// Twins gives the ids of what is online that syncing keeps the same as what
// stands at a path here. Of such two neither is the other's source: to delete one
// would be to delete both. nil: there are none.
type Twins func(ctx context.Context, rel string) ([]string, error)

// apart makes sure that a path here and an item online are not twins.
func (t Twins) apart(ctx context.Context, rel, id string) error {
	if t == nil {
		return nil
	}
	ids, err := t(ctx, rel)
	if err == nil && slices.Contains(ids, id) {
		err = ErrTwin
	}
	return err
}

// Twins gives the ids of what syncing keeps the same as the file at a path below
// base: what bears that path online, and what was agreed upon to be it. Of that,
// near is the deepest item that is known, and rest what is below it: a folder may
// bear another name online by now.
func (d *Drive) Twins(ctx context.Context, base, path, near, rest string) (ids []string, err error) {
	if rest == "" {
		ids = append(ids, near)
	}
	asked := map[[2]string]bool{{near, ""}: true}
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
