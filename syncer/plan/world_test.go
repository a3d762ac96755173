package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/syncer/names"
)

// A world is a synced folder, a drive and a base in memory. It shows itself to
// Make as a View, takes actions as the engine takes them, and refuses those that
// the engine would: a name that is taken, a folder that is not there, a base in
// which two items have one name.
type world struct {
	local, remote []thing // by key; a thing of kind None is not there
	base          []Base
	trash         []string // contents that tandem replaced or deleted here
	bind          []Key    // what a key was renamed to, when its halves were joined
	clock         int64
	uploads       int
	downloads     int
	approve       bool // every verdict is Approved
	shuffle       func(n int, swap func(i, j int))
}

// A thing is an item on one side.
type thing struct {
	Place
	kind  Kind
	text  string
	mtime int64
	etag  int64
	known bool // its hash was asked for
}

const root Key = 1

var rules = Rules{
	Host: "here", Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), HoldCount: 1000, HoldPercent: 100,
	SendsTime:    func(was, is time.Time) bool { return was.Unix() != is.Unix() },
	LocalRefuses: func(_, name string, _ bool) string { return names.LocalRefuses(name) }, RemoteRefuses: names.RemoteRefuses("personal"),
}

func newWorld() *world {
	w := &world{}
	w.grow()
	w.grow()
	w.local[root].kind, w.remote[root].kind, w.base[root].Kind = Dir, Dir, Dir
	return w
}

func (w *world) clone() *world {
	c := *w
	c.local, c.remote, c.base = slices.Clone(w.local), slices.Clone(w.remote), slices.Clone(w.base)
	c.trash, c.bind = slices.Clone(w.trash), slices.Clone(w.bind)
	return &c
}

// grow gives a new key.
func (w *world) grow() Key {
	k := Key(len(w.local))
	w.local, w.remote, w.base = append(w.local, thing{}), append(w.remote, thing{}), append(w.base, Base{})
	w.bind = append(w.bind, k)
	return k
}

func (w *world) tick() int64 { w.clock++; return w.clock }

func (w *world) key(k Key) Key {
	for w.bind[k] != k {
		k = w.bind[k]
	}
	return k
}

// The view.

func (w *world) Root() Key { return root }

func (w *world) Node(k Key) Node {
	n := Node{Key: k}
	if k <= 0 || int(k) >= len(w.local) {
		return n
	}
	n.Base = w.base[k]
	l, r := w.local[k], w.remote[k]
	n.Local = Local{Place: l.Place, Kind: l.kind}
	switch l.kind {
	case None: // where it was last seen proves nothing
		n.Local.Place = Place{n.Base.Parent, n.Base.LocalName}
	case File:
		n.Local.Content = Content{Size: int64(len(l.text)), MTime: l.mtime * 1e9}
		n.Local.Edited = l.text != string(n.Base.Local.Hash) || l.mtime*1e9 != n.Base.Local.MTime
		if l.known || !n.Local.Edited {
			n.Local.Hash = Hash(l.text)
		}
	case Other, Unknown:
		n.Local.Why = l.text
	}
	if r.kind != None {
		n.Remote = Remote{Place: r.Place, Kind: r.kind, ID: fmt.Sprint(k), ETag: fmt.Sprint(r.etag)}
	}
	switch r.kind {
	case File:
		n.Remote.Content = Content{int64(len(r.text)), r.mtime * 1e9, Hash(r.text)}
	case Other, Unknown:
		n.Remote.Why = r.text
	}
	return n
}

func (w *world) list(has func(k Key) bool) []Key {
	var keys []Key
	for k := root + 1; int(k) < len(w.local); k++ {
		if has(k) {
			keys = append(keys, k)
		}
	}
	if w.shuffle != nil {
		w.shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	}
	return keys
}

func in(t thing, parent Key) bool { return t.kind != None && t.Parent == parent }

func (w *world) LocalChildren(k Key) []Key {
	return w.list(func(c Key) bool { return in(w.local[c], k) })
}
func (w *world) RemoteChildren(k Key) []Key {
	return w.list(func(c Key) bool { return in(w.remote[c], k) })
}
func (w *world) BaseChildren(k Key) []Key {
	return w.list(func(c Key) bool { return w.base[c].Kind != None && w.base[c].Parent == k })
}

func (w *world) LocalAt(parent Key, name string) []Key {
	return w.list(func(c Key) bool { return in(w.local[c], parent) && names.Fold(w.local[c].Name) == names.Fold(name) })
}

