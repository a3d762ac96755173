package sim

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sides that the ledger tells apart; a further machine is a side of its own.
const (
	here = iota
	there
)

// A person keeps working on one side. Two people work on the first machine: one
// of them is called "also", for both may have a file open. Online a deed is done
// at once, so it is the same whoever does it.
//
// Each deed is a line of the script; one that makes no sense where it stands
// (the file is not there any more) does nothing.
type person struct {
	name   string
	m      *machine // nil: online
	open   *inode   // a file being written in place
	text   string   // what it shall hold in the end
	recent []string
}

func peopleAt(machines []*machine) []*person {
	all := []*person{{name: "here", m: machines[0]}, {name: "there"}, {name: "also", m: machines[0]}}
	for _, m := range machines[1:] {
		all = append(all, &person{name: m.name, m: m})
	}
	return all
}

func (w *world) personCalled(name string) *person {
	for _, p := range w.people {
		if p.name == name {
			return p
		}
	}
	return nil
}

// act does what a person does.
func (w *world) act(p *person, verb string, args []string) error {
	for _, a := range args {
		if p.recent = append(p.recent, a); len(p.recent) > 4 {
			p.recent = p.recent[1:]
		}
	}
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	w.changed = true
	if p.m == nil {
		return w.actThere(verb, arg(0), arg(1))
	}
	defer p.m.disk.settleNames()
	return p.m.actHere(p, verb, arg(0), arg(1))
}

func (m *machine) actHere(p *person, verb, a, b string) error {
	d := m.disk
	switch verb {
	case "write": // in place, at one go
		in, err := m.toWrite(a)
		if err == nil {
			m.fill(in, m.ledger.content())
		}
		return err
	case "open": // to write in place, in steps
		if p.open != nil {
			return errors.New("has a file open")
		}
		in, err := m.toWrite(a)
		if err != nil {
			return err
		}
		p.open, p.text = in, m.ledger.content()
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
		m.fill(in, p.text)
	case "save": // a new file, renamed over the old one
		return m.save(a)
	case "mkdir":
		return d.mkdir(a, 0o755)
	case "mv":
		m.touchBelow(m.side(), a)
		m.eachBelow(a, func(text string) { m.ledger.moved(m.side(), text) }) // what is new in it there goes along
		if in, err := d.at(a); err == nil && m.isAgreed(b) {
			m.ledger.took(string(in.data))
		}
		if err := d.rename(a, b, false); err != nil {
			return err
		}
		m.touchBelow(m.side(), b)
	case "rm":
		return m.remove(a)
	case "touch": // or chmod
		in, err := d.at(a)
		if err != nil {
			return err
		}
		in.ctime = d.time()
		m.watch.changed(in)
	case "date": // gives a file another time, and leaves its bytes
		in, err := d.at(a)
		if err != nil || in.dir {
			return cmp.Or(err, errors.New("is a folder"))
		}
		m.ledger.moved(m.side(), string(in.data)) // who gives it a time wants it
		at, err := dateOf(b)
		in.mtime, in.ctime = at.UnixNano(), d.time()
		m.watch.changed(in)
		return err
	default:
		return fmt.Errorf("no such deed: %q", verb)
	}
	return nil
}

// dateOf is a time long ago, so many hours after the first of those that people give.
func dateOf(hours string) (time.Time, error) {
	n, err := strconv.Atoi(hours)
	return time.Date(2001, 2, 3, 4, 5, 7, 0, time.UTC).Add(time.Duration(n) * time.Hour), err
}

// toWrite opens a file as an editor does that writes in place: what it held is
// done away with.
func (m *machine) toWrite(rel string) (*inode, error) {
	in, err := m.disk.at(rel)
	if errors.Is(err, fs.ErrNotExist) {
		return m.disk.create(rel, 0o644)
	}
	if err != nil {
		return nil, err
	}
	if in.dir || in.writers > 0 {
		return nil, errors.New("cannot be written")
	}
	in.was = string(in.data)
	m.ledger.ended(m.side(), in.was)
	m.disk.write(in, 0, nil)
	return in, nil
}

// fill writes the whole content, which makes it a version.
func (m *machine) fill(in *inode, text string) {
	m.disk.write(in, 0, []byte(text))
	m.disk.syncFile(in)
	if in.dropped {
		return
	}
	m.ledger.wrote(m.side(), text, in.was)
	if lag := m.script.Lag; lag > 0 && m.now.Sub(m.stirredAt) <= lag {
		m.ledger.moved(there, text) // with its folder, as far as anybody can tell
	}
}

func (m *machine) save(rel string) error {
	d := m.disk
	if in, err := d.at(rel); err == nil && (in.dir || in.writers > 0) {
		return errors.New("cannot be written")
	}
	temp := path.Join(dirOf(rel), "~save")
	in, err := d.create(temp, 0o644)
	if err != nil {
		return err
	}
	old, err := d.at(rel)
	if err == nil {
		in.was = string(old.data)
	}
	m.fill(in, m.ledger.content())
	if err == nil {
		m.drop(old)
	}
	return d.rename(temp, rel, true)
}

// drop notes that a person is about to do away with a name of a file.
func (m *machine) drop(in *inode) {
	if !in.dir && in.names == 1 {
		in.dropped = true
		m.ledger.ended(m.side(), string(in.data))
	}
}

