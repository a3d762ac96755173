package remote

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const conflictBehavior = "@microsoft.graph.conflictBehavior"

// CreateFolder makes a folder; a taken name is [ErrExists]. Without an mtime, and with
// one that the service would refuse, it has the time at which it was made.
func (c *Client) CreateFolder(ctx context.Context, drive, parentID, name string, mtime time.Time) (Item, error) {
	body := map[string]any{"name": name, "folder": struct{}{}, conflictBehavior: "fail"}
	setTime(body, mtime)
	r := &request{
		op: "create a folder", method: http.MethodPost, url: c.itemURL(drive, parentID) + "/children", about: parentID, to: forGraph, json: body,
	}
	it, err := c.change(ctx, drive, r, func() (Item, bool) {
		it, err := c.ItemIn(ctx, drive, parentID, name)
		it.Met = true
		return it, err == nil && it.Kind == Folder
	})
	if err == nil {
		c.created.add(it.ID)
	}
	return it, err
}

// Move renames an item, or moves it to another folder of its drive, or both in
// one step. parentID "" leaves it where it is, name "" keeps the name. The
// mtime goes along, since a move may reset it; zero, and one that the service would
// refuse, is left out.
func (c *Client) Move(ctx context.Context, drive, id, etag, parentID, name string, mtime time.Time) (Item, error) {
	body := map[string]any{conflictBehavior: "fail"}
	if parentID != "" {
		body["parentReference"] = map[string]string{"id": parentID}
	}
	if name != "" {
		body["name"] = name
	}
	setTime(body, mtime)
	r := &request{
		op: "move an item", method: http.MethodPatch, url: c.itemURL(drive, id), about: id, to: forGraph,
		header: ifMatch(etag), json: body,
	}
	return c.change(ctx, drive, r, func() (Item, bool) {
		it, err := c.Item(ctx, drive, id)
		return it, err == nil && (parentID == "" || it.ParentID == NormItem(parentID)) && (name == "" || it.Name == name)
	})
}

// Delete moves an item, a folder with all that is in it, to the drive's recycle
// bin. [ErrNotFound] is no proof that it is gone already: the service does not
// find what was just made, by whomever, and now and then what is old.
func (c *Client) Delete(ctx context.Context, drive, id, etag string) error {
	r := &request{op: "delete an item", method: http.MethodDelete, url: c.itemURL(drive, id), about: id, to: forGraph, header: ifMatch(etag)}
	_, err := c.ask(ctx, r, new(wireItem))
	if err == nil {
		c.created.remove(id)
	}
	return err
}

// DeleteFolder moves a folder, with all that is in it, to the drive's recycle bin.
// The service offers no guard for what is in it, so look is called immediately
// before each attempt: no queue, no pause that the service asked for, and no wait
// before a repeat comes in between. It gives the version that is to be deleted (an
// eTag, or a cTag where the drive's folders have one); its error ends it all, and
// is returned as it is. What it asks of the client it must ask with its context.
func (c *Client) DeleteFolder(ctx context.Context, drive, id string, look func(context.Context) (version string, err error)) error {
	r := &request{op: "delete a folder", method: http.MethodDelete, url: c.itemURL(drive, id), about: id, to: forGraph}
	r.look = func(ctx context.Context) error {
		version, err := look(ctx)
		r.header = ifMatch(version)
		return err
	}
	_, err := c.ask(ctx, r, new(wireItem))
	if err == nil {
		c.created.remove(id)
	}
	return err
}

// Restore brings an item back from the recycle bin, with all that went with it,
// into a folder that is there, under its old name if name is empty. Only personal
// drives can: [ErrUnsupported] elsewhere. A taken name is [ErrExists].
func (c *Client) Restore(ctx context.Context, drive, id, parentID, name string) (Item, error) {
	to := map[string]any{"parentReference": map[string]string{"id": parentID}}
	if name != "" {
		to["name"] = name
	}
	r := &request{
		op: "restore an item", method: http.MethodPost, url: c.itemURL(drive, id) + "/restore", to: forGraph, json: to,
	}
	return c.change(ctx, drive, r, func() (Item, bool) {
		it, err := c.Item(ctx, drive, id)
		return it, err == nil && !it.Deleted
	})
}

// DeletePermanently deletes an item, a folder with all that is in it, past the
// recycle bin: nobody can bring it back. Personal drives cannot do that:
// [ErrUnsupported]. The service takes no eTag here, so who calls has looked just
// before.
func (c *Client) DeletePermanently(ctx context.Context, drive, id string) error {
	r := &request{op: "delete an item for good", method: http.MethodPost, url: c.itemURL(drive, id) + "/permanentDelete", to: forGraph}
	_, err := c.ask(ctx, r, new(wireItem))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// change sends r and returns the item as it is afterwards. done looks whether
// the work is done: asked when the answer was empty, and when a repeat was
// refused, since the first attempt may have been carried out unheard.
func (c *Client) change(ctx context.Context, drive string, r *request, done func() (Item, bool)) (Item, error) {
	var w wireItem
	told, err := c.ask(ctx, r, &w)
	switch {
	case err == nil && told && w.ID != "":
		return w.item(drive), nil
	case err == nil, r.unsure && (errors.Is(err, ErrExists) || errors.Is(err, ErrChanged)):
		if it, ok := done(); ok {
			return it, nil
		}
	}
	if err == nil {
		err = malformed(r.op, "no item came")
	}
	return Item{}, err
}

func ifMatch(etag string) map[string]string {
	if etag == "" {
		return nil
	}
	return map[string]string{"If-Match": etag}
}

// setTime lets the body of a change say an item's mtime, if the service takes such a
// time: it may tell of others.
func setTime(body map[string]any, mtime time.Time) {
	if mtime.Unix() == keepable(mtime).Unix() {
		body["fileSystemInfo"] = fileTimes(mtime)
	}
}

// fileTimes is an mtime as the service takes it: whole seconds, since most
// drives keep no more and fractions have been refused.
func fileTimes(mtime time.Time) map[string]string {
	return map[string]string{"lastModifiedDateTime": keepable(mtime).Format(time.RFC3339)}
}

// keepable is the time nearest to t that the service takes: no year before 1970,
// nor one that is certainly a mistake of some file system's.
func keepable(t time.Time) time.Time {
	sec := min(max(t.Unix(), 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	return time.Unix(sec, 0).UTC()
}

// SameTime reports whether two times of a file are one, as far as the service can
// be told: what it would take for either is the same.
func SameTime(a, b time.Time) bool { return keepable(a).Equal(keepable(b)) }
