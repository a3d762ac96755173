package syncer

import (
	"fmt"

	"tandem/state"
)

const (
	opReplace = "replace"      // Private holds the new content, or after the exchange the old
	opDelete  = "delete"       // Private is where the file goes
	opRemove  = state.Removing // Key is being deleted online, Size items in all that no person was asked about
	opSwept   = state.Swept    // Key went with a folder that we deleted
	opCreate  = "create"       // the content Want is on its way to (ParentID, Name)
	opEdit    = "edit"         // the content Want is on its way to the item Key
	opTrashed = "trashed"      // Private holds a deleted version that somebody was writing to
	opStashed = "stashed"      // Private holds a replaced version, to be removed once nobody writes to it
)

// intend makes an intent durable.
func (e *Engine) intend(in state.Intent) (n int64, err error) {
	err = e.durably(func(tx *state.Tx) error {
		n, err = tx.PutIntent(in)
		return err
	})
	if err != nil {
		err = fmt.Errorf("record what is about to be done: %w", err)
	}
	return n, err
}

func dropIntent(n int64) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		if n == 0 {
			return nil
		}
		return tx.DropIntent(n)
	}
}
