package remote

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

const feed = graphURL + "/drives/d/root/delta?token="

func TestThePagesOfTheFeedAreFollowedToTheLetter(t *testing.T) {
	rec := record(script(
		answer(200, `{"value":[{"id":"r","root":{},"folder":{}},{"id":"a","name":"a","file":{},"parentReference":{"id":"r"}}],"@odata.nextLink":"`+feed+`A%2fB"}`),
		answer(200, `{"value":[],"@odata.nextLink":"`+graphURL+`/drives/d/root/delta?(token='C')"}`),
		answer(200, `{"value":[{"id":"a","deleted":{}}],"@odata.deltaLink":"`+feed+`end"}`),
	))
	c := newTestClient(t, rec)
	var items []string
	var cursor string
	for page, err := range c.DeltaRun(t.Context(), "d", "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			items = append(items, it.ID)
		}
		cursor = page.Cursor
	}
	if got := strings.Join(items, " "); got != "r a a" || cursor != feed+"end" {
		t.Errorf("items %q, cursor %q", got, cursor)
	}
	want := []string{
		"GET graph.example/v1.0/drives/d/root/delta?$top=1000",
		"GET graph.example/v1.0/drives/d/root/delta?token=A%2fB",
		"GET graph.example/v1.0/drives/d/root/delta?(token='C')",
	}
	if got := rec.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, r := range rec.seen {
		if got := r.Header.Get("Prefer"); got != "Include-Feature=AddToOneDrive" {
			t.Errorf("%s: Prefer %q", r.URL, got)
		}
	}
}

// None of these is an empty feed.
func TestAPageThatMakesNoSenseIsNoEndOfTheFeed(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no link":         answer(200, `{"value":[]}`),
		"both links":      answer(200, `{"value":[],"@odata.nextLink":"`+feed+`a","@odata.deltaLink":"`+feed+`b"}`),
		"no list":         answer(200, `{"@odata.deltaLink":"`+feed+`b"}`),
		"list is null":    answer(200, `{"value":null,"@odata.deltaLink":"`+feed+`b"}`),
		"list is no list": answer(200, `{"value":{},"@odata.deltaLink":"`+feed+`b"}`),
		"empty object":    answer(200, `{}`),
		"empty":           answer(200, ``),
		"HTML":            answer(200, `<html>`),
		"link elsewhere":  answer(200, `{"value":[],"@odata.nextLink":"https://evil.example/v1.0/drives/d/root/delta?token=a"}`),
		"plain http":      answer(200, `{"value":[],"@odata.deltaLink":"http://graph.example/v1.0/drives/d/root/delta?token=a"}`),
		"with a user":     answer(200, `{"value":[],"@odata.deltaLink":"https://u@graph.example/v1.0/drives/d/root/delta?token=a"}`),
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, h)
			page, err := c.Delta(t.Context(), "d", "")
			if !errors.Is(err, ErrMalformed) || page.Cursor != "" {
				t.Errorf("got %+v, %v", page, err)
			}
		})
	}
}

func TestAFeedThatRunsInACircleIsAborted(t *testing.T) {
	c := newTestClient(t, script(
		answer(200, `{"value":[],"@odata.nextLink":"`+feed+`a"}`),
		answer(200, `{"value":[],"@odata.nextLink":"`+feed+`b"}`),
		answer(200, `{"value":[],"@odata.nextLink":"`+feed+`a"}`),
	))
	var last error
	for _, err := range c.DeltaRun(t.Context(), "d", "") {
		last = err
	}
	if !errors.Is(last, ErrMalformed) || c.Requests() != 3 {
		t.Errorf("%v after %d requests", last, c.Requests())
	}
}

func TestACursorIsSentToGraphOnly(t *testing.T) {
	c := newTestClient(t, answer(200, `{}`))
	_, err := c.Delta(t.Context(), "d", "https://evil.example/v1.0/drives/d/root/delta?token=a")
	if !errors.Is(err, ErrMalformed) || c.Requests() != 0 {
		t.Errorf("%v after %d requests", err, c.Requests())
	}
}