func (w *world) RemoteAt(parent Key, name string) []Key {
	return w.list(func(c Key) bool { return in(w.remote[c], parent) && names.Fold(w.remote[c].Name) == names.Fold(name) })
}

func (w *world) BaseAt(parent Key, name string) Key {
	for c, b := range w.base {
		if b.Kind != None && b.Parent == parent && names.Fold(b.RemoteName) == names.Fold(name) && Key(c) != root {
			return Key(c)
		}
	}
	return 0
}

func (w *world) Busy(Key) bool { return false }
func (w *world) Verdict(Key) Verdict {
	if w.approve {
		return Approved
	}
	return NotAsked
}
func (w *world) Synced(Key) int {
	return len(w.list(func(k Key) bool { return w.base[k].Kind != None }))
}
func (w *world) DeletedLately(Key) int { return 0 }

// The actions.

func (w *world) apply(a Action) error {
	a.Key, a.Pair, a.To.Parent = w.key(a.Key), w.key(a.Pair), w.key(a.To.Parent)
	switch a.Op {
	case Adopt:
		return w.adopt(a)
	case Forget:
		return w.forget(a.Key)
	case MakeLocalDir:
		if err := w.room(w.local, a); err != nil {
			return err
		}
		w.local[a.Key] = thing{Place: a.To, kind: Dir}
		return w.agree(a, a.Remote.Name)
	case MakeRemoteDir:
		return w.makeRemote(a, thing{kind: Dir})
	case MoveLocal:
		return w.moveLocal(a)
	case MoveRemote:
		return w.moveRemote(a)
	case Download:
		return w.download(a)
	case Upload:
		return w.upload(a)
	case SetTime:
		w.local[a.Key].mtime = w.remote[a.Key].mtime
		return w.timed(a.Key)
	case Stamp:
		w.remote[a.Key].mtime, w.remote[a.Key].etag = w.local[a.Key].mtime, w.tick()
		return w.timed(a.Key)
	case DeleteLocal:
		return w.deleteLocal(a)
	case DeleteRemote:
		return w.deleteRemote(a)
	}
	return fmt.Errorf("no such action")
}

// half is the key that the local half of a's item goes by.
func (a Action) half() Key { return cmp.Or(a.Pair, a.Key) }

// room says whether a can give its item the name a.To on one side.
func (w *world) room(side []thing, a Action) error {
	if side[a.To.Parent].kind != Dir {
		return fmt.Errorf("no folder %d", a.To.Parent)
	}
	for k, t := range side {
		same := t.Name == a.To.Name || &side[0] == &w.remote[0] && names.Fold(t.Name) == names.Fold(a.To.Name)
		if Key(k) != a.Key && Key(k) != a.Pair && Key(k) != root && in(t, a.To.Parent) && same {
			return fmt.Errorf("%q is taken by %d", a.To.Name, k)
		}
	}
	return nil
}

// below says that k is folder f or in it.
func below(side []thing, k, f Key) bool {
	for range side {
		if k == f {
			return true
		}
		k = side[k].Parent
	}
	return false
}

// agree writes into the base that a's item is the same on both sides.
func (w *world) agree(a Action, remoteName string) error {
	from, l, r := a.half(), w.local[a.half()], w.remote[a.Key]
	if w.base[l.Parent].Kind == None {
		return fmt.Errorf("agree on %d in %d, which is not agreed on", a.Key, l.Parent)
	}
	w.rekey(from, a.Key)
	b := Base{
		Parent: a.To.Parent, LocalName: l.Name, RemoteName: remoteName, Kind: l.kind,
		Local:  Content{int64(len(l.text)), l.mtime * 1e9, Hash(l.text)},
		Remote: Content{int64(len(r.text)), r.mtime * 1e9, Hash(r.text)}, ETag: fmt.Sprint(r.etag),
	}
	if a.To.Parent == 0 {
		b.Parent = w.base[a.Key].Parent
	}
	return w.put(a.Key, b)
}

// timed writes the time that k has on both sides into the base, and nothing else.
func (w *world) timed(k Key) error {
	l, r, b := w.local[k], w.remote[k], &w.base[k]
	if b.Kind != File || l.text != string(b.Local.Hash) || r.text != string(b.Remote.Hash) {
		return errSuperseded
	}
	b.Local.MTime, b.Remote.MTime, b.ETag, b.TimesDue = l.mtime*1e9, r.mtime*1e9, fmt.Sprint(r.etag), false
	return nil
}

