package remotetest

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

// systemDrive is one of the hidden drives that the list of a personal account
// has, and which cannot be used.
const systemDrive = "b!systemcache0000000000000000000000000000000000000000000000000000000"

type driveJSON struct {
	ID     string     `json:"id"`
	Type   string     `json:"driveType"`
	Name   string     `json:"name"`
	WebURL string     `json:"webUrl"`
	Owner  any        `json:"owner,omitempty"`
	Quota  *quotaJSON `json:"quota,omitempty"`
}

type quotaJSON struct {
	Total     int64  `json:"total"`
	Used      int64  `json:"used"`
	Remaining int64  `json:"remaining"`
	Deleted   int64  `json:"deleted"`
	State     string `json:"state"`
}

func (d *Drive) getMe(c *call) (*reply, error) {
	if c.grant.app {
		return nil, refuse(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
	}
	mail := d.opt.Account + "@example.com"
	return answer(http.StatusOK, map[string]string{
		"id": d.id, "displayName": d.opt.Account, "userPrincipalName": mail, "mail": mail,
	}), nil
}

func (d *Drive) getDrive(c *call) (*reply, error) {
	if err := d.own(c); err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d.driveJSON(c)), nil
}

func (d *Drive) getDrives(c *call) (*reply, error) {
	list := []driveJSON{d.driveJSON(c)}
	if !d.opt.Kind.work() {
		list = append([]driveJSON{{ID: systemDrive, Type: "personal", Name: "PersonalCacheLibrary"}}, list...)
	}
	return answer(http.StatusOK, map[string]any{"value": list}), nil
}

func (d *Drive) driveJSON(c *call) driveJSON {
	q := &quotaJSON{Total: d.quota, Used: d.used(), Deleted: d.binned, Remaining: d.quota - d.used(), State: "normal"}
	switch {
	case q.Remaining <= 0:
		q.State = "exceeded"
	case q.Remaining < q.Total/100:
		q.State = "critical"
	case q.Remaining < q.Total/10:
		q.State = "nearing"
	}
	owner := map[string]any{"user": map[string]string{
		"id": d.id, "displayName": d.opt.Account, "email": d.opt.Account + "@example.com"}}
	w := driveJSON{ID: d.id, Type: d.opt.Kind.driveType(), Name: "OneDrive", WebURL: c.base + "/web/", Owner: owner, Quota: q}
	if d.twists.has(DriftedIDs) && !d.opt.Kind.work() {
		w.ID = drift(w.ID)
	}
	return w
}

// own refuses drives other than ours.
func (d *Drive) own(c *call) error {
	switch {
	case c.drive == "" && c.grant.app:
		return refuse(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
	case c.drive == "" || driveKey(c.drive) == d.id:
		return nil
	case c.drive == systemDrive && !d.opt.Kind.work():
		return errVault()
	case driveKey(c.drive) == otherDrive:
		return refuse(http.StatusForbidden, "accessDenied", "Access denied.")
	}
	return errNotFound()
}

// start finds the item that a path's steps go out from.
func (d *Drive) start(c *call) (*item, error) {
	if err := d.own(c); err != nil {
		return nil, err
	}
	switch {
	case c.special != "":
		return d.mkdirs(d.root, []string{cmp.Or(specialFolders[c.special], c.special)})
	case c.id == "":
		return d.root, nil
	}
	it := d.ids[idKey(c.id)]
	if it == nil || it.deleted || d.clock.Before(it.infant) {
		return nil, errNotFound()
	}
	if sealed(it.parent) {
		return nil, errVault()
	}
	return it, nil
}

var specialFolders = map[string]string{
	"documents": "Documents", "photos": "Pictures", "music": "Music", "approot": "Apps", "desktop": "Desktop",
}

// target finds the item that a call is about.
func (d *Drive) target(c *call) (*item, error) {
	top, err := d.start(c)
	if err != nil {
		return nil, err
	}
	it := d.at(top, c.steps)
	switch {
	case it == nil || d.clock.Before(it.infant):
		return nil, errNotFound()
	case sealed(it.parent):
		return nil, errVault()
	}
	return it, nil
}

// checkMatch holds If-Match and If-None-Match against the item, nil if none.
func (d *Drive) checkMatch(c *call, it *item) error {
	want := c.header.Get("If-Match")
	stale := want != "" && (it == nil || want != "*" && want != d.eTag(it) && want != d.cTag(it))
	if stale || c.header.Get("If-None-Match") == "*" && it != nil {
		return refuse(http.StatusPreconditionFailed, "resourceModified", "ETag does not match current item's value.", "entityTagDoesNotMatch")
	}
	return nil
}

func (d *Drive) getItem(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if tag := c.header.Get("If-None-Match"); tag != "" && tag == d.eTag(it) {
		return answer(http.StatusNotModified, nil), nil
	}
	return d.show(c, http.StatusOK, it), nil
}

func (d *Drive) show(c *call, status int, it *item) *reply {
	return answer(status, d.dress(c, it).only(c.members()))
}

// A listing is a page of children or of the feed.
type listing struct {
	Value []*dress `json:"value"`
	Next  string   `json:"@odata.nextLink,omitempty"`
	Delta string   `json:"@odata.deltaLink,omitempty"`
}

func (d *Drive) getChildren(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if it.what == Vault {
		return nil, errVault()
	}
	n, err := c.top(200, 1000)
	if err != nil {
		return nil, err
	}
	skip, err := base64.RawURLEncoding.DecodeString(c.query.Get("$skiptoken"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "The skip token is malformed.", "invalidStartIndex")
	}
	page := listing{Value: []*dress{}}
	kids := it.sorted()
	first := sort.Search(len(kids), func(i int) bool { return kids[i].name > string(skip) })
	for i := first; i < len(kids); i++ {
		if len(page.Value) == n {
			page.Next = c.next("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte(kids[i-1].name)))
			break
		}
		if kid := kids[i]; !d.clock.Before(kid.infant) && !d.hidden(c, kid) {
			page.Value = append(page.Value, d.dress(c, kid).only(c.members()))
		}
	}
	return answer(http.StatusOK, page), nil
}

// next is the address of this call with one option changed.
func (c *call) next(option, value string) string {
	q := url.Values{}
	for k, v := range c.query {
		q[k] = v
	}
	q.Set(option, value)
	path := c.tail
	if c.arg != "" {
		path = path[:strings.LastIndex(path, "(")]
	}
	return c.root + path + "?" + q.Encode()
}

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
