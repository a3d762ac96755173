package plan

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"tandem/syncer/names"
)

// A scene is a world that was written down: three trees, one path a line.
//
//	d/                        a folder
//	d/x  text                 a file and its content, two spaces apart
//	b  text  [was a]          the item that the base has as a
//	d/{1..30}  text           thirty files
//	"cafe\u0301"  text        a name that does not show what it is made of
//
// Here and online, a path that the base has too is the same item, unless
// brackets tell otherwise; what is in a moved folder went with it. What is not
// listed is gone, or unknown if its folder is. In brackets, after commas:
//
//	base     here NAME (the local spelling), online TEXT (what the server made of
//	         it), times due, busy, asked, approved, denied
//	local    was PATH, touched (only its time is new), unread (nobody hashed it),
//	         unreadable, link, mounted
//	remote   was PATH, touched, new (another id than the base's), no hash,
//	         not listed, notebook
//
// A section of rules may come first: "hold count N", "hold percent N", "hold all
// TEXT", "deleted lately N", "deleted lately N in FOLDER", "drive KIND", "times stay here".
type scene struct {
	*world
	rules   Rules
	judged  map[Key]Verdict
	busy    map[Key]bool
	mute    map[Key]bool // the drive tells no hash of it
	deleted map[Key]int  // lately, below the root or a folder in it
}

func (s *scene) Busy(k Key) bool         { return s.busy[k] }
func (s *scene) Verdict(k Key) Verdict   { return s.judged[k] }
func (s *scene) DeletedLately(k Key) int { return s.deleted[k] }

func (s *scene) Synced(top Key) int {
	agreed := s.agreed()
	return len(s.list(func(k Key) bool {
		return s.base[k].Kind != None && below(agreed, k, top) && !slices.ContainsFunc(s.list(func(f Key) bool { return f != k && below(agreed, k, f) }), func(f Key) bool { return agreed[f].Name == ByGit })
	}))
}

func (s *scene) Node(k Key) Node {
	n := s.world.Node(k)
	if s.mute[k] {
		n.Remote.Hash, n.Base.Remote.Hash = "", ""
	}
	return n
}

// apply takes an action as the world does. Where the drive tells no hash, the
// world goes by what the engine would read.
func (s *scene) apply(a Action) error {
	if k := s.key(a.Key); s.mute[k] {
		a.Remote.Hash = Hash(s.remote[k].text)
	}
	return s.world.apply(a)
}

// A line is one item of a tree that was written down.
type line struct {
	path, text string
	kind       Kind
	marks      map[string]string // its first word → the rest
}

var (
	columns = regexp.MustCompile(` {2,}`)
	span    = regexp.MustCompile(`\{(\d+)\.\.(\d+)\}`)
	mark2   = regexp.MustCompile(`^(times due|no hash|not listed|\S+) ?(.*)$`)
)

