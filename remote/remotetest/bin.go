package remotetest

import "net/http"

// Restoring is for personal drives, deleting for good for work drives.

func (d *Drive) postRestore(c *call) (*reply, error) {
	if err := d.own(c); err != nil {
		return nil, err
	}
	if d.opt.Kind.work() {
		return nil, refuse(http.StatusNotImplemented, "notSupported", "Restoring is not supported for this drive.")
	}
	it := d.ids[idKey(c.id)]
	if it == nil || !it.deleted {
		return nil, errNotFound()
	}
	var w wish
	if len(c.body) > 0 {
		if err := c.json(&w); err != nil {
			return nil, err
		}
	}
	parent, err := d.newParent(it, &w)
	if err != nil {
		return nil, err
	}
	name := it.name
	if w.Name != nil {
		name = *w.Name
	}
	if parent == nil || parent.deleted {
		return nil, errNotFound()
	}
	if there := d.child(parent, name); there != nil {
		return nil, d.taken(there, name)
	}
	d.restore(it, parent, name)
	return d.show(c, http.StatusOK, it), nil
}

func (d *Drive) postPermanentDelete(c *call) (*reply, error) {
	if !d.opt.Kind.work() {
		return nil, refuse(http.StatusMethodNotAllowed, "notAllowed", "Deleting for good is not supported for this drive.")
	}
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if it.parent == nil {
		return nil, refuse(http.StatusForbidden, "accessDenied", "The root cannot be deleted.")
	}
	d.remove(it)
	d.binned -= it.size
	return answer(http.StatusNoContent, nil), nil
}