func (w *world) put(key Key, b Base) error {
	for k, o := range w.base {
		if Key(k) != key && Key(k) != root && o.Kind != None && o.Parent == b.Parent &&
			(o.LocalName == b.LocalName || names.Fold(o.RemoteName) == names.Fold(b.RemoteName)) {
			return fmt.Errorf("agree on %d as %q: %d has this name in the base", key, b.RemoteName, k)
		}
	}
	w.base[key] = b
	return nil
}

// rekey lets the item that went by from go by to.
func (w *world) rekey(from, to Key) {
	if from == to {
		return
	}
	w.bind[from] = to
	w.local[to], w.local[from] = w.local[from], thing{}
	if w.base[from].Kind != None {
		w.base[to], w.base[from] = w.base[from], Base{}
	}
	for k := range w.local {
		if w.local[k].Parent == from {
			w.local[k].Parent = to
		}
		if w.base[k].Parent == from {
			w.base[k].Parent = to
		}
	}
}

func (w *world) adopt(a Action) error {
	l, r := w.local[a.half()], w.remote[a.Key]
	if l.kind != r.kind || l.text != r.text || w.key(l.Parent) != w.key(r.Parent) || names.Fold(l.Name) != names.Fold(r.Name) {
		return fmt.Errorf("adopt %v and %v", l, r)
	}
	return w.agree(a, r.Name)
}

// forget drops the record of k. What is left of it here is a new item, as any
// that is found on the disk and not in the base.
func (w *world) forget(k Key) error {
	if w.local[k].kind != None && w.remote[k].kind != None || len(w.BaseChildren(k)) > 0 {
		return fmt.Errorf("forget %d, which is on both sides or in which something is agreed on", k)
	}
	w.base[k] = Base{}
	if w.local[k].kind != None {
		w.rekey(k, w.grow())
	}
	return nil
}

func (w *world) makeRemote(a Action, t thing) error {
	if err := w.room(w.remote, a); err != nil {
		return err
	}
	from := a.Key
	if w.base[a.Key].Kind != None { // its old item online is gone: this is another
		a.Key, a.Pair = w.grow(), from
	}
	t.Place, t.etag = a.To, w.tick()
	w.remote[a.Key] = t
	return w.agree(a, a.To.Name)
}

func (w *world) moveLocal(a Action) error {
	if a.Pair != 0 || w.local[a.Key].kind == None || below(w.local, a.To.Parent, a.Key) {
		return fmt.Errorf("cannot move %d", a.Key)
	}
	if err := w.room(w.local, a); err != nil {
		return err
	}
	w.local[a.Key].Place = a.To
	follows := a.Remote.Kind != None && w.key(a.Remote.Parent) == a.To.Parent && names.Fold(a.Remote.Name) == names.Fold(a.To.Name)
	if w.base[a.Key].Kind == None || !follows && !names.IsSwap(a.To.Name) {
		return nil
	}
	b := w.base[a.Key]
	b.Parent, b.LocalName, b.RemoteName = a.To.Parent, a.To.Name, a.Remote.Name
	if names.IsSwap(a.To.Name) {
		b.RemoteName = a.To.Name
	}
	return w.put(a.Key, b)
}

func (w *world) moveRemote(a Action) error {
	r := &w.remote[a.Key]
	if a.Pair != 0 || r.kind == None || w.base[a.Key].Kind == None || below(w.remote, a.To.Parent, a.Key) {
		return fmt.Errorf("cannot move %d", a.Key)
	}
	if err := w.room(w.remote, a); err != nil {
		return err
	}
	r.Place = a.To
	b, l := w.base[a.Key], w.local[a.Key]
	b.Parent, b.LocalName, b.RemoteName = a.To.Parent, a.To.Name, a.To.Name
	if l.kind != None && !names.IsSwap(a.To.Name) {
		b.LocalName = l.Name
		if l.Parent != a.To.Parent {
			return fmt.Errorf("agree on %d in %d, but it is in %d here", a.Key, a.To.Parent, l.Parent)
		}
	}
	r.etag = w.tick()
	if r.kind == Dir || r.text == string(b.Remote.Hash) {
		b.ETag = fmt.Sprint(r.etag) // only the agreed content's: another one is still to come
	}
	return w.put(a.Key, b)
}

