package plan

import (
	"fmt"
	"slices"
	"strings"

	"tandem/syncer/names"
)

// A deed is one thing that a person does to a tree.
type deed struct {
	verb     string // edit, delete, move, write, mkdir, replace, touch
	path, to string
}

func (d deed) String() string { return strings.TrimSpace(d.verb + " " + d.path + " " + d.to) }

// do lets somebody do d on one side. It reports whether that could be done. The
// text tells whose edit it is.
func (w *world) do(s side, d deed, text string) bool {
	side := w.side(s)
	k := find(*side, d.path)
	switch d.verb {
	case "edit", "touch":
		if k == 0 || (*side)[k].kind != File {
			return false
		}
		if d.verb == "edit" {
			(*side)[k].text = text
		}
		w.stamp(s, k)
	case "delete":
		return k != 0 && w.wipe(s, k)
	case "move":
		return k != 0 && w.rename(s, k, d.to)
	case "write":
		return k == 0 && w.make(s, d.path, File, text) != 0
	case "mkdir":
		return k == 0 && w.make(s, d.path, Dir, "") != 0
	case "swap":
		return w.swap(s, k, find(*side, d.to))
	case "replace": // another program saves by deleting and writing anew; online that gives a new id
		if k == 0 || (*side)[k].kind != File || s == disk {
			return false
		}
		old := (*side)[k].text
		w.wipe(s, k)
		return w.make(s, d.path, File, old) != 0
	case "hide", "bury": // it cannot be read any more; something that is never synced stands there
		if k == 0 {
			return false
		}
		kind := Unknown
		if d.verb == "bury" {
			kind = Other
		}
		w.wipeBelow(s, k)
		(*side)[k].kind, (*side)[k].text = kind, "why not"
	case "turn": // a file into a folder with a file in it, a folder into a file
		if k == 0 {
			return false
		}
		kind := (*side)[k].kind
		w.wipe(s, k)
		if kind == Dir {
			return w.make(s, d.path, File, text) != 0
		}
		return w.make(s, d.path, Dir, "") != 0 && w.make(s, d.path+"/in", File, text) != 0
	default:
		panic("no deed " + d.verb)
	}
	return true
}

func (w *world) side(s side) *[]thing {
	if s == disk {
		return &w.local
	}
	return &w.remote
}

func (w *world) stamp(s side, k Key) {
	t := &(*w.side(s))[k]
	t.mtime, t.etag, t.known = w.tick(), w.clock, false
}

// find follows a path; here names are as they are, online their case is one.
func find(side []thing, path string) Key {
	k := root
	for name := range strings.SplitSeq(path, "/") {
		next := Key(0)
		for c, t := range side {
			if in(t, k) && t.Name == name && Key(c) != root {
				next = Key(c)
			}
		}
		if next == 0 {
			return 0
		}
		k = next
	}
	return k
}

func (w *world) wipe(s side, k Key) bool {
	w.wipeBelow(s, k)
	(*w.side(s))[k] = thing{}
	return true
}

func (w *world) wipeBelow(s side, k Key) {
	side := *w.side(s)
	for c := range side {
		if in(side[c], k) && Key(c) != root {
			w.wipe(s, Key(c))
		}
	}
}

// slot finds the folder and name of a path, if it is free on that side.
func (w *world) slot(s side, path string, but Key) (Place, bool) {
	side := *w.side(s)
	dir, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, name = path[:i], path[i+1:]
	}
	parent := root
	if dir != "" {
		parent = find(side, dir)
	}
	if parent == 0 || side[parent].kind != Dir {
		return Place{}, false
	}
	for k, t := range side {
		same := t.Name == name || s == drive && names.Fold(t.Name) == names.Fold(name)
		if in(t, parent) && same && Key(k) != but && Key(k) != root {
			return Place{}, false
		}
	}
	return Place{parent, name}, true
}

func (w *world) rename(s side, k Key, to string) bool {
	at, ok := w.slot(s, to, k)
	side := *w.side(s)
	if !ok || below(side, at.Parent, k) || side[k].Place == at {
		return false
	}
	side[k].Place = at
	if s == drive {
		side[k].etag = w.tick()
	}
	return true
}

func (w *world) swap(s side, a, b Key) bool {
	side := *w.side(s)
	if a == 0 || b == 0 || below(side, a, b) || below(side, b, a) {
		return false
	}
	side[a].Place, side[b].Place = side[b].Place, side[a].Place
	if s == drive {
		side[a].etag, side[b].etag = w.tick(), w.tick()
	}
	return true
}

// make creates an item. Here, one of the kind and at the path of one that was
// known is that one; what was moved away from there is new.
func (w *world) make(s side, path string, kind Kind, text string) Key {
	at, ok := w.slot(s, path, 0)
	if !ok {
		return 0
	}
	k := Key(0)
	if s == disk {
		k = w.known(at, kind)
	}
	if k == 0 {
		k = w.grow()
	} else if old := w.local[k]; old.kind != None {
		moved := w.grow()
		w.local[moved] = old
		for c := range w.local {
			if w.local[c].Parent == k {
				w.local[c].Parent = moved
			}
		}
	}
	(*w.side(s))[k] = thing{Place: at, kind: kind, text: text}
	w.stamp(s, k)
	return k
}

func (w *world) known(at Place, kind Kind) Key {
	return Key(max(0, slices.IndexFunc(w.base, func(b Base) bool {
		return b.Kind == kind && b.Parent == at.Parent && b.LocalName == at.Name
	})))
}

// grown makes a world in which both sides agree on these paths; one that ends
// in a slash is a folder.
func grown(paths ...string) *world {
	w := newWorld()
	for _, p := range paths {
		name, kind := strings.TrimSuffix(p, "/"), File
		if name != p {
			kind = Dir
		}
		k := w.make(disk, name, kind, "")
		if kind == File {
			w.local[k].text = fmt.Sprintf("%02d", k)
		}
		w.remote[k] = w.local[k]
		w.remote[k].etag = w.tick()
		if err := w.adopt(Action{Key: k, To: w.local[k].Place}); err != nil {
			panic(err)
		}
	}
	return w
}

// renumbered gives the same world with all keys but the root's in reverse order.
func (w *world) renumbered() *world {
	to := func(k Key) Key {
		if k <= root {
			return k
		}
		return Key(len(w.local)) + root - k
	}
	c := w.clone()
	for k := range w.local {
		c.local[to(Key(k))], c.remote[to(Key(k))], c.base[to(Key(k))] = w.local[k], w.remote[k], w.base[k]
	}
	for k := range c.local {
		c.local[k].Parent, c.remote[k].Parent, c.base[k].Parent = to(c.local[k].Parent), to(c.remote[k].Parent), to(c.base[k].Parent)
	}
	return c
}
