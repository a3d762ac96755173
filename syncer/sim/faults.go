package sim

import (
	"fmt"
	"maps"
	"slices"
)

// What each verb of the disk may answer.
var diskErrors = map[string][]string{
	"create": {"ENOSPC", "EDQUOT", "EMFILE", "EROFS", "EIO"}, "write": {"ENOSPC", "EDQUOT", "EIO", "short"}, "fsync": {"EIO", "ENOSPC"},
	"rename": {"EIO", "ENOSPC", "EACCES", "EROFS"}, "exchange": {"EIO", "EACCES", "EROFS"}, "link": {"EIO", "EACCES"}, "replace": {"EIO", "EACCES"},
	"mkdir": {"ENOSPC", "EACCES", "EROFS"}, "mkdirs": {"ENOSPC", "EACCES"}, "rmdir": {"EACCES", "EIO"}, "remove": {"EACCES", "EIO"},
	"syncdir": {"EIO"}, "readdir": {"EACCES", "EIO", "EMFILE", "ESTALE"}, "lstat": {"EACCES", "EIO", "ESTALE"},
	"open": {"EACCES", "EIO", "EMFILE", "ESTALE"}, "read": {"EIO", "EINTR"}, "fstat": {"EIO"}, "utimes": {"EIO", "EACCES"}, "chmod": {"EACCES"},
	"identity": {"EIO"}, "free": {"EIO"},
}

// What the service may answer, or not answer. A 404 is no fault but a statement,
// which only the agent's daily enumeration finds out to be a lie.
var driveErrors = []string{
	"status=400", "status=401", "status=403", "status=409 code=nameAlreadyExists", "status=410 code=resyncRequired",
	"status=412", "status=416", "status=423", "status=429 wait=3s", "status=500", "status=502", "status=503", "status=504 done",
	"status=507 code=quotaLimitReached", "status=509", "drop", "drop done", "cut=20",
}

// Faults gives a script with each call of each verb failing in each way, once;
// and with the first failing five times on end.
func Faults(s Script, calls map[string]int) []Script {
	var cases []Script
	add := func(line string) {
		try := s
		try.Lines = append([]Line{{Do: line}}, s.Lines...)
		cases = append(cases, try)
	}
	for _, verb := range slices.Sorted(maps.Keys(diskErrors)) {
		for _, e := range diskErrors[verb] {
			for n := range calls["fs "+verb] {
				add(fmt.Sprintf("disk %s %s after=%d", verb, e, n))
			}
			add(fmt.Sprintf("disk %s %s times=5", verb, e))
		}
	}
	for _, e := range driveErrors {
		for n := range calls["request"] {
			add(fmt.Sprintf("online match=* %s after=%d", e, n))
		}
		add(fmt.Sprintf("online match=* %s times=5", e))
	}
	for n := range calls["db commit"] {
		add(fmt.Sprintf("state commit EIO after=%d", n))
	}
	return cases
}
