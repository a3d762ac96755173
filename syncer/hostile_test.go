package syncer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/watcher"
)

// told lets the feed tell of these items, each in the root if it does not say.
func (p *pair) told(items ...map[string]any) {
	p.t.Helper()
	for i, it := range items {
		if it["id"] == nil {
			it["id"] = fmt.Sprint("made-up-", i)
		}
		if it["parentReference"] == nil {
			it["parentReference"] = map[string]string{"driveId": p.online.ID(), "id": p.cfg.Drive.RootID}
		}
	}
	page, err := json.Marshal(map[string]any{"value": items, "@odata.deltaLink": p.online.GraphEndpoint() + "/drives/x/root/delta?token=made-up"})
	p.must(err)
	p.online.Fail(remotetest.Fault{Match: "GET delta", Status: 200, Body: string(page)})
}

func aFile(name any, size any) map[string]any {
	return map[string]any{"name": name, "size": size, "eTag": "1", "file": map[string]any{}}
}

// TestANameThatIsAPathNeverBecomesOne: whatever the other side calls a thing, it
// stays in its folder, and outside nothing is touched.
func TestANameThatIsAPathNeverBecomesOne(t *testing.T) {
	for _, name := range []string{
		"..", ".", "", "../outside", "../../etc/passwd", "/etc/passwd", "a/b", "a/../../b", "\x00", "a\x00b", ".tandem", ".TANDEM",
		strings.Repeat("n", 256), strings.Repeat("€", 86),
	} {
		for kind, facet := range map[string]map[string]any{"file": aFile(name, 4), "folder": {"name": name, "eTag": "1", "folder": map[string]any{}}} {
			t.Run(fmt.Sprintf("%s %.20q", kind, name), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{})
				p.fill("f.txt=base g.txt=other")
				marker, err := os.ReadDir(p.path(".tandem"))
				p.must(err)
				inside := map[string]any{"name": "in.txt", "size": 4, "eTag": "1", "file": map[string]any{},
					"parentReference": map[string]string{"driveId": p.online.ID(), "id": "made-up-0"}}
				p.online.Fail(remotetest.Fault{Match: "GET download", Status: 200, Body: "evil"})
				p.online.Fail(remotetest.Fault{Match: "GET content", Status: 200, Body: "evil"})
				p.told(facet, inside)
				p.connectBy(newHurried(300))
				p.try()
				if got := tree(p.here()); got != "f.txt=base g.txt=other" {
					t.Errorf("here is %s", got)
				}
				for _, outside := range []string{"..", ".tandem"} {
					entries, err := os.ReadDir(p.path(outside))
					p.must(err)
					if outside == ".." && len(entries) != 1 || outside == ".tandem" && len(entries) != len(marker) {
						t.Errorf("in %s there are %v", outside, entries)
					}
				}
				if _, err := os.Stat(filepath.Join(p.dir, "..", "outside")); err == nil {
					t.Error("something is outside")
				}
			})
		}
	}
}

// TestASizeThatIsALieFillsNothing: neither memory nor the disk.
func TestASizeThatIsALieFillsNothing(t *testing.T) {
	for name, size := range map[string]any{
		"below zero": -1, "too great for any disk": int64(1) << 62, "too great for a number": json.Number("9223372036854775808"),
		"a word": "many", "less than comes": 1, "a part": 1.5,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=base g.txt=other")
			p.online.Fail(remotetest.Fault{Match: "GET download", Status: 200, Body: strings.Repeat("evil", 1000)})
			p.online.Fail(remotetest.Fault{Match: "GET content", Status: 200, Body: strings.Repeat("evil", 1000)})
			item := aFile("n.bin", size)
			p.told(item)
			text, err := json.Marshal(item)
			p.must(err)
			p.online.Fail(remotetest.Fault{Match: "GET item", Status: 200, Body: string(text)})
			p.connectBy(newHurried(300))
			s, err := p.try()
			if got := tree(p.here()); got != "f.txt=base g.txt=other" {
				t.Errorf("here is %.60s", got)
			}
			if err == nil && len(s.Waiting) == 0 {
				t.Errorf("nothing is said of it: %+v", s)
			}
			if left := p.private("tmp"); len(left) != 0 {
				t.Errorf("left in tmp: %q", left)
			}
		})
	}
}

