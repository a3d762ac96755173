package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sentJSON decodes the body of the n-th request.
func sentJSON(t *testing.T, rec *recorder, n int) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(rec.body[n]), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAFolderIsMadeOnlyWhereNoneIs(t *testing.T) {
	rec := record(answer(201, `{"id":"f","name":"New","folder":{}}`))
	it, err := newTestClient(t, rec).CreateFolder(t.Context(), "d", "p", "New", time.Time{})
	if err != nil || it.ID != "f" {
		t.Fatalf("got %+v, %v", it, err)
	}
	if v := sentJSON(t, rec, 0); v[conflictBehavior] != "fail" || v["name"] != "New" || v["folder"] == nil {
		t.Errorf("sent %v", v)
	}
	_, err = newTestClient(t, coded(409, "nameAlreadyExists", "")).CreateFolder(t.Context(), "d", "p", "New", time.Time{})
	if !errors.Is(err, ErrExists) {
		t.Error(err)
	}
}

// The folder is there, we were not told.
func TestAFolderThatWasMadeUnheardIsAdopted(t *testing.T) {
	found := answer(200, `{"id":"f","name":"New","folder":{},"parentReference":{"id":"p"}}`)
	for name, h := range map[string]http.HandlerFunc{
		"empty answer": script(answer(200, ""), found),
		"answer lost":  script(answer(504, ""), coded(409, "nameAlreadyExists", ""), found),
	} {
		it, err := newTestClient(t, h).CreateFolder(t.Context(), "d", "p", "New", time.Time{})
		if err != nil || it.ID != "f" {
			t.Errorf("%s: got %+v, %v", name, it, err)
		}
	}
	file := answer(200, `{"id":"x","name":"New","file":{},"parentReference":{"id":"p"}}`)
	_, err := newTestClient(t, script(answer(504, ""), coded(409, "nameAlreadyExists", ""), file)).CreateFolder(t.Context(), "d", "p", "New", time.Time{})
	if !errors.Is(err, ErrExists) {
		t.Errorf("a file has the name: %v", err)
	}
}

func TestARenameAndAMoveAreOneRequest(t *testing.T) {
	rec := record(answer(200, `{"id":"i","name":"b","file":{}}`))
	c := newTestClient(t, rec)
	mtime := time.Date(2026, 1, 1, 0, 0, 0, 5, time.UTC)
	if _, err := c.Move(t.Context(), "d", "i", "e1", "q", "b", mtime); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Move(t.Context(), "d", "i", "", "", "b", time.Time{}); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(sentJSON(t, rec, 0))
	want := `{"@microsoft.graph.conflictBehavior":"fail","fileSystemInfo":{"lastModifiedDateTime":"2026-01-01T00:00:00Z"},"name":"b","parentReference":{"id":"q"}}`
	if err != nil || string(got) != want || rec.seen[0].Header.Get("If-Match") != "e1" {
		t.Errorf("sent %s, If-Match %q", got, rec.seen[0].Header.Get("If-Match"))
	}
	if v := sentJSON(t, rec, 1); len(v) != 2 || rec.seen[1].Header["If-Match"] != nil {
		t.Errorf("sent %v, If-Match %q", v, rec.seen[1].Header["If-Match"])
	}
}

func TestAMoveThatWasCarriedOutUnheardIsRecognised(t *testing.T) {
	there := answer(200, `{"id":"i","name":"b","eTag":"e2","file":{},"parentReference":{"id":"q"}}`)
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		want error
	}{
		"no content":              {script(answer(204, ""), there), nil},
		"answer lost":             {script(answer(500, ""), answer(412, ""), there), nil},
		"changed by someone else": {script(answer(500, ""), answer(412, ""), answer(200, `{"id":"i","name":"c","file":{}}`)), ErrChanged},
		"changed before":          {answer(412, ""), ErrChanged},
	} {
		it, err := newTestClient(t, tt.h).Move(t.Context(), "d", "i", "e1", "q", "b", time.Time{})
		if !errors.Is(err, tt.want) || err == nil && it.ETag != "e2" {
			t.Errorf("%s: got %+v, %v", name, it, err)
		}
	}
}

func TestADeleteSaysWhatCameOfIt(t *testing.T) {
	for status, want := range map[int]error{204: nil, 404: ErrNotFound, 412: ErrChanged, 423: ErrLocked, 403: ErrDenied} {
		rec := record(answer(status, ""))
		err := newTestClient(t, rec).Delete(t.Context(), "d", "i", "e1")
		if !errors.Is(err, want) || rec.seen[0].Header.Get("If-Match") != "e1" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// What was made a moment ago may answer 404 though it is there; what we have
// deleted since is not there.
func TestADeletedNewbornIsNotWaitedFor(t *testing.T) {
	rec := record(script(answer(201, `{"id":"f","name":"New","folder":{},"parentReference":{"id":"p"}}`), answer(204, ""), answer(404, "")))
	c := newTestClient(t, rec)
	if _, err := c.CreateFolder(t.Context(), "d", "p", "New", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), "d", "f", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Item(t.Context(), "d", "f"); !errors.Is(err, ErrNotFound) || len(rec.seen) != 3 {
		t.Errorf("the deleted folder answers %v after %d requests, want 3", err, len(rec.seen))
	}
}

func TestTimesAreSentAsTheServiceTakesThem(t *testing.T) {
	for in, want := range map[time.Time]string{
		time.Date(2026, 1, 1, 10, 0, 0, 999e6, time.FixedZone("", -3600)): "2026-01-01T11:00:00Z",
		time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC):                       "1970-01-01T00:00:00Z",
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC):                       "2100-01-01T00:00:00Z",
	} {
		if got := fileTimes(in)["lastModifiedDateTime"]; got != want {
			t.Errorf("%v: got %s, want %s", in, got, want)
		}
	}
}

