package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// An exchanger is a process that exchanges names in a folder without a pause: for links
// to a tree outside, for other folders and files, for mounts of that tree. Everything is
// given back after an instant, so that a program that is at work there meets both.
//
// It is told on stdin, and answers each word with how often it has exchanged names:
//
//	named  from now on the folder itself is exchanged, too
//	still  all is in its place, and stays there until the next word
//	below  names are exchanged, and not that of the folder itself
type exchanger struct {
	Root    string   // whose names are exchanged
	Below   []string // in it
	Outside string   // the tree that links lead to, with the same names in it
	Copy    string   // of the folder, beside it
	Aside   string   // where what is exchanged lies meanwhile
	Seed    uint64
	Mount   bool // the tree outside is mounted, too

	rnd   *rand.Rand
	n     int
	named atomic.Bool
	done  atomic.Int64
}

// exchange is the process.
func exchange() {
	x := new(exchanger)
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err = errors.Join(err, json.Unmarshal(line, x)); err != nil {
		log.Fatal(err)
	}
	x.rnd = rand.New(rand.NewPCG(x.Seed, 0))
	rest, resting := make(chan struct{}), true
	go x.work(rest)
	for {
		word, err := in.ReadString('\n')
		word = strings.TrimSpace(word)
		x.named.Store(word == "named")
		if still := err != nil || word == "still"; still != resting {
			resting = still
			rest <- struct{}{}
		}
		if err != nil { // the end
			return
		}
		fmt.Println(x.done.Load())
	}
}

// work goes on, from one word on rest until another.
func (x *exchanger) work(rest chan struct{}) {
	for <-rest; ; {
		select {
		case <-rest:
			<-rest
		default:
			x.round()
		}
	}
}

// round exchanges one name, and gives it back.
func (x *exchanger) round() {
	x.n++
	switch k := x.rnd.IntN(10); {
	case x.named.Load() && k < 3:
		x.theFolder()
	case k < 5:
		x.part()
	default:
		x.inside(x.Below[x.rnd.IntN(len(x.Below))])
	}
}

// wait is from no time at all to as long as a step of a program may take.
func (x *exchanger) wait() {
	most := []time.Duration{0, 0, 100 * time.Microsecond, 100 * time.Microsecond, 2 * time.Millisecond, 2 * time.Millisecond, 20 * time.Millisecond}[x.rnd.IntN(7)]
	if most > 0 {
		time.Sleep(time.Duration(x.rnd.Int64N(int64(most))))
	}
}

// rest leaves all in its place for longer than it was away: who only ever meets the wrong
// thing ends before it has begun.
func (x *exchanger) rest() {
	for range 3 {
		x.wait()
	}
}

// theFolder is exchanged for a copy, for the tree outside, or for a link to one of these.
func (x *exchanger) theFolder() {
	switch x.rnd.IntN(5) {
	case 0:
		x.swap(x.Root, x.Copy)
	case 1:
		x.swap(x.Root, x.Outside)
	case 2:
		x.swapForLink(x.Root, x.Copy)
	case 3:
		x.swapForLink(x.Root, x.Outside)
	default:
		x.mount(x.Outside, x.Root)
	}
}

// inside exchanges what is in the folder.
func (x *exchanger) inside(rel string) {
	name, outside := filepath.Join(x.Root, rel), filepath.Join(x.Outside, rel)
	switch x.rnd.IntN(8) {
	case 0:
		x.swap(name, x.make(os.Mkdir(x.aside(), 0o777)))
	case 1:
		x.swap(name, x.make(os.WriteFile(x.aside(), []byte("plain"), 0o666)))
	case 2:
		x.mount(outside, name)
	case 3:
		if back, err := filepath.Rel(filepath.Dir(name), outside); err == nil {
			x.swapForLink(name, back)
		}
	default:
		x.swapForLink(name, outside)
	}
}

// part has a link to a file outside take the place of a file in the private area.
func (x *exchanger) part() {
	files, _ := filepath.Glob(filepath.Join(x.Root, ".tandem/t[ma][ps]*/*"))
	if len(files) > 0 {
		x.swapForLink(files[x.rnd.IntN(len(files))], filepath.Join(x.Outside, "part.bin"))
	}
}

func (x *exchanger) aside() string { return filepath.Join(x.Aside, fmt.Sprint(x.n)) }

// make gives what was made aside.
func (x *exchanger) make(err error) string {
	if err != nil {
		log.Fatal(err)
	}
	return x.aside()
}

func (x *exchanger) swapForLink(name, to string) {
	link := x.make(os.Symlink(to, x.aside()))
	x.swap(name, link)
	os.Remove(link) // it is, unless something else came out
}

// swap exchanges two names and, after a while, again. What cannot go back, for its name
// has gone meanwhile, gets it anew, or stays aside.
func (x *exchanger) swap(name, other string) {
	swap := func() error { return unix.Renameat2(unix.AT_FDCWD, name, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE) }
	if swap() != nil {
		return // there is no such name just now
	}
	x.done.Add(1)
	x.wait()
	if err := swap(); errors.Is(err, fs.ErrNotExist) {
		_ = unix.Renameat2(unix.AT_FDCWD, other, unix.AT_FDCWD, name, unix.RENAME_NOREPLACE)
	}
	x.rest()
}

// mount has the tree outside, or something in it, lie on a name, and never on what a link
// there leads to.
func (x *exchanger) mount(what, name string) {
	if !x.Mount {
		return
	}
	fd, err := unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK || unix.Mount(what, fmt.Sprintf("/proc/self/fd/%d", fd), "", unix.MS_BIND, "") != nil {
		return
	}
	x.done.Add(1)
	x.wait()
	for unix.Unmount(name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == unix.EBUSY {
		time.Sleep(time.Millisecond)
	}
	x.rest()
}