func TestFoldersDeeperThanAPathWaitAndTheRestGoesOn(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=other")
	var items []map[string]any
	parent := p.cfg.Drive.RootID
	for i := range 400 {
		items = append(items, map[string]any{"id": fmt.Sprint("deep-", i), "name": strings.Repeat("d", 30), "eTag": "1", "folder": map[string]any{},
			"parentReference": map[string]string{"driveId": p.online.ID(), "id": parent}})
		parent = fmt.Sprint("deep-", i)
	}
	p.told(items...)
	p.write("mine.txt", "mine")
	s, _ := p.try()
	if p.there()["mine.txt"] != "mine" {
		t.Error("the upload waited, too")
	}
	if len(s.Waiting) == 0 || !strings.Contains(s.Waiting[0].Why, "too long") {
		t.Errorf("waiting: %.300v", s.Waiting)
	}
}

// aFolder is what a feed tells of one.
func aFolder(p *pair, id, in string) map[string]any {
	return map[string]any{"id": id, "name": "n" + id, "eTag": "2", "folder": map[string]any{},
		"parentReference": map[string]string{"id": in, "driveId": p.online.ID()}}
}

// TestAFeedThatPutsFoldersIntoThemselvesIsNotBelieved, whether they were here before or not.
func TestAFeedThatPutsFoldersIntoThemselvesIsNotBelieved(t *testing.T) {
	for name, told := range map[string][][2]string{
		"into itself":           {{"a", "a"}},
		"into one another":      {{"a", "b"}, {"b", "a"}},
		"into one that is new":  {{"a", "x"}, {"x", "a"}},
		"new, into one another": {{"x", "y"}, {"y", "z"}, {"z", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("a/f.txt=f b/g.txt=g")
			ids := map[string]string{"x": "x", "y": "y", "z": "z"}
			for _, of := range []string{"a", "b"} {
				info, err := p.online.Stat(of)
				p.must(err)
				ids[of] = info.ID
			}
			var items []map[string]any
			for _, it := range told {
				items = append(items, aFolder(p, ids[it[0]], ids[it[1]]))
			}
			p.told(items...)
			if _, err := p.try(); err == nil || !strings.Contains(err.Error(), "into itself") {
				t.Errorf("it ended with %v", err)
			}
			if got := tree(p.here()); got != "a/f.txt=f b/g.txt=g" {
				t.Errorf("here is %s", got)
			}
			p.online.Calm()
			p.same()
		})
	}
}

// TestFoldersDeeperThanAnyPath are looked at one after the other, not one within the other.
func TestFoldersDeeperThanAnyPath(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=other")
	var items []map[string]any
	for i, in := 0, p.cfg.Drive.RootID; i < 3000; i++ {
		items = append(items, aFolder(p, fmt.Sprint(i), in))
		in = fmt.Sprint(i)
	}
	p.told(items...)
	p.write("mine.txt", "mine")
	before := worked()
	s, _ := p.try()
	if took := worked() - before; took > 30*time.Second {
		t.Errorf("it took %v of work", took)
	}
	if len(s.Waiting) == 0 || p.there()["mine.txt"] != "mine" {
		t.Errorf("%d wait, online %.300s", len(s.Waiting), show(p.there()))
	}
}

func TestAPathThatIsTooLongOnlineWaitsAndTheRestGoesOn(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write(strings.Repeat(strings.Repeat("d", 40)+"/", 12)+"f.txt", "deep")
	p.write("mine.txt", "mine")
	s, _ := p.try()
	if p.there()["mine.txt"] != "mine" {
		t.Error("the other file waited, too")
	}
	if len(s.Waiting) == 0 {
		t.Errorf("nothing is said of it: %+v", s)
	}
	if again, _ := p.try(); again.Uploaded+again.CreatedFolders != 0 {
		t.Errorf("a further pass did something: %+v", again)
	}
}

