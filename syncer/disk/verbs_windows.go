package disk

import "errors"

// Windows swaps no names, and os.Root does not let a rename refuse to replace:
// here the ladder begins lower.
func (d *Disk) renameNew(from, to string) error { return errors.ErrUnsupported }
func (d *Disk) exchange(a, b string) error      { return errors.ErrUnsupported }
