package remotetest

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// own refuses drives other than ours.
func (d *Drive) own(c *call) error {
	switch {
	case c.grant.app && !d.agreed:
		return refuse(http.StatusForbidden, "accessDenied", "The application has none of the permissions that are needed.")
	case c.user != "" && !d.owns(c.user):
		return errNotFound()
	case c.drive == "" && c.user == "" && c.grant.app:
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
	c.about = it
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
	c.about = it
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
	c.about = it
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
