package task

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tandem/remote"
)

// TestFoldersNestedDeeperThanAnyCanBeEndTheListing: each path would be longer than the one
// before, and all of them together fill the memory.
func TestFoldersNestedDeeperThanAnyCanBeEndTheListing(t *testing.T) {
	var items []remote.Item
	for i := range 4000 {
		items = append(items, remote.Item{ID: fmt.Sprint(i + 1), ParentID: fmt.Sprint(i), Name: strings.Repeat("x", 250), Kind: remote.Folder})
	}
	pages := func(yield func(remote.DeltaPage, error) bool) {
		for len(items) > 0 && yield(remote.DeltaPage{Items: items[:1000]}, nil) {
			items = items[1000:]
		}
	}
	var last error
	bytes := 0
	(&Drive{Kind: "personal"}).feed(pages, remote.Item{ID: "0"}, func(n Node, err error) bool {
		last, bytes = err, bytes+len(n.Path)
		return err == nil
	})
	if !errors.Is(last, ErrTooDeep) || bytes > 10*LongestPath {
		t.Errorf("%v, after %d bytes of paths", last, bytes)
	}
}
