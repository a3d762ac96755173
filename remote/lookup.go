package remote

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// escape encodes one segment of an address: an id, or a name from the disk,
// which may hold anything.
func escape(segment string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, ch := range []byte(segment) {
		switch {
		case ch >= 'a' && ch <= 'z', ch >= 'A' && ch <= 'Z', ch >= '0' && ch <= '9', strings.IndexByte("-._~!", ch) >= 0:
			b.WriteByte(ch)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
		}
	}
	return b.String()
}

func (c *Client) itemURL(drive, id string) string {
	return c.at("drives", escape(drive), "items", escape(id))
}

// childURL addresses a child by name, or an action on it. The cloud in China
// does not understand colons and an action together; quotes in its form are
// doubled.
func (c *Client) childURL(drive, parentID, name, action string) string {
	parent := c.itemURL(drive, parentID)
	switch {
	case strings.HasSuffix(c.graph.Hostname(), ".chinacloudapi.cn"):
		child := parent + "/children('" + escape(strings.ReplaceAll(name, "'", "''")) + "')"
		return strings.TrimSuffix(child+"/"+action, "/")
	case action == "":
		return parent + ":/" + escape(name)
	}
	return parent + ":/" + escape(name) + ":/" + action
}

// Root returns the drive's root.
func (c *Client) Root(ctx context.Context, drive string) (Item, error) {
	return c.item(ctx, drive, c.get("look at the drive's root", "", c.at("drives", escape(drive), "root")))
}

// Item returns the item with that id.
func (c *Client) Item(ctx context.Context, drive, id string) (Item, error) {
	return c.item(ctx, drive, c.get("look at an item", id, c.itemURL(drive, id)))
}

// ItemIn returns the child of that name. Personal drives have been seen to
// answer with a neighbour, so the answer is checked.
func (c *Client) ItemIn(ctx context.Context, drive, parentID, name string) (Item, error) {
	const op = "look up a name"
	it, err := c.item(ctx, drive, c.get(op, parentID, c.childURL(drive, parentID, name, "")))
	if err == nil && (!sameName(it.Name, name) || it.ParentID != NormItem(parentID)) {
		return Item{}, &Error{Op: op, kind: ErrNotFound, Message: "the service answered with another item"}
	}
	return it, err
}

// ItemAt returns the item at a path from the drive's root. It is for setting
// things up; afterwards ids are what counts.
func (c *Client) ItemAt(ctx context.Context, drive, path string) (Item, error) {
	return c.itemAlong(ctx, drive, c.at("drives", escape(drive), "root"), path)
}

// ItemBelow returns the item at a path from a folder.
func (c *Client) ItemBelow(ctx context.Context, drive, id, path string) (Item, error) {
	return c.itemAlong(ctx, drive, c.itemURL(drive, id), path)
}

func (c *Client) itemAlong(ctx context.Context, drive, at, path string) (Item, error) {
	const op = "look up a path"
	names := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(names) == 0 {
		return c.item(ctx, drive, c.get(op, "", at))
	}
	at += ":"
	for _, n := range names {
		at += "/" + escape(n)
	}
	it, err := c.item(ctx, drive, c.get(op, "", at))
	if err == nil && !sameName(it.Name, names[len(names)-1]) {
		return Item{}, &Error{Op: op, kind: ErrNotFound, Message: "the service answered with another item"}
	}
	return it, err
}

// sameName compares as the service does, near enough to see a wrong answer.
func sameName(a, b string) bool {
	return strings.EqualFold(norm.NFC.String(a), norm.NFC.String(b))
}

// item asks for one item.
func (c *Client) item(ctx context.Context, drive string, r *request) (Item, error) {
	var w wireItem
	if _, err := c.ask(ctx, r, &w); err != nil {
		return Item{}, err
	}
	if w.ID == "" {
		return Item{}, malformed(r.op, "no item came")
	}
	return w.item(drive), nil
}

// page is a page of items, of a listing or of the change feed.
type page struct {
	Items []Item
	Left  int // entries that were left out
	Next  string
	Delta string
}

// read reads a page of a drive, but for the entries that are to be left out.
func (p *page) read(r *response, drive string, leave func(*wireItem) bool) error {
	*p = page{}
	var held int64
	return r.object(func(name string) error {
		switch name {
		case "value":
			p.Items, p.Left, held = nil, 0, 0
			is, err := r.list(func() error {
				var w wireItem
				if err := r.value(&w); err != nil {
					return err
				}
				if leave(&w) {
					p.Left++
					return nil
				}
				it := w.item(drive)
				if held += it.weight(); held > maxPage {
					return &tooMuch{"a page with items of more than " + inBytes(maxPage)}
				}
				p.Items = append(p.Items, it)
				return nil
			})
			if is && p.Items == nil {
				p.Items = []Item{}
			}
			return err
		case "@odata.nextlink":
			return r.value(&p.Next)
		case "@odata.deltalink":
			return r.value(&p.Delta)
		}
		return r.skip()
	})
}

// Without this preference, new personal drives hide shortcuts, and what is
// hidden looks deleted.
var listing = map[string]string{"Prefer": "Include-Feature=AddToOneDrive"}

// Children lists a folder. It is no snapshot: what changes meanwhile may be
// missing or seen in both places, so absence here proves nothing. Only those are held
// that are wanted, nil wants all: so a folder may have more than fit in memory.
func (c *Client) Children(ctx context.Context, drive, id string, wanted func(Item) bool) ([]Item, error) {
	const op = "list a folder"
	var pages [][]Item // a list that grows would be held twice, again and again
	var trail Trail
	seen, held := newSeen(), int64(0)
	for link := c.itemURL(drive, id) + "/children?$top=1000"; link != ""; {
		p, err := c.page(ctx, op, drive, id, link, func(w *wireItem) bool { return w.ID == "" })
		if err != nil {
			return nil, err
		}
		fresh := p.Items[:0] // in place, for a page is large
		for _, it := range p.Items {
			if !seen.first(it.ID) {
				continue
			}
			if len(seen.sums) > mostKnown {
				it.Address = ""
			}
			if wanted == nil || wanted(it) {
				fresh = append(fresh, it)
				held += it.weight()
			}
		}
		if len(fresh) < len(p.Items)/2 { // the rest of the page would be held with it
			fresh = slices.Clone(fresh)
		}
		pages = append(pages, fresh)
		if held > mostListed {
			return nil, malformed(op, "more items in one folder than fit in %s", inBytes(mostListed))
		}
		if len(seen.sums) > mostInOne {
			return nil, malformed(op, "more than %d items in one folder", mostInOne)
		}
		if err := trail.Follow(op, p.Next, len(p.Items)+p.Left); err != nil {
			return nil, err
		}
		link = p.Next
	}
	return slices.Concat(pages...), nil
}

// page fetches a page. One without even a list is not an empty page: an
// intercepting proxy may answer {} to anything.
func (c *Client) page(ctx context.Context, op, drive, about, link string, leave func(*wireItem) bool) (page, error) {
	var p page
	r := c.get(op, about, link)
	r.header = listing
	if _, err := c.askFor(ctx, r, maxPage, func(a *response) error { return p.read(a, drive, leave) }); err != nil {
		return page{}, err
	}
	if p.Items == nil {
		return page{}, malformed(op, "no list came")
	}
	for _, l := range []string{p.Next, p.Delta} {
		if l != "" {
			if err := c.ownLink(op, l); err != nil {
				return page{}, err
			}
		}
	}
	return p, nil
}
