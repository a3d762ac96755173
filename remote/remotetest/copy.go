package remotetest

import (
	"cmp"
	"net/http"
)

// copying is a copy that a client may ask after.
type copying struct {
	id    string
	polls int
}

func (d *Drive) postCopy(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	var w wish
	if err := c.json(&w); err != nil {
		return nil, err
	}
	if it.parent == nil {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "The root cannot be copied.")
	}
	parent, err := d.newParent(it, &w)
	if err != nil {
		return nil, err
	}
	name := it.name
	if w.Name != nil {
		name = *w.Name
	}
	behaviour := "fail"
	if d.opt.Kind.work() { // elsewhere it is not looked at
		behaviour, err = conflict(c.query.Get("@microsoft.graph.conflictBehavior"), behaviour)
	}
	if err := cmp.Or(err, d.allow(parent, name, it.isDir)); err != nil {
		return nil, err
	}
	if there := d.child(parent, name); there != nil {
		switch behaviour {
		case "fail":
			return nil, d.taken(there, name)
		case "replace":
			d.remove(there)
		case "rename":
			name = d.freeName(parent, name, it.isDir)
		}
	}
	if d.used()+it.size > d.quota {
		return nil, errQuota()
	}
	key := d.random(16)
	d.copies[key] = &copying{id: d.duplicate(it, parent, name).id}
	r := answer(http.StatusAccepted, nil)
	r.header.Set("Location", d.contentBase(c)+"/monitor/"+key+d.signature(key))
	return r, nil
}

// duplicate makes a copy of it and of all below. Times are not copied.
func (d *Drive) duplicate(it, parent *item, name string) *item {
	twin := d.newItem(parent, name, it.isDir)
	twin.body, twin.what = it.body, it.what
	if !it.isDir {
		twin.size = it.size
	}
	d.add(twin)
	for _, kid := range it.sorted() {
		if kid != twin {
			d.duplicate(kid, twin, kid.name)
		}
	}
	return twin
}

// getMonitor says once that the copy goes on, then that it is done.
func (d *Drive) getMonitor(c *call) (*reply, error) {
	job := d.copies[c.id]
	if job == nil {
		return nil, errNotFound()
	}
	if job.polls++; job.polls == 1 {
		return answer(http.StatusAccepted, map[string]any{"status": "inProgress", "percentageComplete": 27.8}), nil
	}
	return answer(http.StatusOK, map[string]any{"status": "completed", "percentageComplete": 100.0, "resourceId": job.id}), nil
}
