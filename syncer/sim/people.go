package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// The two sides. Two people work on each: one of those here is called "also",
// for both may have a file open. Online a deed is done at once, so it is the
// same whoever does it.
const (
	here = iota
	there
	also
)

// A person keeps working on one side. Each deed is a line of the script; one
// that makes no sense where it stands (the file is not there any more) does
// nothing.
type person struct {
	open   *inode // a file being written in place
	text   string // what it shall hold in the end
	recent []string
}

// act does what a person does.
func (w *world) act(who int, verb string, args []string) error {
	for _, a := range args {
		if w.people[who].recent = append(w.people[who].recent, a); len(w.people[who].recent) > 4 {
			w.people[who].recent = w.people[who].recent[1:]
		}
	}
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	w.changed = true
	if who == there {
		return w.actThere(verb, arg(0), arg(1))
	}
	defer w.disk.settleNames()
	return w.actHere(&w.people[who], verb, arg(0), arg(1))
}

func (w *world) actHere(p *person, verb, a, b string) error {
	d := w.disk
	switch verb {
	case "write": // in place, at one go
		in, err := w.toWrite(a)
		if err == nil {
			w.fill(in, w.ledger.content())
		}
		return err
	case "open": // to write in place, in steps
		if p.open != nil {
			return errors.New("has a file open")
		}
		in, err := w.toWrite(a)
		if err != nil {
			return err
		}
		p.open, p.text = in, w.ledger.content()
		in.writers++
		d.write(in, 0, []byte(p.text[:4]))
		d.syncFile(in)
	case "more":
		if p.open == nil {
			return errors.New("has no file open")
		}
		d.write(p.open, 4, []byte(p.text[4:9]))
		d.syncFile(p.open)
	case "close":
		if p.open == nil {
			return errors.New("has no file open")
		}
		in := p.open
		in.writers--
		p.open = nil
		w.fill(in, p.text)
	case "save": // a new file, renamed over the old one
		return w.save(a)
	case "mkdir":
		return d.mkdir(a, 0o755)
	case "mv":
		w.touchBelow(a)
		if err := d.rename(a, b, false); err != nil {
			return err
		}
		w.touchBelow(b)
	case "rm":
		return w.remove(a)
	default:
		return fmt.Errorf("no such deed: %q", verb)
	}
	return nil
}

// toWrite opens a file as an editor does that writes in place: what it held is
// done away with.
func (w *world) toWrite(rel string) (*inode, error) {
	in, err := w.disk.at(rel)
	if errors.Is(err, fs.ErrNotExist) {
		return w.disk.create(rel, 0o644)
	}
	if err != nil {
		return nil, err
	}
	if in.dir || in.writers > 0 {
		return nil, errors.New("cannot be written")
	}
	w.ledger.ended(here, string(in.data))
	w.disk.write(in, 0, nil)
	return in, nil
}

// fill writes the whole content, which makes it a version.
func (w *world) fill(in *inode, text string) {
	w.disk.write(in, 0, []byte(text))
	w.disk.syncFile(in)
	if in.dropped {
		return
	}
	w.ledger.wrote(here, text)
}

func (w *world) save(rel string) error {
	d := w.disk
	if in, err := d.at(rel); err == nil && (in.dir || in.writers > 0) {
		return errors.New("cannot be written")
	}
	temp := path.Join(dirOf(rel), "~save")
	in, err := d.create(temp, 0o644)
	if err != nil {
		return err
	}
	w.fill(in, w.ledger.content())
	if old, err := d.at(rel); err == nil {
		w.drop(old)
	}
	return d.rename(temp, rel, true)
}

// drop notes that a person is about to do away with a name of a file.
func (w *world) drop(in *inode) {
	if !in.dir && in.names == 1 {
		in.dropped = true
		w.ledger.ended(here, string(in.data))
	}
}

func (w *world) remove(rel string) error {
	in, err := w.disk.at(rel)
	if err != nil {
		return err
	}
	if !in.dir {
		w.drop(in)
		return w.disk.unlink(rel)
	}
	for _, e := range w.disk.list(in) {
		if err := w.remove(path.Join(rel, e.Name)); err != nil {
			return err
		}
	}
	return w.disk.rmdir(rel)
}

// touchBelow notes that a person moves what is here.
func (w *world) touchBelow(rel string) {
	in, err := w.disk.at(rel)
	if err != nil {
		return
	}
	w.ledger.touch(here, string(in.data))
	if in.dir {
		w.disk.walk(rel, in, false, func(_ string, in *inode) { w.ledger.touch(here, string(in.data)) })
	}
}

