package disk

import (
	"errors"
	"io/fs"
	"sync"
	"time"

	"tandem/watcher"
)

// Caps is what the folder's file system can do.
type Caps struct {
	Exchange    bool // two names can be swapped in one step
	NoReplace   bool // a rename can refuse to replace
	HardLinks   bool
	BirthTime   bool
	CaseFolding bool          // "a" and "A" are one name
	Granularity time.Duration // steps in which times are stored
	Remote      bool          // others may change it without the kernel here being told: network and FUSE
}

// Caps finds out, the first time it is asked, by trying things in the private
// area, which must be there.
func (d *Disk) Caps() (Caps, error) { return d.caps() }

func probeOnce(d *Disk) func() (Caps, error) { return sync.OnceValues(d.probe) }

const (
	probeA = tmpDir + "/probe-a"
	probeB = tmpDir + "/probe-b"
	probeC = tmpDir + "/probe-c"
)

func (d *Disk) probe() (c Caps, err error) {
	if err := d.sweepProbes(); err != nil {
		return Caps{}, err
	}
	defer func() { err = errors.Join(err, d.sweepProbes()) }()
	for _, name := range []string{probeA, probeB} {
		if err := d.probeFile(name, &c); err != nil {
			return Caps{}, err
		}
	}
	c.Exchange = d.exchange(probeA, probeB) == nil
	c.NoReplace = errors.Is(d.renameNew(probeA, probeB), fs.ErrExist)
	c.HardLinks = d.link(probeA, probeC) == nil
	_, err = d.Lstat(tmpDir + "/PROBE-A")
	c.CaseFolding = err == nil
	c.Remote = remote(d.Root)
	return c, nil
}

// probeFile makes a file and looks at how it is kept.
func (d *Disk) probeFile(name string, c *Caps) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.SetMTime(time.Unix(0, odd)); err != nil {
		return err
	}
	e, err := f.Stat()
	if err != nil {
		return err
	}
	c.BirthTime = e.Born != 0
	c.Granularity = granularity(e)
	return nil
}

// odd is a time that no coarser clock can show: its second is odd, too, for FAT
// counts in twos.
const odd = 1_700_000_001_123_456_789

func granularity(e watcher.Entry) time.Duration {
	off := time.Duration(max(e.MTime-odd, odd-e.MTime))
	for _, step := range []time.Duration{1, 100, time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Second} {
		if off < step {
			return step
		}
	}
	return 2 * time.Second
}

func (d *Disk) sweepProbes() error {
	for _, name := range []string{probeA, probeB, probeC} {
		if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