func TestWhenTheFeedHasToBeReadAnew(t *testing.T) {
	root := answer(200, `{"id":"r","root":{}}`)
	gone := coded(404, "itemNotFound", "")
	for _, tt := range []struct {
		name     string
		h        http.HandlerFunc
		link     string
		want     error
		location string
	}{
		{"apply", coded(410, "resyncChangesApplyDifferences", "", "Location", feed+"fresh"), feed + "old", ErrResync, feed + "fresh"},
		{"upload", coded(410, "resyncChangesUploadDifferences", "", "Location", feed+"fresh"), feed + "old", ErrResync, feed + "fresh"},
		{"without an address", coded(410, "resyncRequired", ""), feed + "old", ErrResync, ""},
		{"address elsewhere", coded(410, "resyncRequired", "", "Location", "https://evil.example/x"), feed + "old", ErrResync, ""},
		{"state not found", coded(400, "syncStateNotFound", ""), feed + "old", ErrResync, ""},
		{"malformed token", coded(400, "invalidRequest", "Provided sync token is malformed"), feed + "old", ErrResync, ""},
		{"404 in the middle", script(gone, root), feed + "old", ErrResync, ""},
		{"404 and the root is gone too", gone, feed + "old", ErrNotFound, ""},
		{"404 at the start", gone, "", ErrNotFound, ""},
		{"a gateway", answer(504, ""), feed + "old", ErrThrottled, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestClient(t, tt.h)
			page, err := c.Delta(t.Context(), "d", tt.link)
			var e *Error
			if !errors.Is(err, tt.want) || !errors.As(err, &e) || e.Location != tt.location || page.Resync != tt.location {
				t.Errorf("got %+v, %v", page, err)
			}
		})
	}
}

func TestGhostsFromOtherDrivesAreLeftOut(t *testing.T) {
	c := newTestClient(t, answer(200, `{"value":[
		{"id":"1","parentReference":{"driveId":"ABC"}},
		{"id":"2","deleted":{},"parentReference":{"driveId":"ABC"}},
		{"id":"3","name":"x","file":{},"parentReference":{"driveId":"24470056F5C3E43"}},
		{"id":"4","parentReference":{"driveId":"24470056F5C3E43"}},
		{"name":"no id","file":{}}
	],"@odata.deltaLink":"`+feed+`b"}`))
	page, err := c.Delta(t.Context(), "024470056f5c3e43", "")
	var ids []string
	for _, it := range page.Items {
		ids = append(ids, it.ID)
	}
	if got := strings.Join(ids, " "); err != nil || got != "2 3 4" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAListingIsReadToItsEnd(t *testing.T) {
	rec := record(script(
		answer(200, `{"value":[{"id":"a","file":{}}],"@odata.nextLink":"`+graphURL+`/p2"}`),
		answer(200, `{"value":[],"@odata.nextLink":"`+graphURL+`/p3"}`),
		answer(200, `{"value":[{"id":"a","file":{}},{"id":"b","remoteItem":{}}]}`),
	))
	items, err := newTestClient(t, rec).Children(t.Context(), "d", "p", nil)
	if err != nil || len(items) != 2 || items[0].ID != "a" || items[1].Kind != Opaque {
		t.Errorf("got %v, %v", items, err)
	}
	if got := rec.seen[2].Header.Get("Prefer"); got != "Include-Feature=AddToOneDrive" {
		t.Errorf("Prefer %q on the last page", got)
	}
	_, err = newTestClient(t, answer(200, `{"value":[],"@odata.nextLink":"`+graphURL+`/p"}`)).Children(t.Context(), "d", "p", nil)
	if !errors.Is(err, ErrMalformed) {
		t.Errorf("a circle: %v", err)
	}
}

func TestAnAnswerByNameIsChecked(t *testing.T) {
	for _, tt := range []struct {
		body, name string
		want       error
	}{
		{`{"id":"a","name":"Report.txt","file":{},"parentReference":{"id":"p"}}`, "report.TXT", nil},
		{`{"id":"a","name":"caf\u00e9","file":{},"parentReference":{"id":"p"}}`, "cafe\u0301", nil},
		{`{"id":"a","name":"v1.0.0","file":{},"parentReference":{"id":"p"}}`, "v2.0.0", ErrNotFound},
		{`{"id":"a","name":"x","file":{},"parentReference":{"id":"q"}}`, "x", ErrNotFound},
	} {
		_, err := newTestClient(t, answer(200, tt.body)).ItemIn(t.Context(), "d", "p", tt.name)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.body, err, tt.want)
		}
	}
}

