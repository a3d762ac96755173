package watcher

import (
	"errors"
	"fmt"
)

// ErrAway says that a folder is not what was opened any more: it was moved or
// deleted, something else was put or mounted in its place, or its disk was taken
// out. It is not [fs.ErrNotExist]: of what is in the folder nothing is known.
var ErrAway = errors.New("it was moved, unmounted or replaced while in use")

// gone notes that the folder is away, for good: what happened to it meanwhile
// nobody was told. Who wants to go on opens it anew and reads all of it.
func (r *Root) gone(why error) error {
	r.away.Store(true)
	if why != nil {
		return fmt.Errorf("folder %q: %w (%v)", r.path, ErrAway, why)
	}
	return fmt.Errorf("folder %q: %w", r.path, ErrAway)
}