func (m *machine) remove(rel string) error {
	in, err := m.disk.at(rel)
	if err != nil {
		return err
	}
	if !in.dir {
		m.drop(in)
		return m.disk.unlink(rel)
	}
	for _, e := range m.disk.list(in) {
		if err := m.remove(path.Join(rel, e.Name)); err != nil {
			return err
		}
	}
	return m.disk.rmdir(rel)
}

// touchBelow notes that a person on some side moves what is here.
func (m *machine) touchBelow(side int, rel string) {
	in, err := m.disk.at(rel)
	if err != nil {
		return
	}
	m.ledger.moved(side, string(in.data))
	if in.dir {
		m.disk.walk(rel, in, false, func(_ string, in *inode) { m.ledger.moved(side, string(in.data)) })
	}
}

func (w *world) actThere(verb, a, b string) error {
	if w.stack != nil {
		var err error
		if verb, a, err = w.stack.browsed(verb, a); err != nil || verb == "look" {
			return err
		}
		defer w.stack.notify()
	}
	switch verb {
	case "write":
		old, err := w.online.Content(a)
		text := w.ledger.content()
		if _, putErr := w.online.Put(a, text); putErr != nil {
			return putErr
		}
		w.ledger.wrote(there, text, old)
		if err == nil {
			w.ledger.ended(there, old)
			w.ledger.all[text].saved = w.now
		}
	case "mkdir":
		_, err := w.online.Mkdir(a)
		return err
	case "date":
		at, err := dateOf(b)
		if info, statErr := w.online.Stat(a); err != nil || statErr != nil || info.Folder {
			return cmp.Or(err, statErr, errors.New("is a folder"))
		}
		w.eachBelow(a, func(text string) { w.ledger.moved(there, text) })
		return w.online.Touch(a, at)
	case "mv":
		if err := w.online.Move(a, b); err != nil {
			return err
		}
		for _, m := range w.machines {
			m.touchBelow(there, a) // what is new in it here goes along
		}
		w.stirredAt = w.now
		w.eachBelow(b, func(text string) { w.ledger.moved(there, text) })
	case "mark":
		w.online.Mark()
	case "rewind":
		return w.rewind()
	case "back":
		if w.stack == nil {
			return errors.New("there is no recycle bin to look into")
		}
		return w.stack.bringBack(a)
	case "rm":
		var gone []string
		w.eachBelow(a, func(text string) { gone = append(gone, text) })
		if err := w.online.Delete(a); err != nil {
			return err
		}
		for _, text := range gone {
			w.ledger.threw(text)
		}
	default:
		return fmt.Errorf("no such deed: %q", verb)
	}
	return nil
}

// rewind takes the whole drive back to the moment that somebody marked: it is as if he
// had edited, moved and deleted all that has changed since.
func (w *world) rewind() error {
	gone, back, err := w.online.Rewind()
	if err != nil {
		return err
	}
	if w.stack != nil {
		w.stack.rest.odd.ever, w.stack.back = true, true // what came back may be deleted once more, and told of again
	}
	w.stirredAt = w.now
	w.eachBelow("", func(text string) { w.ledger.moved(there, text) })
	for _, text := range gone {
		w.ledger.threw(text)
	}
	for _, text := range back {
		w.ledger.returned(text)
	}
	return nil
}

// eachBelow gives the contents at and below a path online.
func (w *world) eachBelow(rel string, f func(text string)) {
	rel = strings.ToLower(rel)
	for p, text := range w.online.Tree() {
		p = strings.ToLower(strings.TrimPrefix(p, "/"))
		if rel == "" || p == rel || strings.HasPrefix(p, rel+"/") {
			f(text)
		}
	}
}

// invent makes a deed up that makes sense now.
func (w *world) invent(rnd *rand.Rand) string { return w.inventAt(w.anywhere(rnd), rnd) }

// inventAt is invent for a machine, or for the drive: nil.
func (w *world) inventAt(at *machine, rnd *rand.Rand) string {
	files, dirs := w.places(at)
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
	who := "there"
	if at != nil {
		who = at.name
	}
	if at == w.machines[0] && rnd.IntN(2) == 0 {
		who = "also"
	}
	switch n := rnd.IntN(22); {
	case w.personCalled(who).open != nil && n < 12:
		return who + " " + [2]string{"more", "close"}[rnd.IntN(2)]
	case n < 5:
		return deed(who, "write", file())
	case n < 7 && at != nil:
		return deed(who, "save", file())
	case n < 9 && at != nil:
		return deed(who, "open", file())
	case n < 10:
		return deed(who, "write", file())
	case n < 12:
		return deed(who, "mkdir", newDir())
	case n < 17:
		from := thing()
		return deed(who, "mv", from, target(from))
	case n >= 20:
		return deed(who, "date", file(), strconv.Itoa(rnd.IntN(40)))
	default:
		return deed(who, "rm", thing())
	}
}

// anywhere chooses a machine, or the drive: nil.
func (w *world) anywhere(rnd *rand.Rand) *machine {
	switch n := rnd.IntN(1 + len(w.machines)); n {
	case here:
		return w.machines[0]
	case there:
		return nil
	default:
		return w.machines[n-1]
	}
}

func (w *world) recent() []string {
	var all []string
	for _, p := range w.people {
		all = append(all, p.recent...)
	}
	return all
}

// places lists the files and folders of a machine, or of the drive; the first
// folder is the top.
func (w *world) places(m *machine) (files, dirs []string) {
	tree := w.onlineTree()
	if m != nil {
		tree = m.disk.tree()
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