func TestPathsAreForTheRootToo(t *testing.T) {
	rec := record(script(answer(200, `{"id":"r","root":{}}`), answer(200, `{"id":"x","name":"B c","folder":{}}`), answer(200, `{"id":"x","name":"other","folder":{}}`)))
	c := newTestClient(t, rec)
	if it, err := c.ItemAt(t.Context(), "d", "/"); err != nil || !it.Root {
		t.Errorf("got %+v, %v", it, err)
	}
	if it, err := c.ItemAt(t.Context(), "d", "/a/b c/"); err != nil || it.ID != "x" {
		t.Errorf("got %+v, %v", it, err)
	}
	if _, err := c.ItemAt(t.Context(), "d", "a/b"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if got, want := rec.lines()[1], "GET graph.example/v1.0/drives/d/root:/a/b%20c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPagesOfWhatMeansNothingAreNoEmptyOnes: a drive on which much is shared by others has
// been seen to have many of them in a row.
func TestPagesOfWhatMeansNothingAreNoEmptyOnes(t *testing.T) {
	const pages = mostEmpty + 100
	n := 0
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n <= pages {
			fmt.Fprintf(w, `{"value":[{"id":"g%d","parentReference":{"driveId":"other"}}],"@odata.nextLink":"%s/p?n=%d"}`, n, graphURL, n)
			return
		}
		fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s/end"}`, graphURL)
	}))
	var last DeltaPage
	for page, err := range c.DeltaRun(t.Context(), "d", "") {
		if last = page; err != nil {
			t.Fatalf("after %d pages: %v", n, err)
		}
	}
	if last.Cursor == "" || n != pages+1 {
		t.Errorf("%d pages, the last is %+v", n, last)
	}
}

// TestOfAFolderOnlyThoseAreHeldThatAreWanted: it may have more than fit in memory.
func TestOfAFolderOnlyThoseAreHeldThatAreWanted(t *testing.T) {
	const pages = 200 // each with a thousand
	page := 0
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"value":[`)
		for i := range 1000 {
			fmt.Fprintf(w, `{"id":"%d-%d","name":"n","file":{}},`, page, i)
		}
		fmt.Fprint(w, `{"id":"twice","name":"n","file":{}}]`)
		if page++; page < pages {
			fmt.Fprintf(w, `,"@odata.nextLink":"%s/p?n=%d"`, graphURL, page)
		}
		fmt.Fprint(w, `}`)
	}))
	before, held := heap(), int64(0)
	items, err := c.Children(t.Context(), "d", "p", func(it Item) bool {
		if it.ID == "199-999" {
			held = heap() - before
		}
		return it.ID == "twice" || strings.HasSuffix(it.ID, "-999")
	})
	if err != nil || len(items) != pages+1 {
		t.Errorf("%d items, %v", len(items), err)
	}
	if held > 32<<20 { // what they were, and that they were seen
		t.Errorf("%d MiB are held", held>>20)
	}
	page = 0
	if _, err := c.Children(t.Context(), "d", "p", nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("all of them: %v", err)
	}
}

// heap is how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
