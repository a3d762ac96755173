package task

import (
	"context"
	"slices"
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
