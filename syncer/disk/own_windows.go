package disk

import "os"

// A private area here is as safe from others as the folder that it is in: it has
// the access list that it gets from there.

func whose(*os.File) (open bool, err error) { return false, nil }
func own(*os.File) error                    { return nil }
func trusts(string, bool) bool              { return true }
