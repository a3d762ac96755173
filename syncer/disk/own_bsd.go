//go:build unix && !linux

package disk

import "os"

// ownerless is not asked here: where this system keeps no owners it shows the user
// as the owner of everything.
func ownerless(*os.File) bool { return false }
