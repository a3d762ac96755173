package task

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"tandem/remote"
	"tandem/state"
)

// LongestPath is more bytes than any path online has: OneDrive's limit is 400 characters.
const LongestPath = 1600

// ErrTooDeep says that the service tells of folders in folders, deeper than any can be.
var ErrTooDeep = fmt.Errorf("%w: folders are nested deeper than OneDrive allows", remote.ErrMalformed)

// Below lists everything below a folder, each item as soon as its place is
// known, in no order but that a folder comes before what is in it. The change feed
// brings a thousand items with a request, so folders are listed one by one only
// where nothing else is allowed. Where a synced folder's state knows the drive, the
// feed is asked only for what is new since; created says that times of creation are
// wanted, which the state does not keep.
func (d *Drive) Below(ctx context.Context, top remote.Item, created bool) iter.Seq2[Node, error] {
	return func(yield func(Node, error) bool) {
		if d.DB != nil && d.Known.Cursor != "" && !created {
			if known, ok := d.remembered(ctx, top); ok {
				known.all(yield)
				return
			}
		}
		if d.Lent && !d.personal() { // there the feed is about the whole drive
			d.byFolder(ctx, top, "", yield)
			return
		}
		if d.personal() && !top.Root {
			if d.feed(d.Client.DeltaBelow(ctx, d.ID, top.ID), top, yield) {
				return
			}
		}
		d.feed(d.Client.DeltaRun(ctx, d.ID, ""), top, yield)
	}
}

// byFolder yields what is in a folder, and in the folders in it; false when that
// is enough.
func (d *Drive) byFolder(ctx context.Context, folder remote.Item, dir string, yield func(Node, error) bool) bool {
	nodes, err := d.Inside(ctx, folder)
	if err != nil {
		yield(Node{}, err)
		return false
	}
	for _, n := range nodes {
		if n.Path = join(dir, n.Name); len(n.Path) > LongestPath {
			yield(Node{}, ErrTooDeep)
			return false
		}
		if !yield(n, nil) || n.Kind == remote.Folder && !d.byFolder(ctx, n.Item, n.Path, yield) {
			return false
		}
	}
	return true
}

// feed yields what a full run of a change feed shows below top. It reports false
// when there is no such feed, which it finds out before anything is yielded.
func (d *Drive) feed(pages iter.Seq2[remote.DeltaPage, error], top remote.Item, yield func(Node, error) bool) bool {
	t := newTree(top)
	for page, err := range pages {
		if err != nil {
			if !t.begun && (errors.Is(err, remote.ErrUnsupported) || errors.Is(err, remote.ErrNotFound) || errors.Is(err, remote.ErrResync)) && !top.Root && d.personal() {
				return false
			}
			yield(Node{}, err)
			return true
		}
		t.begun = true
		for _, n := range t.page(page.Items) {
			if !yield(n, nil) {
				return true
			}
		}
		if t.deep {
			yield(Node{}, ErrTooDeep)
			return true
		}
	}
	return true
}

// A tree finds the paths of items that come in any order.
type tree struct {
	top     string
	begun   bool
	path    map[string]string        // of the folders below top, by id
	outside map[string]bool          // folders that are elsewhere
	orphans map[string][]remote.Item // by the id of the folder that has not come yet
	told    map[string]bool
	deep    bool // something is deeper than can be; it is not placed
}

func newTree(top remote.Item) *tree {
	t := &tree{top: top.ID, path: map[string]string{top.ID: ""}, outside: map[string]bool{}, orphans: map[string][]remote.Item{}, told: map[string]bool{top.ID: true}}
	if top.ParentID != "" {
		t.outside[top.ParentID] = true // top itself is told already
	}
	return t
}

// page places the items of one page: of one that comes twice the last counts.
func (t *tree) page(items []remote.Item) (placed []Node) {
	last := make(map[string]int, len(items))
	for i, it := range items {
		last[it.ID] = i
	}
	for i, it := range items {
		if last[it.ID] == i {
			placed = t.place(it, placed)
		}
	}
	return placed
}

