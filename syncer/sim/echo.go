package sim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A page is one of the change feed.
type page struct {
	Value []struct {
		ID, ETag      string
		File, Deleted *struct{}
	}
	Last  string `json:"@odata.deltaLink"`
	first bool   // of a listing of everything
}

func readPage(r *http.Request, body []byte) *page {
	p := &page{first: r.URL.Query().Get("token") == ""}
	if json.Unmarshal(body, p) != nil {
		return nil
	}
	return p
}

// reading is what the engine of a machine has read of the feed.
type reading struct {
	times map[string]int // how often, of each state of a file
	now   []string       // in the reading that is under way …
	whole bool           // … which is of everything: what changes meanwhile is told again after it
}

// reads holds an engine to reading what the feed tells once: I50. The feed of a drive
// that is behind, or odd in another way, may tell a state again.
func (m *machine) reads(p *page) {
	r := &m.reading
	if p.first || r.times == nil {
		r.times, r.now, r.whole = map[string]int{}, nil, true
	}
	m.stack.entries += len(p.Value)
	for _, e := range p.Value {
		if e.Deleted == nil {
			delete(r.times, e.ID+" ") // it may be deleted once more
		}
		if e.File != nil || e.Deleted != nil {
			r.now = append(r.now, e.ID+" "+strings.ReplaceAll(e.ETag, `"`, ""))
		}
	}
	if p.Last == "" {
		return
	}
	for _, state := range r.now {
		if r.whole {
			break
		}
		if r.times[state]++; r.times[state] > 1 && m.script.Lag == 0 && !m.stack.rest.odd.ever && !m.stack.opt.Lenient {
			m.fail("I50: the same news of the feed was read %d times: %q", r.times[state], state)
		}
	}
	r.now, r.whole = nil, false
}

// deleted holds an engine to deleting nothing online that is still here and nobody
// has deleted, but moved: I51.
func (m *machine) deleted(before map[string]string) {
	there, here := map[string]bool{}, map[string]string{}
	for _, text := range m.onlineTree() {
		there[text] = true
	}
	for at, text := range m.disk.tree() {
		here[text] = at
	}
	for _, at := range slices.Sorted(maps.Keys(before)) {
		text := before[at]
		to, moved := here[text]
		if _, taken := before[to]; taken {
			continue // by another file: which of the two it is does not matter any more
		}
		if v := m.ledger.all[text]; v != nil && !v.over && !v.back && !there[text] && moved {
			m.fail("I51: %q was deleted online, and %q was only moved here, to %q", at, text, to)
		}
	}
}