func lines(text string) ([]line, error) {
	var all []line
	for l := range strings.Lines(text) {
		item, err := readLine(strings.TrimSuffix(l, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", l, err)
		}
		m := span.FindStringSubmatchIndex(item.path)
		if m == nil {
			all = append(all, item)
			continue
		}
		from, _ := strconv.Atoi(item.path[m[2]:m[3]])
		to, _ := strconv.Atoi(item.path[m[4]:m[5]])
		for i := from; i <= to; i++ {
			each := item
			each.marks = maps.Clone(item.marks)
			each.path = item.path[:m[0]] + strconv.Itoa(i) + item.path[m[1]:]
			all = append(all, each)
		}
	}
	return all, nil
}

func readLine(s string) (line, error) {
	cols := columns.Split(s, -1)
	l := line{path: cols[0], kind: File, marks: map[string]string{}}
	if strings.HasPrefix(l.path, `"`) {
		path, err := strconv.Unquote(l.path)
		if err != nil {
			return l, err
		}
		l.path = path
	}
	if name, is := strings.CutSuffix(l.path, "/"); is {
		l.path, l.kind = name, Dir
	}
	for i, col := range cols[1:] {
		inside, is := strings.CutPrefix(col, "[")
		if !is {
			if i > 0 || l.kind == Dir {
				return l, fmt.Errorf("%q is no mark", col)
			}
			l.text = col
			continue
		}
		for mark := range strings.SplitSeq(strings.TrimSuffix(inside, "]"), ", ") {
			words := mark2.FindStringSubmatch(mark)
			if words == nil {
				return l, fmt.Errorf("%q is no mark", mark)
			}
			l.marks[words[1]] = words[2]
		}
	}
	for mark, is := range barred {
		if !l.has(mark) {
			continue
		}
		if l.kind, l.text = is.kind, is.why; is.fresh {
			l.marks["new"] = ""
		}
	}
	return l, nil
}

// barred tells what stands there but is not synced.
var barred = map[string]struct {
	kind  Kind
	why   string
	fresh bool // it is not what the base has there
}{
	"unreadable": {Unknown, "it cannot be read", false},
	"link":       {Other, "it is a link", true},
	"mounted":    {Unknown, "another file system is mounted here", true},
	"not listed": {Unknown, "its folder online is not known yet", false},
	"notebook":   {Other, "it is a notebook", false},
}

// has reports a mark, and forgets it: what is left in the end nobody knows.
func (l line) has(mark string) bool {
	_, ok := l.marks[mark]
	delete(l.marks, mark)
	return ok
}

// stage makes a scene of its sections.
func stage(sections map[string]string) (*scene, error) {
	s := &scene{
		world: newWorld(), judged: map[Key]Verdict{}, busy: map[Key]bool{}, mute: map[Key]bool{}, deleted: map[Key]int{},
		rules: rules,
	}
	s.rules.HoldCount, s.rules.HoldPercent = 20, 20
	at := map[string]Key{"": root}
	err := s.each(sections["base"], func(l line, parent Key, name string) error {
		at[l.path] = s.grow()
		return s.readBase(at[l.path], l, Place{parent, name})
	}, at)
	if err == nil {
		err = s.readSide(disk, sections["local"], at)
	}
	if err == nil {
		err = s.readSide(drive, sections["remote"], at)
	}
	if err == nil {
		err = s.readRules(sections["rules"], at)
	}
	return s, err
}

// each reads a tree. at finds a folder by its path; read puts its own there.
func (s *scene) each(text string, read func(l line, parent Key, name string) error, at map[string]Key) error {
	all, err := lines(text)
	if err != nil {
		return err
	}
	for _, l := range all {
		dir, name := "", l.path
		if i := strings.LastIndexByte(l.path, '/'); i >= 0 {
			dir, name = l.path[:i], l.path[i+1:]
		}
		parent, ok := at[dir]
		if !ok {
			return fmt.Errorf("%q is in no folder", l.path)
		}
		err := read(l, parent, name)
		if err == nil && len(l.marks) > 0 {
			err = fmt.Errorf("unknown marks %v", l.marks)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", l.path, err)
		}
	}
	return nil
}

func (s *scene) readBase(k Key, l line, at Place) error {
	etag := s.tick()
	content := Content{int64(len(l.text)), etag * 1e9, Hash(l.text)}
	b := Base{
		Parent: at.Parent, RemoteName: at.Name, LocalName: cmp.Or(unquoted(l.marks["here"]), at.Name),
		Kind: l.kind, Local: content, Remote: content, ETag: fmt.Sprint(etag), TimesDue: l.has("times due"),
	}
	if text := l.marks["online"]; text != "" {
		b.Remote.Size, b.Remote.Hash = int64(len(text)), Hash(text)
	}
	delete(l.marks, "here")
	delete(l.marks, "online")
	s.base[k] = b
	s.busy[k] = l.has("busy")
	for mark, v := range map[string]Verdict{"asked": Asked, "approved": Approved, "denied": Denied} {
		if l.has(mark) {
			s.judged[k] = v
		}
	}
	return nil
}

func unquoted(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

// readSide reads what is true on one side.
func (s *scene) readSide(on side, text string, base map[string]Key) error {
	side := *s.side(on)
	at, taken := map[string]Key{"": root}, map[Key]bool{}
	all, err := lines(text)
	if err != nil {
		return err
	}
	for _, l := range all {
		if was, ok := l.marks["was"]; ok {
			taken[base[was]] = true
		}
	}
	err = s.each(text, func(l line, parent Key, name string) error {
		k, err := s.who(on, l, Place{parent, name}, base, taken)
		if err != nil {
			return err
		}
		at[l.path] = k
		side = *s.side(on)
		side[k] = s.stands(on, k, l, Place{parent, name})
		return nil
	}, at)
	side = *s.side(on)
	for k, b := range s.base {
		if dir := side[b.Parent]; b.Kind != None && side[k].kind == None {
			if dir.kind == Unknown {
				side[k] = thing{Place: Place{b.Parent, b.LocalName}, kind: Unknown, text: dir.text}
			}
		}
	}
	return err
}

// who is the item of a line.
func (s *scene) who(on side, l line, at Place, base map[string]Key, taken map[Key]bool) (Key, error) {
	known := slices.IndexFunc(s.base, func(b Base) bool {
		name := b.RemoteName
		if on == disk {
			name = b.LocalName
		}
		return b.Kind != None && b.Parent == at.Parent && name == at.Name && (b.Kind == l.kind || !real(l.kind))
	})
	was, moved := l.marks["was"]
	delete(l.marks, "was")
	switch k := Key(max(0, known)); {
	case moved && base[was] == 0:
		return 0, fmt.Errorf("the base has no %q", was)
	case on == disk && k != 0 && (moved && base[was] != k || taken[k] && !moved):
		return 0, fmt.Errorf("the path decides here: it is what the base has there")
	case moved:
		return base[was], nil
	case l.has("new") || k == 0 || taken[k]:
		return s.grow(), nil
	default:
		return k, nil
	}
}

// stands makes the thing that a line tells of.
func (s *scene) stands(on side, k Key, l line, at Place) thing {
	b, was := s.base[k], s.base[k].Local
	t := thing{Place: at, kind: l.kind, text: l.text}
	from := Place{b.Parent, b.LocalName}
	if on == drive {
		was, from = b.Remote, Place{b.Parent, b.RemoteName}
		s.mute[k] = l.has("no hash")
	}
	same := b.Kind == l.kind && (l.kind == Dir || l.text == string(was.Hash))
	t.mtime, t.known = was.MTime/1e9, !l.has("unread")
	if touched := l.has("touched"); touched || !same || b.TimesDue {
		t.mtime = s.tick()
	}
	if t.etag, _ = strconv.ParseInt(b.ETag, 10, 64); t.mtime != was.MTime/1e9 || from != at {
		t.etag = s.tick()
	}
	if b.TimesDue && on == disk {
		t.mtime = was.MTime / 1e9
	}
	return t
}

func (s *scene) readRules(text string, base map[string]Key) error {
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		var n int
		var word string
		switch {
		case scan(l, "hold count %d", &n):
			s.rules.HoldCount = n
		case scan(l, "hold percent %d", &n):
			s.rules.HoldPercent = n
		case scan(l, "deleted lately %d in %s", &n, &word) && base[word] != 0:
			s.deleted[base[word]] = n
		case scan(l, "deleted lately %d", &n):
			s.deleted[root] = n
		case scan(l, "drive %s", &word):
			s.rules.RemoteRefuses = names.RemoteRefuses(word)
		case l == "times stay here":
			s.rules.SendsTime = nil
		case strings.HasPrefix(l, "hold all "):
			s.rules.HoldAll = strings.TrimPrefix(l, "hold all ")
		default:
			return fmt.Errorf("no rule: %s", l)
		}
	}
	return nil
}

func scan(s, format string, into ...any) bool {
	n, err := fmt.Sscanf(s, format, into...)
	return err == nil && n == len(into)
}

// What comes of it.

// say shows an action as it is about to be taken.
func (s *scene) say(a Action) string {
	k, half, to := s.key(a.Key), s.key(a.half()), s.key(a.To.Parent)
	into := func(side []thing) string { return show(strings.TrimPrefix(pathOf(side, to)+"/"+a.To.Name, "/")) }
	var where string
	switch a.Op {
	case Adopt, MakeLocalDir, Download, SetTime:
		where = into(s.local)
	case MakeRemoteDir:
		where = into(s.remote)
	case Upload:
		where = into(s.remote)
		if a.Remote.Kind != None {
			where = show(pathOf(s.remote, k))
		}
	case MoveLocal:
		where = show(pathOf(s.local, half)) + " -> " + into(s.local)
	case MoveRemote:
		where = show(pathOf(s.remote, k)) + " -> " + into(s.remote)
	case DeleteLocal:
		where = show(pathOf(s.local, half))
	case DeleteRemote, Stamp:
		where = show(pathOf(s.remote, k))
	case Forget:
		where = show(pathOf(s.agreed(), k))
	}
	words := a.Op.String() + "  " + where
	if a.Keep != "" {
		words += "  keep " + show(a.Keep)
	}
	return words + "  (" + a.Why + ")"
}

// show quotes a path that does not show what it is made of.
func show(path string) string {
	if q := strconv.Quote(path); q != `"`+path+`"` || path != strings.TrimSpace(path) {
		return q
	}
	if !norm.NFC.IsNormalString(path) {
		return strconv.QuoteToASCII(path)
	}
	return path
}

// where is a path a person knows the item by.
func (s *scene) where(k Key) string {
	for _, side := range [][]thing{s.local, s.remote, s.agreed()} {
		if side[k].kind != None {
			return show(pathOf(side, k))
		}
	}
	return "?"
}

// sayRest shows what a plan leaves alone.
func (s *scene) sayRest(p Plan) string {
	var b strings.Builder
	for _, a := range p.Held {
		fmt.Fprintf(&b, "held  %s\n", s.say(a))
	}
	if p.HeldWhy != "" {
		fmt.Fprintf(&b, "held because  %s\n", p.HeldWhy)
	}
	for _, x := range p.Waiting {
		who := "waits"
		if x.Person {
			who = "waits for a person"
		}
		if x.Along {
			who = "waits with its folder"
		}
		fmt.Fprintf(&b, "%s  %s  (%s)\n", who, s.where(x.Key), x.Why)
	}
	for _, q := range p.Hash {
		fmt.Fprintf(&b, "hash  %s\n", s.where(q.Read))
	}
	for _, k := range slices.Concat(p.Later, p.Unjudged) {
		fmt.Fprintf(&b, "later  %s\n", s.where(k))
	}
	for _, k := range slices.Sorted(maps.Keys(p.With)) {
		fmt.Fprintf(&b, "later  %s, with %s\n", s.where(k), s.where(p.With[k]))
	}
	return b.String()
}

// end shows where it came to: the tree, and where the sides or the base still
// have something else; and what is in the trash.
func (s *scene) end() string {
	trees := map[string]map[string]string{"here": paths(s.local), "online": paths(s.remote)}
	base := map[string]string{}
	for k, b := range s.base {
		side := s.agreed()
		if b.Kind == None || Key(k) == root {
			continue
		}
		if side[k].Name = b.LocalName; b.Kind == Dir {
			side[k].Name += "/"
		}
		base[pathOf(side, Key(k))] = string(b.Local.Hash)
	}
	var out []string
	all := map[string]bool{}
	for _, tree := range []map[string]string{trees["here"], trees["online"], base} {
		for path := range tree {
			all[path] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		l, here := trees["here"][path]
		r, online := trees["online"][path]
		b, agreed := base[path]
		switch {
		case here && online && l == r && agreed && (b == l || strings.HasSuffix(path, "/")):
			out = append(out, entry(path, l, ""))
		case here && online && l == r:
			out = append(out, entry(path, l, "not agreed"))
		default:
			if here {
				out = append(out, entry(path, l, "here"))
			}
			if online {
				out = append(out, entry(path, r, "online"))
			}
			if agreed && !here && !online {
				out = append(out, entry(path, b, "base"))
			}
		}
	}
	for _, text := range slices.Sorted(slices.Values(s.trash)) {
		out = append(out, entry("trash", text, "trash"))
	}
	return strings.Join(out, "")
}

func entry(path, text, mark string) string {
	if text != "" {
		text = "  " + text
	}
	if mark != "" {
		mark = "  [" + mark + "]"
	}
	return show(path) + text + mark + "\n"
}
