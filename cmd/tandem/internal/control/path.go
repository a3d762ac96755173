package control

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
)

// longest is what fits into a socket's address everywhere.
const longest = 103

// Path is where the agent of a state directory listens: in that directory, so
// that a command finds it from wherever it is started, as from cron. Where that
// is too long for an address it is in runtime, or else among temporary files.
func Path(state, runtime string) string {
	near := filepath.Join(state, "run", "agent.sock")
	if len(near) <= longest {
		return near
	}
	if runtime == "" {
		runtime = filepath.Join(os.TempDir(), "tandem-"+strconv.Itoa(os.Getuid()))
	} else {
		runtime = filepath.Join(runtime, "tandem")
	}
	sum := sha256.Sum256([]byte(state))
	return filepath.Join(runtime, hex.EncodeToString(sum[:8])+".sock")
}