func (t *tree) place(it remote.Item, placed []Node) []Node {
	if it.Deleted || t.told[it.ID] {
		return placed
	}
	if it.Root { // and not top
		t.told[it.ID], t.outside[it.ID] = true, true
		return t.adopt(it.ID, placed)
	}
	dir, below := t.path[it.ParentID]
	switch {
	case below:
		t.told[it.ID] = true
		n := Node{it, join(dir, it.Name)}
		if len(n.Path) > LongestPath {
			t.deep = true
			return placed
		}
		placed = append(placed, n)
		if it.Kind == remote.Folder {
			t.path[it.ID] = n.Path
		}
	case t.outside[it.ParentID]:
		if it.Kind != remote.Folder {
			return placed
		}
		t.told[it.ID], t.outside[it.ID] = true, true
	default:
		t.orphans[it.ParentID] = append(t.orphans[it.ParentID], it)
		return placed
	}
	if it.Kind == remote.Folder {
		placed = t.adopt(it.ID, placed)
	}
	return placed
}

// adopt places those that have waited for a folder. Of one that came more than
// once the last counts.
func (t *tree) adopt(id string, placed []Node) []Node {
	waiting := t.orphans[id]
	delete(t.orphans, id)
	for i := len(waiting) - 1; i >= 0; i-- {
		placed = t.place(waiting[i], placed)
	}
	return placed
}

// A memory is what the state knows of a drive, and what is new since.
type memory struct {
	d     *Drive
	top   state.Item
	fresh map[string]remote.Item   // what the feed has told since, deleted ones too
	under map[string][]remote.Item // the live ones of them, by the folder they are in
}

// mostNews is how many pages of news are read before the first line: with more,
// reading all afresh shows something sooner.
const mostNews = 3

// remembered asks the feed what is new since the state was last told. It reports
// false where the state is of no use: a fresh run is then the answer.
func (d *Drive) remembered(ctx context.Context, top remote.Item) (*memory, bool) {
	row, found, err := d.DB.ItemByID(d.Known.N, top.ID)
	if err != nil || !found || row.Gone {
		return nil, false
	}
	m := &memory{d: d, top: row, fresh: map[string]remote.Item{}, under: map[string][]remote.Item{}}
	pages := 0
	for page, err := range d.Client.DeltaRun(ctx, d.ID, d.Known.Cursor) {
		if pages++; err != nil || pages > mostNews {
			return nil, false // a full run says what is wrong, if anything is
		}
		for _, it := range page.Items {
			m.fresh[it.ID] = it
		}
	}
	for _, it := range m.fresh {
		if !it.Deleted && !it.Root {
			m.under[it.ParentID] = append(m.under[it.ParentID], it)
		}
	}
	return m, true
}

func (m *memory) all(yield func(Node, error) bool) {
	m.walk(m.top.ID, m.top.N, "", map[string]bool{m.top.ID: true}, yield)
}

// walk yields what is in a folder: what the state knows of it, but for items
// that the feed has told of since, and those.
func (m *memory) walk(id string, key int64, dir string, seen map[string]bool, yield func(Node, error) bool) bool {
	items := m.under[id]
	if key != 0 {
		rows, err := m.d.DB.ItemChildren(key)
		if err != nil {
			return yield(Node{}, err)
		}
		for _, row := range rows {
			if _, told := m.fresh[row.ID]; !told {
				items = append(items, m.d.item(row))
			}
		}
	}
	for _, it := range items {
		if seen[it.ID] {
			continue
		}
		seen[it.ID] = true
		n := Node{it, join(dir, it.Name)}
		if len(n.Path) > LongestPath {
			yield(Node{}, ErrTooDeep)
			return false
		}
		if !yield(n, nil) {
			return false
		}
		if it.Kind != remote.Folder {
			continue
		}
		row, _, err := m.d.DB.ItemByID(m.d.Known.N, it.ID)
		if err != nil {
			return yield(Node{}, err)
		}
		if !m.walk(it.ID, row.N, n.Path, seen, yield) {
			return false
		}
	}
	return true
}

// item is what the state knows of an item, as the service would tell it.
func (d *Drive) item(row state.Item) remote.Item {
	it := remote.Item{
		Drive: d.ID, ID: row.ID, ParentID: row.ParentID, Name: row.Name, Why: row.Why,
		Size: row.Size, Hash: row.Hash, ETag: row.ETag,
	}
	switch row.Kind {
	case 1, 4:
		it.Kind = remote.File
	case 2:
		it.Kind = remote.Folder
	default:
		it.Kind = remote.Opaque
	}
	if at := state.When(row.MTime); !at.IsZero() {
		it.MTime = at.UTC()
	}
	return it
}
