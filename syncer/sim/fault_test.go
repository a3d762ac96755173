package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
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

// faults gives a script with each verb failing in each way: at one of its first
// calls, once and five times on end. Which calls, depends on the script, so that
// all together try them all.
func faults(s Script, n int) []Script {
	var cases []Script
	add := func(line string) {
		try := s
		try.Lines = append([]Line{{0, line}}, s.Lines...)
		cases = append(cases, try)
	}
	i := n
	for _, verb := range sortedKeys(diskErrors) {
		for _, e := range diskErrors[verb] {
			for _, times := range []int{1, 5} {
				add(fmt.Sprintf("disk %s %s after=%d times=%d", verb, e, i%9, times))
				i++
			}
		}
	}
	for _, e := range driveErrors {
		for _, times := range []int{1, 5} {
			add(fmt.Sprintf("online match=* %s after=%d times=%d", e, i%7, times))
			i++
		}
	}
	for after := range 4 {
		add(fmt.Sprintf("state commit EIO after=%d", (i+after*3)%12))
	}
	return cases
}

func sortedKeys(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}

func TestNothingIsLostWhateverFails(t *testing.T) {
	scripts := corpus(t)
	var cases []Script
	for n, name := range sorted(scripts) {
		cases = append(cases, faults(scripts[name], n)...)
	}
	count := tally{began: time.Now()}
	each(t, len(cases), time.Time{}, func(i int, store *Store) {
		r := Run(cases[i], store)
		if r.Err != nil {
			t.Errorf("%v\n%s", r.Err, Shrink(cases[i], store))
		}
		count.add(r)
	})
	t.Logf("%d scripts: %s", len(scripts), &count)
}