func TestAMoveTakesATimeAlongThatTheServiceWouldTake(t *testing.T) {
	for in, want := range map[string]bool{"1601-01-01T00:00:00Z": false, "1969-12-31T23:59:59Z": false, "1970-01-01T00:00:00Z": true, "2026-01-01T00:00:00Z": true, "2262-01-01T00:00:00Z": false} {
		at, err := time.Parse(time.RFC3339, in)
		if err != nil {
			t.Fatal(err)
		}
		rec := record(answer(200, `{"id":"f","name":"New","file":{},"parentReference":{"id":"p"}}`))
		c := newTestClient(t, rec)
		if _, err := c.Move(t.Context(), "d", "f", "", "", "New", at); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(rec.body[0], "lastModifiedDateTime"); got != want {
			t.Errorf("%s goes along: %v", in, got)
		}
	}
}

// batcher answers $batch requests part by part.
func batcher(t *testing.T, part func(n int, id string, p map[string]any) string) *recorder {
	calls := 0
	return record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Requests []map[string]any }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			coded(404, "itemNotFound", "")(w, r)
			return
		}
		calls++
		if len(in.Requests) > 20 {
			t.Errorf("%d parts", len(in.Requests))
		}
		var out []string
		for _, p := range in.Requests {
			id := p["id"].(string)
			if s := part(calls, id, p); s != "" {
				out = append([]string{`{"id":"` + id + `",` + s + `}`}, out...) // any order will do
			}
		}
		io.WriteString(w, `{"responses":[`+strings.Join(out, ",")+`]}`)
	}))
}

func TestTimesAreSetTwentyAtOnce(t *testing.T) {
	rec := batcher(t, func(_ int, id string, p map[string]any) string {
		h := p["headers"].(map[string]any)
		if p["method"] != "PATCH" || h["If-Match"] != "e" || h["Content-Type"] != "application/json" {
			t.Errorf("part %v", p)
		}
		item := strings.TrimPrefix(p["url"].(string), "/drives/d/items/")
		return `"status":200,"body":{"id":"` + item + `","eTag":"e2","file":{}}`
	})
	var stamps []Stamp
	for _, id := range strings.Split("abcdefghijklmnopqrstuvwxy", "") {
		stamps = append(stamps, Stamp{ID: id, ETag: "e", MTime: time.Unix(1e9, 0)})
	}
	results, err := newTestClient(t, rec).SetTimes(t.Context(), "d", stamps)
	if err != nil || len(results) != 25 || len(rec.seen) != 2 {
		t.Fatalf("%d results in %d requests, %v", len(results), len(rec.seen), err)
	}
	for i, r := range results {
		if r.Err != nil || r.Item.ID != stamps[i].ID || r.Item.ETag != "e2" {
			t.Errorf("%d: got %+v", i, r)
		}
	}
}

func TestOnlyThePartsThatMaySucceedAreRepeated(t *testing.T) {
	clock := newStepClock()
	rec := batcher(t, func(call int, _ string, p map[string]any) string {
		const fine = `"status":200,"body":{"id":"x","file":{}}`
		switch id := strings.TrimPrefix(p["url"].(string), "/drives/d/items/"); {
		case id == "1" && call == 1:
			return `"status":429,"headers":{"retry-after":"40"},"body":{"error":{"code":"activityLimitReached"}}`
		case id == "2" && call < 3:
			return `"status":503,"body":{"error":{"code":"serviceNotAvailable"}}`
		case id == "3":
			return `"status":412,"body":{"error":{"code":"resourceModified"}}`
		case id == "4":
			return `"status":404,"body":"rubbish"`
		case id == "5":
			return ""
		}
		return fine
	})
	c := newTestClient(t, rec, func(cfg *Config) { cfg.Clock = clock })
	stamps := make([]Stamp, 6)
	for i := range stamps {
		stamps[i].ID = strconv.Itoa(i)
	}
	results, err := c.SetTimes(t.Context(), "d", stamps)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, nil, nil, ErrChanged, ErrNotFound, ErrMalformed} {
		if !errors.Is(results[i].Err, want) {
			t.Errorf("%d: got %v, want %v", i, results[i].Err, want)
		}
	}
	var parts []int
	for n := range rec.seen {
		parts = append(parts, len(sentJSON(t, rec, n)["requests"].([]any)))
	}
	if len(parts) != 3 || parts[0] != 6 || parts[1] != 2 || parts[2] != 1 || clock.total() < 40*time.Second {
		t.Errorf("parts %v, waited %v", parts, clock.total())
	}
}