func (w *world) actThere(verb, a, b string) error {
	switch verb {
	case "write":
		old, err := w.online.Content(a)
		text := w.ledger.content()
		if _, putErr := w.online.Put(a, text); putErr != nil {
			return putErr
		}
		w.ledger.wrote(there, text)
		if err == nil {
			w.ledger.ended(there, old)
		}
	case "mkdir":
		_, err := w.online.Mkdir(a)
		return err
	case "mv":
		if err := w.online.Move(a, b); err != nil {
			return err
		}
		w.eachBelow(b, func(text string) { w.ledger.touch(there, text) })
	case "rm":
		var gone []string
		w.eachBelow(a, func(text string) { gone = append(gone, text) })
		if err := w.online.Delete(a); err != nil {
			return err
		}
		for _, text := range gone {
			w.ledger.ended(there, text)
		}
	default:
		return fmt.Errorf("no such deed: %q", verb)
	}
	return nil
}

// eachBelow gives the contents at and below a path online.
func (w *world) eachBelow(rel string, f func(text string)) {
	rel = strings.ToLower(rel)
	for p, text := range w.online.Tree() {
		p = strings.ToLower(strings.TrimPrefix(p, "/"))
		if p == rel || strings.HasPrefix(p, rel+"/") {
			f(text)
		}
	}
}

// invent makes a deed up that makes sense now.
func (w *world) invent(rnd *rand.Rand) string {
	side := rnd.IntN(2)
	files, dirs := w.places(side)
	name := func() string { return string("abcdAé"[rnd.IntN(4)]) }
	file := func() string {
		if recent := w.recent(); len(recent) > 0 && rnd.IntN(10) < 6 {
			if p := recent[rnd.IntN(len(recent))]; slices.Contains(files, p) {
				return p
			}
		}
		if len(files) == 0 || rnd.IntN(4) == 0 {
			return path.Join(dirs[rnd.IntN(len(dirs))], name())
		}
		return files[rnd.IntN(len(files))]
	}
	thing := func() string { // a file or folder
		if len(dirs) > 1 && rnd.IntN(3) == 0 {
			return dirs[1+rnd.IntN(len(dirs)-1)]
		}
		return file()
	}
	newDir := func() string { return path.Join(dirs[rnd.IntN(len(dirs))], string("DEF"[rnd.IntN(3)])) }
	target := func(of string) string {
		to := path.Join(dirs[rnd.IntN(len(dirs))], path.Base(of))
		switch rnd.IntN(6) {
		case 0, 1:
			to = path.Join(dirOf(of), name())
		case 2:
			to = path.Join(dirs[rnd.IntN(len(dirs))], name())
		case 3:
			base := path.Base(of)
			if flip := strings.ToUpper(base); flip != base {
				base = flip
			} else {
				base = strings.ToLower(base)
			}
			to = path.Join(dirOf(of), base)
		}
		return to
	}
	person := side
	if side == here && rnd.IntN(2) == 0 {
		person = also
	}
	who := [3]string{"here", "there", "also"}[person]
	switch n := rnd.IntN(20); {
	case w.people[person].open != nil && n < 12:
		return who + " " + [2]string{"more", "close"}[rnd.IntN(2)]
	case n < 5:
		return deed(who, "write", file())
	case n < 7 && side == here:
		return deed(who, "save", file())
	case n < 9 && side == here:
		return deed(who, "open", file())
	case n < 10:
		return deed(who, "write", file())
	case n < 12:
		return deed(who, "mkdir", newDir())
	case n < 17:
		from := thing()
		return deed(who, "mv", from, target(from))
	default:
		return deed(who, "rm", thing())
	}
}

func (w *world) recent() []string {
	return slices.Concat(w.people[here].recent, w.people[there].recent, w.people[also].recent)
}

// places lists the files and folders of a side; the first folder is the top.
func (w *world) places(side int) (files, dirs []string) {
	tree := map[string]string{}
	if side == here {
		tree = w.disk.tree()
	} else {
		for p, text := range w.online.Tree() {
			tree[strings.TrimPrefix(p, "/")] = text
		}
	}
	for p := range tree {
		if dir, ok := strings.CutSuffix(p, "/"); ok {
			dirs = append(dirs, dir)
		} else {
			files = append(files, p)
		}
	}
	slices.Sort(files)
	slices.Sort(dirs)
	return files, append([]string{""}, dirs...)
}
