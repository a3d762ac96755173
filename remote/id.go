package remote

import "strings"

// NormID gives the one spelling under which an id is stored and compared.
//
// On personal drives the service spells the drive's 16 hex digits now with and
// now without leading zeros, in upper or lower case; they stand alone as the
// drive's id and before the "!" of an item's id. Those are brought to 16 lower
// case digits. Every other id is opaque and stays as it is.
func NormID(id string) string {
	drive, item, isItem := strings.Cut(id, "!")
	if drive == "" || len(drive) > 16 || strings.Trim(drive, "0123456789abcdefABCDEF") != "" {
		return id
	}
	if isItem && drive == "b" { // a work drive: "b!" and base64
		return id
	}
	drive = strings.Repeat("0", 16-len(drive)) + strings.ToLower(drive)
	if isItem {
		return drive + "!" + item
	}
	return drive
}
