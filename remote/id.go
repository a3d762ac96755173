package remote

import "strings"

// NormDrive gives the one spelling under which a drive's id is stored and
// compared. The service spells the 16 hex digits of a personal drive now with
// and now without leading zeros, in upper or lower case; all other ids are
// opaque and stay as they are.
func NormDrive(id string) string {
	if id == "" || len(id) > 16 || strings.Trim(id, "0123456789abcdefABCDEF") != "" {
		return id
	}
	return strings.Repeat("0", 16-len(id)) + strings.ToLower(id)
}

// NormItem does the same for an item's id, which on personal drives begins with
// the drive's and a "!".
func NormItem(id string) string {
	drive, item, ok := strings.Cut(id, "!")
	if !ok || drive == "b" { // "b!" begins the id of a work drive
		return id
	}
	return NormDrive(drive) + "!" + item
}
