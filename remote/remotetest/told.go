package remotetest

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
)

// dictateHeaders gives an answer the headers that faults tell.
func (t twists) dictateHeaders(r *reply) {
	for _, f := range t {
		for line := range strings.Lines(f.Header) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				r.header.Set(name, value)
			}
		}
	}
}

// dictateMembers puts the members that faults tell in the place of those of the answer, and
// of each item in its list. What does not have the form of an answer is left as it is.
func (t twists) dictateMembers(r *reply) {
	for _, f := range t {
		if f.Members+f.Items == "" || r.json == nil {
			continue
		}
		var told map[string]any
		if text, err := json.Marshal(r.json); err != nil || decode(text, &told) != nil {
			continue
		}
		merge(told, f.Members)
		for _, list := range []string{"value", "responses"} {
			items, _ := told[list].([]any)
			for _, it := range items {
				if it, ok := it.(map[string]any); ok {
					merge(it, f.Items)
				}
			}
		}
		r.json = told
	}
}

func merge(into map[string]any, members string) {
	var told map[string]any
	if members != "" && decode([]byte(members), &told) == nil {
		maps.Copy(into, told)
	}
}

// decode leaves numbers as they are written, however large.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}