func TestAPartThatCannotBeServedNowHoldsBackNoneOfTheOthers(t *testing.T) {
	clock := newStepClock()
	rec := batcher(t, func(_ int, id string, _ map[string]any) string {
		switch id {
		case "0":
			return `"status":404,"body":{"error":{"code":"itemNotFound"}}`
		case "1":
			return `"status":429,"headers":{"retry-after":"40"},"body":{"error":{"code":"activityLimitReached"}}`
		}
		return `"status":200,"body":{"id":"c","file":{}}`
	})
	c := newTestClient(t, rec, func(cfg *Config) { cfg.Clock = clock })
	c.created.add("a")
	results, err := c.TrySetTimes(t.Context(), "d", []Stamp{{ID: "a"}, {ID: "b"}, {ID: "c"}})
	if err != nil || len(rec.seen) != 1 || clock.total() > 0 {
		t.Fatalf("%v, after %d requests and %v", err, len(rec.seen), clock.total())
	}
	if !errors.Is(results[0].Err, ErrNotFound) || results[0].Passing() || !results[1].Passing() || results[2].Err != nil {
		t.Errorf("got %+v", results)
	}
	if c.account.pause() <= 0 {
		t.Error("what throttles one part throttles the account")
	}
}

// The service deletes what is in a folder with it, whatever that is by then: so it
// is looked at immediately before each attempt, and after any pause.
func TestAFolderIsLookedAtImmediatelyBeforeEachAttemptToDeleteIt(t *testing.T) {
	var lines []string
	answers := map[string][]int{"DELETE": {503, 429, 204}, "GET": {200, 200, 429, 200, 200}}
	clock := newStepClock()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lines = append(lines, r.Method)
		status := answers[r.Method][0]
		answers[r.Method] = answers[r.Method][1:]
		if status == 429 {
			w.Header().Set("Retry-After", "30")
		}
		answer(status, `{"id":"x"}`)(w, r)
	})
	c := newTestClient(t, h, func(cfg *Config) { cfg.Clock, cfg.Parallel = clock, 1 }) // one place: a look that wanted another would wait for ever
	looks := 0
	err := c.DeleteFolder(t.Context(), "d", "f", func(ctx context.Context) (string, error) {
		looks++
		_, err := c.Item(ctx, "d", "f")
		return "e", err
	})
	if got := strings.Join(lines, " "); err != nil || got != "GET DELETE GET DELETE GET GET DELETE" {
		t.Errorf("%v, after %d looks: %s", err, looks, got)
	}
	if c.account.busy != 0 {
		t.Errorf("%d places are still taken", c.account.busy)
	}
	wanted := errors.New("there is something new in it")
	if err := c.DeleteFolder(t.Context(), "d", "f", func(context.Context) (string, error) { return "", wanted }); !errors.Is(err, wanted) || c.account.busy != 0 {
		t.Errorf("got %v, with %d places taken", err, c.account.busy)
	}
}

func TestTimesThatWereSetUnheardAreRecognised(t *testing.T) {
	steps := script(answer(504, ""),
		answer(200, `{"responses":[{"id":"0","status":412,"body":{}}]}`),
		answer(200, `{"id":"i","eTag":"e2","file":{},"fileSystemInfo":{"lastModifiedDateTime":"2001-09-09T01:46:40Z"}}`))
	results, err := newTestClient(t, steps).SetTimes(t.Context(), "d", []Stamp{{"i", "e1", time.Unix(1e9, 5)}})
	if err != nil || results[0].Err != nil || results[0].Item.ETag != "e2" {
		t.Errorf("got %+v, %v", results, err)
	}
}

func TestADriveMayNotTellItsSize(t *testing.T) {
	d, err := newTestClient(t, answer(200, `{"id":"24470056F5C3E43","driveType":"personal","owner":{"user":{"displayName":"Ann"}},"quota":null}`)).Drive(t.Context(), "")
	want := Drive{ID: "024470056f5c3e43", Kind: "personal", Owner: "Ann"}
	if err != nil || d != want {
		t.Errorf("got %+v, %v", d, err)
	}
	rec := record(answer(200, `{"id":"b!X","driveType":"documentLibrary","owner":{"group":{"displayName":"Team"}},"quota":{"total":10,"used":4,"remaining":6,"state":"normal"}}`))
	d, err = newTestClient(t, rec).Drive(t.Context(), "b!X")
	want = Drive{ID: "b!X", Kind: "documentLibrary", Owner: "Team", Total: 10, Used: 4, Remaining: 6, State: "normal"}
	if err != nil || d != want || rec.lines()[0] != "GET graph.example/v1.0/drives/b!X" {
		t.Errorf("got %+v, %v", d, err)
	}
}
