package remotetest

import (
	"net/http"
	"strings"
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
	Files     int    `json:"fileCount,omitempty"`
}

func (d *Drive) getMe(c *call) (*reply, error) {
	if c.user != "" {
		return nil, refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	if c.grant.app {
		return nil, refuse(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
	}
	mail := d.opt.Account + "@example.com"
	return answer(http.StatusOK, map[string]string{
		"id": d.id, "displayName": d.opt.Account, "userPrincipalName": mail, "mail": mail,
	}), nil
}

// owns reports whether the drive is that of a user, by id or principal name.
func (d *Drive) owns(user string) bool {
	return strings.EqualFold(user, d.opt.Account+"@example.com") || user == d.id
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
	if d.opt.Kind.work() {
		q.Files = d.files()
	}
	owner := map[string]any{"user": map[string]string{
		"id": d.id, "displayName": d.opt.Account, "email": d.opt.Account + "@example.com"}}
	w := driveJSON{ID: d.id, Type: d.opt.Kind.driveType(), Name: "OneDrive", WebURL: c.base + "/web/", Owner: owner, Quota: q}
	if d.twists.has(DriftedIDs) && !d.opt.Kind.work() {
		w.ID = drift(w.ID)
	}
	return w
}
