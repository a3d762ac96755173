package disk_test

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"tandem/syncer/disk"
)

type filling struct{ free *uint64 }

func (f filling) Free() (bytes, inodes uint64, err error) { return *f.free, 1, nil }

// TestWhatComesEndsBeforeADiskIsFullThatSomebodyElseFills though there was room for it when
// it began.
func TestWhatComesEndsBeforeADiskIsFullThatSomebodyElseFills(t *testing.T) {
	free := uint64(10 << 30)
	w := disk.Sparing(filling{&free}, io.Discard)
	piece := make([]byte, 1<<20)
	for n := range 100 {
		if n == 50 {
			free = disk.Reserve - 1
		}
		if _, err := w.Write(piece); err != nil {
			if !errors.Is(err, syscall.ENOSPC) || n < 50 || n > 58 {
				t.Errorf("after %d MiB: %v", n, err)
			}
			return
		}
	}
	t.Error("it was written to the end")
}