// TestANameThatTheServiceTakesForAnotherReplacesNothing: it folds names more
// coarsely than we do.
func TestANameThatTheServiceTakesForAnotherReplacesNothing(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Clock = newHurried(300)
	p.fill("strasse.txt=theirs g.txt=other")
	p.write("straße.txt", "mine")
	p.write("more.txt", "more")
	s := p.onStage()
	s.never("upload straße.txt", remote.ErrExists)
	sum, _ := p.try()
	if p.there()["strasse.txt"] != "theirs" || p.here()["strasse.txt"] != "theirs" || p.here()["straße.txt"] != "mine" {
		t.Errorf("here:  %s\nthere: %s", show(p.here()), show(p.there()))
	}
	if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "straße.txt" {
		t.Errorf("waiting: %+v", sum.Waiting)
	}
	if n := len(s.heard("upload straße.txt")); n > 2*giveUpTry {
		t.Errorf("it was tried %d times", n)
	}
	if p.there()["more.txt"] != "more" {
		t.Error("the other file waited, too")
	}
}

// A shortening disk has short names, too, as FAT does.
type shortening struct{ FS }

func (d shortening) refuse(rel string) error {
	if first, _, _ := strings.Cut(rel, "/"); first == "TANDEM~1" {
		return fmt.Errorf("%q: %w", rel, watcher.ErrAlias)
	}
	return nil
}

func (d shortening) Lstat(rel string) (watcher.Entry, error) {
	if err := d.refuse(rel); err != nil {
		return watcher.Entry{}, err
	}
	return d.FS.Lstat(rel)
}

func (d shortening) Mkdir(rel string) (watcher.Entry, error) {
	if err := d.refuse(rel); err != nil {
		return watcher.Entry{}, err
	}
	return d.FS.Mkdir(rel)
}

func (d shortening) Rename(from, to string) error {
	if err := d.refuse(to); err != nil {
		return err
	}
	return d.FS.Rename(from, to)
}

// TestANameThatTheDiskTakesForOurOwnWaits: and neither it nor what is in it is
// mistaken for something that is here.
func TestANameThatTheDiskTakesForOurOwnWaits(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base")
	p.cfg.Disk = shortening{p.disk}
	p.put("TANDEM~1/folder-id", "evil")
	p.put("more.txt", "more")
	marker, err := os.ReadFile(p.path(".tandem/folder-id"))
	p.must(err)
	for range 2 {
		s, _ := p.try()
		if len(s.Waiting) == 0 || s.Waiting[0].Path != "TANDEM~1" || s.Waiting[0].Why != watcher.ErrAlias.Error() {
			t.Errorf("waiting: %+v", s.Waiting)
		}
	}
	if now, err := os.ReadFile(p.path(".tandem/folder-id")); err != nil || string(now) != string(marker) {
		t.Errorf("the marker is %q, %v", now, err)
	}
	if got := p.here()["more.txt"]; got != "more" {
		t.Error("the other file waited, too")
	}
	if p.there()["TANDEM~1/folder-id"] != "evil" {
		t.Error("it is gone online")
	}
}

// TestNoHostilityHarmsAFolder: whatever the service says, the pass ends, nothing is touched
// outside, and what people wrote is still here or online.
func TestNoHostilityHarmsAFolder(t *testing.T) {
	for _, h := range remotetest.Hostilities {
		t.Run(h.What, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=base g.txt=other")
			p.write("mine.txt", "mine")
			p.write("f.txt", "edited")
			p.put("theirs.txt", "theirs")
			for _, f := range h.Faults {
				p.online.Fail(f)
			}
			p.online.ExpireTokens()
			p.connectBy(newHurried(300))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				p.try()
				p.try()
			}()
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Fatal("it never ends")
			}
			if beside, err := os.ReadDir(p.path("..")); err != nil || len(beside) != 1 {
				t.Errorf("beside the folder there are %v, %v", beside, err)
			}
			kept := map[string]bool{}
			for _, content := range p.there() {
				kept[content] = true
			}
			p.must(filepath.WalkDir(p.dir, func(path string, e os.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					var content []byte
					content, err = os.ReadFile(path)
					kept[string(content)] = true
				}
				return err
			}))
			for _, content := range []string{"edited", "other", "mine", "theirs"} {
				if !kept[content] {
					t.Errorf("%q is nowhere", content)
				}
			}
		})
	}
}
