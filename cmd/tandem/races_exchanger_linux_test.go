package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
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
//	below  names in the folder are exchanged from now on
//	named  and that of the folder itself
//	still  all is in its place, and stays there until the next word
type exchanger struct {
	Root    string     // the folder
	Below   [][]string // names in it; those of a list are exchanged one after the other
	Outside string     // the tree that links lead to, with the same names in it
	Copy    string     // of the folder, beside it
	Aside   string     // where what is exchanged lies meanwhile
	Seed    uint64
	Mount   bool // the tree outside is mounted, too

	root, aside int          // open, for a name may lead anywhere
	still       sync.RWMutex // held by those who have something exchanged
	named       atomic.Bool
	made, done  atomic.Int64
}

// exchange is the process.
func exchange() {
	x := new(exchanger)
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	err = errors.Join(err, json.Unmarshal(line, x))
	var also error
	x.root, also = unix.Open(x.Root, unix.O_PATH|unix.O_DIRECTORY, 0)
	err = errors.Join(err, also)
	x.aside, also = unix.Open(x.Aside, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err = errors.Join(err, also); err != nil {
		log.Fatal(err)
	}
	x.still.Lock()
	still := true
	go x.theFolder(rand.New(rand.NewPCG(x.Seed, 0)))
	for i, names := range x.Below {
		go x.inside(rand.New(rand.NewPCG(x.Seed, uint64(i+1))), names)
	}
	for {
		word, err := in.ReadString('\n')
		word = strings.TrimSpace(word)
		x.named.Store(word == "named")
		switch {
		case err != nil: // the end
			return
		case word == "still" && !still:
			x.still.Lock()
		case word != "still" && still:
			x.still.Unlock()
		}
		still = word == "still"
		fmt.Println(x.done.Load())
	}
}

// wait is from no time at all to as long as some steps of a program may take.
func wait(rnd *rand.Rand) {
	most := []time.Duration{0, 100 * time.Microsecond, 2 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond}[rnd.IntN(5)]
	if most > 0 {
		time.Sleep(time.Duration(rnd.Int64N(int64(most))))
	}
}

// theFolder is exchanged for a copy, for the tree outside, or for a link to one of these.
func (x *exchanger) theFolder(rnd *rand.Rand) {
	acts := []func(){
		func() { x.swap(rnd, unix.AT_FDCWD, x.Root, unix.AT_FDCWD, x.Copy) },
		func() { x.swap(rnd, unix.AT_FDCWD, x.Root, unix.AT_FDCWD, x.Outside) },
		func() { x.swapForLink(rnd, unix.AT_FDCWD, x.Root, x.Copy) },
		func() { x.swapForLink(rnd, unix.AT_FDCWD, x.Root, x.Outside) },
		func() { x.mount(rnd, unix.AT_FDCWD, x.Root, x.Outside) },
	}
	for {
		if x.named.Load() {
			x.still.RLock()
			acts[rnd.IntN(len(acts))]()
			x.still.RUnlock()
		}
		for range 5 { // who only ever meets the wrong folder ends before it has begun
			time.Sleep(5 * time.Millisecond)
			wait(rnd)
		}
	}
}

// inside exchanges some of the names in the folder.
func (x *exchanger) inside(rnd *rand.Rand, names []string) {
	for {
		x.still.RLock()
		x.round(rnd, names[rnd.IntN(len(names))])
		x.still.RUnlock()
		wait(rnd)
	}
}

func (x *exchanger) round(rnd *rand.Rand, rel string) {
	outside := filepath.Join(x.Outside, rel)
	if strings.HasSuffix(rel, "/*") { // one of what is there now
		files, _ := filepath.Glob(filepath.Join(x.Root, rel))
		if len(files) == 0 {
			return
		}
		rel, outside = path.Dir(rel)+"/"+filepath.Base(files[rnd.IntN(len(files))]), filepath.Join(x.Outside, "part.bin")
	}
	dir, err := unix.Openat2(x.root, path.Dir(rel), &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV})
	if err != nil {
		return // it is something else just now
	}
	defer unix.Close(dir)
	name := path.Base(rel)
	switch rnd.IntN(8) {
	case 0:
		other := x.fresh()
		x.must(unix.Mkdirat(x.aside, other, 0o777))
		x.swap(rnd, dir, name, x.aside, other)
	case 1:
		other := x.fresh()
		x.must(os.WriteFile(filepath.Join(x.Aside, other), []byte("plain"), 0o666))
		x.swap(rnd, dir, name, x.aside, other)
	case 2:
		x.mount(rnd, dir, name, outside)
	case 3:
		if back, err := filepath.Rel(filepath.Join(x.Root, path.Dir(rel)), outside); err == nil {
			x.swapForLink(rnd, dir, name, back)
		}
	default:
		x.swapForLink(rnd, dir, name, outside)
	}
}

// fresh is a name aside that there was not before.
func (x *exchanger) fresh() string { return fmt.Sprint(x.made.Add(1)) }

func (x *exchanger) must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func (x *exchanger) swapForLink(rnd *rand.Rand, dir int, name, to string) {
	link := x.fresh()
	x.must(unix.Symlinkat(to, x.aside, link))
	x.swap(rnd, dir, name, x.aside, link)
	unix.Unlinkat(x.aside, link, 0) // it is the link, unless something else came out
}

// swap exchanges two names and, after a while, again. What cannot go back, for its name
// has gone meanwhile, gets it anew, or stays aside.
func (x *exchanger) swap(rnd *rand.Rand, dir int, name string, otherDir int, other string) {
	if unix.Renameat2(dir, name, otherDir, other, unix.RENAME_EXCHANGE) != nil {
		return // there is no such name just now
	}
	x.done.Add(1)
	wait(rnd)
	if unix.Renameat2(dir, name, otherDir, other, unix.RENAME_EXCHANGE) == unix.ENOENT {
		_ = unix.Renameat2(otherDir, other, dir, name, unix.RENAME_NOREPLACE)
	}
}

// mount has the tree outside, or something in it, lie on a name, and never on what a link
// there leads to.
func (x *exchanger) mount(rnd *rand.Rand, dir int, name, what string) {
	if !x.Mount {
		return
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	on := fmt.Sprintf("/proc/self/fd/%d", fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK || unix.Mount(what, on, "", unix.MS_BIND, "") != nil {
		unix.Close(fd)
		return
	}
	x.done.Add(1)
	wait(rnd)
	at := name
	if dir != unix.AT_FDCWD {
		at = fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)
	}
	for unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == unix.EBUSY {
		time.Sleep(time.Millisecond)
	}
	unix.Close(fd)
}
