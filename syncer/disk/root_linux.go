package disk

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// root is whom the directories of root seem to belong to. In a user namespace that has
// no root, as that of a fenced service, it is the one whom all belong to that have no
// number there.
var root = sync.OnceValue(func() int {
	numbers, err := os.ReadFile("/proc/self/uid_map")
	if err != nil || mapsRoot(string(numbers)) {
		return 0
	}
	text, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	nobody, misread := strconv.Atoi(strings.TrimSpace(string(text)))
	top, unseen := os.Lstat("/")
	if err != nil || misread != nil || unseen != nil || uid(top) != nobody {
		return 0
	}
	return nobody
})

// mapsRoot reports whether the root outside, user 0, has a number in a namespace. Each
// line is of the first number inside, the first outside and how many there are.
func mapsRoot(numbers string) bool {
	for line := range strings.Lines(numbers) {
		var inside, outside, count uint64
		if n, _ := fmt.Sscan(line, &inside, &outside, &count); n != 3 || outside == 0 && count > 0 {
			return true
		}
	}
	return false
}
