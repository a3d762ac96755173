package remotetest

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// A wish is what the body of a change may say.
type wish struct {
	Name   *string `json:"name"`
	Parent *struct {
		DriveID string `json:"driveId"`
		ID      string `json:"id"`
		Path    string `json:"path"`
	} `json:"parentReference"`
	Folder   *facet     `json:"folder"`
	File     *facet     `json:"file"`
	Info     *wishTimes `json:"fileSystemInfo"`
	Size     *int64     `json:"fileSize"`
	Source   string     `json:"@microsoft.graph.sourceUrl"`
	Conflict string     `json:"@microsoft.graph.conflictBehavior"`
}

type wishTimes struct {
	Born     *time.Time `json:"createdDateTime"`
	Modified *time.Time `json:"lastModifiedDateTime"`
}

func (t *wishTimes) check() error {
	if t == nil {
		return nil
	}
	for _, at := range []*time.Time{t.Born, t.Modified} {
		if at != nil && (at.Year() < 1970 || at.Year() > 2100) {
			return refuse(http.StatusBadRequest, "invalidRequest", "The date is out of range.", "invalidParameterFormat")
		}
	}
	return nil
}

// date sets the times a client wants.
func (d *Drive) date(it *item, t *wishTimes) {
	if t != nil && t.Born != nil {
		it.born = d.precise(*t.Born)
	}
	if t != nil && t.Modified != nil {
		it.modified = d.precise(*t.Modified)
	}
}

func conflict(behaviour, usual string) (string, error) {
	switch behaviour = cmp.Or(behaviour, usual); behaviour {
	case "fail", "replace", "rename":
		return behaviour, nil
	}
	return "", refuse(http.StatusBadRequest, "invalidRequest", "Invalid conflict behavior.", "invalidParameterFormat")
}

// allow refuses bad names.
func (d *Drive) allow(parent *item, name string, isDir bool) error {
	if why, inner := d.refusesName(parent, name, isDir); why != "" {
		return refuse(http.StatusBadRequest, "invalidRequest", why, inner)
	}
	return nil
}

// taken words a clash of names. The dictionary's equality has its own code.
func (d *Drive) taken(existing *item, name string) error {
	if foldCase(existing.name) != foldCase(name) {
		return refuse(http.StatusConflict, "nameAlreadyExists", "A similar name already exists.", "similarRelationshipNameAlreadyExists")
	}
	return errTaken()
}

func (d *Drive) postChild(c *call) (*reply, error) {
	if strings.HasPrefix(c.header.Get("Content-Type"), "multipart/") {
		return d.postMultipart(c)
	}
	parent, err := d.target(c)
	if err != nil {
		return nil, err
	}
	var w wish
	if err := c.json(&w); err != nil {
		return nil, err
	}
	if w.Name == nil || w.Folder == nil || !parent.isDir {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "A folder needs a name, a folder facet and a parent folder.")
	}
	behaviour, err := conflict(w.Conflict, "fail")
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(w.Info.check(), d.allow(parent, *w.Name, true)); err != nil {
		return nil, err
	}
	name := *w.Name
	if there := d.child(parent, name); there != nil {
		if behaviour != "rename" { // replacing a folder answers 409 where it was tried
			return nil, d.taken(there, name)
		}
		name = d.freeName(parent, name, true)
	}
	it := d.newItem(parent, name, true)
	d.date(it, w.Info)
	d.add(it)
	return d.show(c, http.StatusCreated, it), nil
}

func (d *Drive) patchItem(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	var w wish
	if err := cmp.Or(c.json(&w), d.checkMatch(c, it), w.Info.check()); err != nil {
		return nil, err
	}
	parent, err := d.newParent(it, &w)
	if err != nil {
		return nil, err
	}
	name := it.name
	if w.Name != nil {
		name = *w.Name
	}
	if parent != it.parent || name != it.name {
		if err := d.relocate(it, parent, name, w.Conflict); err != nil {
			return nil, err
		}
	}
	if w.Info != nil {
		d.change(it, func() {
			if d.opt.Kind.work() && !it.isDir {
				d.keepVersion(it)
			}
			d.date(it, w.Info)
			d.bump(it, false)
		})
	}
	return d.show(c, http.StatusOK, it), nil
}

// newParent finds where a change wants an item to be.
func (d *Drive) newParent(it *item, w *wish) (*item, error) {
	p := w.Parent
	if it.parent == nil && (p != nil || w.Name != nil) {
		return nil, refuse(http.StatusForbidden, "accessDenied", "The root cannot be moved or renamed.")
	}
	if p == nil || p.ID == "" && p.Path == "" {
		return it.parent, nil
	}
	if p.DriveID != "" && driveKey(p.DriveID) != d.id {
		return nil, refuse(http.StatusBadRequest, "notSupported", "Moving to another drive is not supported.")
	}
	parent := d.ids[idKey(p.ID)]
	if p.ID == "" {
		_, path, _ := strings.Cut(p.Path, "root:")
		parent = d.at(d.root, segments(unescape(path)))
	}
	switch {
	case parent == nil || parent.deleted || !parent.isDir:
		return nil, errNotFound()
	case parent.below(it):
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "An item cannot be moved below itself.")
	}
	return parent, nil
}

func (d *Drive) relocate(it, parent *item, name, behaviour string) error {
	behaviour, err := conflict(behaviour, "fail")
	if err != nil {
		return err
	}
	if err := d.allow(parent, name, it.isDir); err != nil {
		return err
	}
	if there := d.child(parent, name); there != nil && there != it {
		switch behaviour {
		case "fail":
			return d.taken(there, name)
		case "replace":
			d.remove(there)
		case "rename":
			name = d.freeName(parent, name, it.isDir)
		}
	}
	d.move(it, parent, name)
	return nil
}

func (d *Drive) deleteItem(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if it.parent == nil {
		return nil, refuse(http.StatusForbidden, "accessDenied", "The root cannot be deleted.")
	}
	if err := d.checkMatch(c, it); err != nil {
		return nil, err
	}
	d.remove(it)
	return answer(http.StatusNoContent, nil), nil
}