func (w *world) download(a Action) error {
	r, l := w.remote[a.Key], &w.local[a.half()]
	if r.kind != File || r.text != string(a.Remote.Hash) {
		return errSuperseded
	}
	if l.kind != None && (l.kind != File || l.Parent != a.To.Parent || l.Name != a.To.Name) {
		return fmt.Errorf("what stands here is %v", *l)
	}
	switch {
	case l.kind == None:
		if err := w.room(w.local, a); err != nil {
			return err
		}
	case l.text == r.text:
	case a.Keep != "":
		k := w.grow()
		l = &w.local[a.half()]
		if err := w.room(w.local, Action{Key: k, To: Place{a.To.Parent, a.Keep}}); err != nil {
			return err
		}
		w.local[k] = thing{Place: Place{a.To.Parent, a.Keep}, kind: File, text: l.text, mtime: l.mtime}
	default:
		w.trash = append(w.trash, l.text)
	}
	w.downloads++
	*l = thing{Place: a.To, kind: File, text: r.text, mtime: r.mtime}
	return w.agree(a, a.Remote.Name)
}

func (w *world) upload(a Action) error {
	l := w.local[a.half()]
	if l.kind != File || l.Parent != a.To.Parent {
		return fmt.Errorf("upload %v into %d", l, a.To.Parent)
	}
	w.uploads++
	if a.Remote.Kind == None {
		return w.makeRemote(a, thing{kind: File, text: l.text, mtime: l.mtime})
	}
	r := &w.remote[a.Key]
	if r.text != string(a.Remote.Hash) {
		return errSuperseded
	}
	r.text, r.mtime, r.etag = l.text, l.mtime, w.tick()
	return w.agree(a, r.Name)
}

func (w *world) deleteLocal(a Action) error {
	l := w.local[a.Key]
	if l.kind == None || len(w.LocalChildren(a.Key)) > 0 || len(w.BaseChildren(a.Key)) > 0 {
		return fmt.Errorf("delete %v, which is gone or not empty", l)
	}
	if l.kind == File {
		if l.text != string(w.base[a.Key].Local.Hash) {
			return errSuperseded
		}
		w.trash = append(w.trash, l.text)
	}
	w.local[a.Key] = thing{}
	w.base[a.Key] = Base{}
	return nil
}

// deleteRemote takes all below with it, as the service does; what is not known
// there just so would make the engine look again.
func (w *world) deleteRemote(a Action) error {
	r := w.remote[a.Key]
	if r.kind == None {
		return errSuperseded
	}
	for _, c := range w.RemoteChildren(a.Key) {
		b := w.base[c]
		if b.Kind == None || b.Parent != a.Key || w.remote[c].text != string(b.Remote.Hash) || w.local[c].kind != None {
			return fmt.Errorf("delete folder %d online, with %d in it", a.Key, c)
		}
		if err := w.deleteRemote(Action{Key: c}); err != nil {
			return err
		}
	}
	if len(w.BaseChildren(a.Key)) > 0 || r.kind == File && r.text != string(w.base[a.Key].Remote.Hash) {
		return fmt.Errorf("delete %v online, in which something is agreed on", r)
	}
	w.remote[a.Key], w.base[a.Key] = thing{}, Base{}
	return nil
}

var errSuperseded = fmt.Errorf("not as planned")

// paths shows one side, or the base: a path for each item, folders with a slash.
func paths(side []thing) map[string]string {
	tree := map[string]string{}
	for k, t := range side {
		if t.kind == None || Key(k) == root {
			continue
		}
		p := pathOf(side, Key(k))
		switch t.kind {
		case Dir:
			p += "/"
		case Other, Unknown:
			p += "?"
		}
		if _, twice := tree[p]; twice {
			p += "!"
		}
		tree[p] = t.text
	}
	return tree
}

func pathOf(side []thing, k Key) string {
	var names []string
	for range side {
		if k == root || k == 0 {
			break
		}
		names = append(names, side[k].Name)
		k = side[k].Parent
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// agreed shows the base as a side.
func (w *world) agreed() []thing {
	side := make([]thing, len(w.base))
	for k, b := range w.base {
		side[k] = thing{Place: Place{b.Parent, b.RemoteName}, kind: b.Kind, text: string(b.Remote.Hash)}
	}
	return side
}

// differ lists what is not as the base has it, on either side: what the engine
// would ask about.
func (w *world) differ() []Key {
	return w.list(func(k Key) bool {
		n := w.Node(k)
		b := n.Base
		return n.Local.Kind != b.Kind || n.Remote.Kind != b.Kind || n.Local.Edited || fmt.Sprint(w.remote[k].etag) != b.ETag && b.Kind != None ||
			b.Kind != None && (n.Local.Place != Place{b.Parent, b.LocalName} || n.Remote.Place != Place{b.Parent, b.RemoteName})
	})
}
