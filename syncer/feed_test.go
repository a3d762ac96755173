package syncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/state"
)

// A feedTrap is one thing that the change feed does otherwise than one would
// think. Both sides have three files in a folder, and one beside it.
type feedTrap struct {
	kind  remotetest.Kind
	fault remotetest.Fault // what goes wrong
	then  func(p *pair)    // what people do meanwhile
	want  string           // the files of both sides in the end, "name=text"
	moves int              // of them here and online; -1: how many does not matter
	bytes bool             // contents travel
}

const threeAndOne = "d/a.txt=a d/b.txt=b d/c.txt=c o.txt=o"

var feedTraps = map[string]feedTrap{
	"a child comes before its folder": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.Shuffled},
		then:  func(p *pair) { p.put("x/y/z/n.txt", "n"); p.put("x/m.txt", "m") },
		want:  threeAndOne + " x/m.txt=m x/y/z/n.txt=n", bytes: true,
	},
	"an item comes twice, the older state first": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.Duplicates},
		then: func(p *pair) {
			p.must(p.online.Move("d/a.txt", "d/a2.txt"))
			p.must(p.online.Move("d/a2.txt", "a3.txt"))
		},
		want: "a3.txt=a d/b.txt=b d/c.txt=c o.txt=o", moves: 1,
	},
	"a folder is renamed, and nothing is told of what is in it": {
		then: func(p *pair) { p.must(p.online.Move("d", "e")) },
		want: "e/a.txt=a e/b.txt=b e/c.txt=c o.txt=o", moves: 1,
	},
	"a name is given away and taken again": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.Shuffled},
		then: func(p *pair) {
			p.must(p.online.Move("d/a.txt", "d/old.txt"))
			p.put("d/a.txt", "new")
		},
		want: "d/a.txt=new d/b.txt=b d/c.txt=c d/old.txt=a o.txt=o", moves: 1, bytes: true,
	},
	"a name is deleted and taken again": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.Shuffled},
		then:  func(p *pair) { p.must(p.online.Delete("d/a.txt")); p.put("d/a.txt", "new") },
		want:  "d/a.txt=new d/b.txt=b d/c.txt=c o.txt=o", bytes: true,
	},
	"an end is told with a hash that means nothing": {
		kind: remotetest.Business,
		then: func(p *pair) { p.must(p.online.Delete("d/a.txt")) },
		want: "d/b.txt=b d/c.txt=c o.txt=o",
	},
	"an end is told with nothing but the id": {
		kind: remotetest.PersonalOld,
		then: func(p *pair) { p.must(p.online.Delete("d/a.txt")) },
		want: "d/b.txt=b d/c.txt=c o.txt=o",
	},
	"a page is empty": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.EmptyPage, Times: 1},
		then:  func(p *pair) { p.put("n.txt", "n"); p.must(p.online.Delete("d/a.txt")) },
		want:  "d/b.txt=b d/c.txt=c n.txt=n o.txt=o", bytes: true,
	},
	"what did not change has a new tag": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.Noise},
		then:  func(p *pair) { p.put("n.txt", "n") },
		want:  "d/a.txt=a d/b.txt=b d/c.txt=c n.txt=n o.txt=o", bytes: true,
	},
	"an entry is about a drive that nobody knows": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.Ghost},
		then:  func(p *pair) { p.put("n.txt", "n") },
		want:  "d/a.txt=a d/b.txt=b d/c.txt=c n.txt=n o.txt=o", bytes: true,
	},
	"ids are spelled in capitals or without their zero": {
		kind:  remotetest.PersonalOld,
		fault: remotetest.Fault{Match: "GET", Twist: remotetest.DriftedIDs},
		then:  func(p *pair) { p.must(p.online.Move("d/a.txt", "a.txt")); p.put("o.txt", "o2") },
		want:  "a.txt=a d/b.txt=b d/c.txt=c o.txt=o2", moves: 1, bytes: true,
	},
	"no hash is told": {
		kind:  remotetest.Business,
		fault: remotetest.Fault{Match: "GET", Twist: remotetest.NoHash},
		then:  func(p *pair) { p.put("d/a.txt", "edited"); p.write("d/b.txt", "mine") },
		want:  "d/a.txt=edited d/b.txt=mine d/c.txt=c o.txt=o", bytes: true,
	},
	"no times are told": {
		fault: remotetest.Fault{Match: "GET delta", Twist: remotetest.NoTimes},
		then:  func(p *pair) { p.put("d/a.txt", "edited") },
		want:  "d/a.txt=edited d/b.txt=b d/c.txt=c o.txt=o", bytes: true,
	},
	"an upload comes back with another hash and size": {
		kind:  remotetest.Library,
		fault: remotetest.Fault{Match: "PUT content", Twist: remotetest.Enrich},
		then:  func(p *pair) { p.write("d/n.docx", "mine") },
		want:  "", bytes: true, // the two sides differ, and stay as they are
	},
	"the cursor has expired: differences are to be applied": {
		fault: remotetest.Fault{Match: "GET delta", Times: 1, Status: 410, Code: "resyncChangesApplyDifferences", Fresh: true},
		then: func(p *pair) {
			p.write("d/a.txt", "mine")
			p.write("n.txt", "new")
			p.put("d/b.txt", "theirs")
			p.must(p.online.Delete("d/c.txt"))
		},
		want: "d/a.txt=mine d/b.txt=theirs n.txt=new o.txt=o", bytes: true,
	},
	"the cursor has expired: differences are to be uploaded": {
		fault: remotetest.Fault{Match: "GET delta", Times: 1, Status: 410, Code: "resyncChangesUploadDifferences", Fresh: true},
		then: func(p *pair) {
			p.write("d/a.txt", "mine")
			p.write("n.txt", "new")
			p.put("d/b.txt", "theirs")
		},
		want: "d/a.txt=mine d/b.txt=theirs d/c.txt=c n.txt=new o.txt=o", bytes: true,
	},
	"the cursor has expired, twice": {
		fault: remotetest.Fault{Match: "GET delta", Times: 2, Status: 410, Code: "resyncRequired", Fresh: true},
		then:  func(p *pair) { p.put("n.txt", "n") },
		want:  "d/a.txt=a d/b.txt=b d/c.txt=c n.txt=n o.txt=o", bytes: true,
	},
}

// tree is one side as feedTraps write it.
func tree(side map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(side)) {
		if !strings.HasSuffix(name, "/") {
			all = append(all, name+"="+side[name])
		}
	}
	return strings.Join(all, " ")
}

// fill lets both sides have these files, which came from online a while ago.
func (p *pair) fill(files string) {
	p.t.Helper()
	for _, f := range strings.Fields(files) {
		rel, text, _ := strings.Cut(f, "=")
		p.put(rel, text)
	}
	p.sync()
	p.same()
}

func TestWhateverTheFeedDoesBothSidesBecomeEqual(t *testing.T) {
	for name, c := range feedTraps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{Kind: c.kind})
			p.fill(threeAndOne)
			if c.fault.Match != "" {
				p.online.Fail(c.fault)
			}
			c.then(p)
			moved, bytes := 0, int64(0)
			for range 2 {
				s := p.sync()
				moved, bytes = moved+s.Moved, bytes+s.BytesUp+s.BytesDown
				if s.Conflicts != 0 {
					t.Errorf("%d conflicts", s.Conflicts)
				}
			}
			if s := p.sync(); s.Uploaded+s.Downloaded+s.Moved+s.CreatedFolders+s.DeletedLocal+s.DeletedRemote+s.Conflicts != 0 {
				t.Errorf("a further pass did something: %+v", s)
			}
			if got := tree(p.here()); c.want != "" && got != c.want {
				t.Errorf("here is\n%s, want\n%s", got, c.want)
			}
			if got := tree(p.there()); c.want != "" && got != c.want {
				t.Errorf("online is\n%s, want\n%s", got, c.want)
			}
			if moved != c.moves || bytes > 0 != c.bytes {
				t.Errorf("%d moves, %d bytes", moved, bytes)
			}
		})
	}
}

// TestANameThatWasEncodedAsInAnAddressIsOneFileAllTheSame: it cannot be told from
// one that is spelled so, and is taken as it stands until the feed says better.
func TestANameThatWasEncodedAsInAnAddressIsOneFileAllTheSame(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=other")
	p.put("50%25.txt", "half") // is really spelled so
	p.sync()
	p.same()
	p.online.Fail(remotetest.Fault{Match: "GET delta", Twist: remotetest.EncodedNames})
	p.put("two words.txt", "theirs")
	p.sync()
	p.online.Calm()
	p.must(p.online.Touch("two words.txt", time.Now()))
	if s := p.sync(); s.Uploaded+s.Downloaded+s.DeletedLocal+s.DeletedRemote != 0 {
		t.Errorf("%+v, want a move here at most", s)
	}
	if got := tree(p.here()); got != "50%25.txt=half f.txt=base g.txt=other two words.txt=theirs" {
		t.Errorf("here is %s", got)
	}
	p.same()
}

// TestAnAnswerThatIsNoFeedDeletesNothing: what the feed did not say in full it
// did not say.
func TestAnAnswerThatIsNoFeedDeletesNothing(t *testing.T) {
	for name, fault := range map[string]remotetest.Fault{
		"a page of a portal":         {Match: "GET delta", Status: 200, Body: "<html>please sign in</html>"},
		"nothing":                    {Match: "GET delta", Status: 200},
		"an empty object":            {Match: "GET delta", Status: 200, Body: "{}"},
		"no items and no link":       {Match: "GET delta", Status: 200, Body: `{"value":[]}`},
		"no link":                    {Match: "GET delta", Twist: remotetest.NoLink},
		"pages in a circle":          {Match: "GET delta", Twist: remotetest.LinkLoop},
		"half a page":                {Match: "GET delta", CutAt: 100},
		"a gateway that is too slow": {Match: "GET delta", Status: 504},
		"an error of the service":    {Match: "GET delta", Status: 500},
		"not found":                  {Match: "GET delta", Status: 404},
		"a 410 that never ends":      {Match: "GET delta", Status: 410, Code: "resyncChangesApplyDifferences"},
	} {
		for _, pass := range []string{"of what changed", "of everything"} {
			t.Run(name+", in place "+pass, func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{PageSize: 5})
				p.connectBy(newHurried(300))
				p.fill("d/0.txt=0 d/1.txt=1 d/2.txt=2 d/3.txt=3 d/4.txt=4 d/5.txt=5 d/6.txt=6 o.txt=o")
				before := p.here()
				if pass == "of everything" {
					p.online.ExpireCursors()
				}
				p.must(p.online.Delete("d/3.txt"))
				p.online.Fail(fault)
				sum, err := p.try()
				if err == nil {
					t.Errorf("the pass ended well: %+v", sum)
				}
				if sum.DeletedLocal+sum.DeletedRemote != 0 || !maps.Equal(p.here(), before) {
					t.Errorf("%+v\nhere: %s", sum, show(p.here()))
				}
				p.online.Calm()
				if sum := p.sync(); sum.DeletedLocal != 1 {
					t.Errorf("afterwards: %+v, want the one delete", sum)
				}
				p.same()
			})
		}
	}
}

// TestAnEndThatIsNeverToldIsFoundByTheDailyListing, and only by asking for that
// very item.
func TestAnEndThatIsNeverToldIsFoundByTheDailyListing(t *testing.T) {
	clock := newHurried(1)
	p := newPair(t, remotetest.Options{Clock: clock.Now})
	p.cfg.Clock = clock
	p.cfg.Poll = 10 * time.Millisecond
	p.fill("f.txt=base g.txt=stays")
	p.online.Fail(remotetest.Fault{Match: "PERSON rm", Twist: remotetest.NoTombstone})
	p.must(p.online.Delete("f.txt"))
	p.put("n.txt", "new")
	p.sync()
	if p.here()["f.txt"] != "base" {
		t.Fatal("the end was told; this test tests nothing")
	}
	clock.forward(25 * time.Hour)
	p.must(p.client.LoginBrowser(t.Context(), browse))
	stop := p.agent(New(p.cfg))
	p.until("f.txt is gone", func() bool { _, there := p.here()["f.txt"]; return !there })
	stop()
	p.same()
}

// TestWhatAFullListingLeavesOutIsAskedFor: a page boundary may swallow an item
// that is there.
func TestWhatAFullListingLeavesOutIsAskedFor(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=stays")
	p.online.ExpireCursors()
	s := p.onStage()
	p.cfg.Remote = leavesOut{s, "f.txt"}
	if sum := p.sync(); sum.DeletedLocal != 0 {
		t.Errorf("it was deleted for not being listed: %+v", sum)
	}
	if n := len(s.heard("item f.txt")); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
	p.onStage()
	p.same()
}

// leavesOut is a drive whose feed does not tell of an item.
type leavesOut struct {
	Drive
	name string
}

func (d leavesOut) Delta(ctx context.Context, drive, link string) (remote.DeltaPage, error) {
	page, err := d.Drive.Delta(ctx, drive, link)
	page.Items = slices.DeleteFunc(page.Items, func(it remote.Item) bool { return it.Name == d.name })
	return page, err
}

// TestAFileMadeAnewWhileAllIsListedIsTheSameFile: its old id is not told to be
// gone.
func TestAFileMadeAnewWhileAllIsListedIsTheSameFile(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=stays")
	p.online.Fail(remotetest.Fault{Match: "PERSON rm", Twist: remotetest.NoTombstone})
	p.must(p.online.Delete("f.txt"))
	p.put("f.txt", "base")
	p.online.ExpireCursors()
	if s := p.sync(); s.Downloaded+s.Uploaded+s.DeletedLocal+s.Conflicts != 0 {
		t.Errorf("%+v, want nothing to travel", s)
	}
	p.holds("f.txt", "base")
	p.same()
}

// TestDeletesAreJudgedTogetherThoughTheFilesAreReadByAndBy: whether a file that is
// gone online was edited here is known once it was read.
func TestDeletesAreJudgedTogetherThoughTheFilesAreReadByAndBy(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	files := 2 * p.cfg.HoldCount
	write := func(i int) { // so much that they are read in four goes or more
		p.write(fmt.Sprintf("d/%d.txt", i), fmt.Sprint(i, strings.Repeat("x", 2*hashBytes/p.cfg.HoldCount)))
	}
	for i := range files {
		write(i)
	}
	p.sync()
	for i := range files {
		write(i) // the same again: only what it holds tells
		p.must(p.online.Delete(fmt.Sprintf("d/%d.txt", i)))
	}
	if s := p.sync(); s.DeletedLocal != 0 {
		t.Errorf("%d were deleted here", s.DeletedLocal)
	}
	if held, err := p.db.Held(p.cfg.Folder.N); err != nil || len(held) != files {
		t.Errorf("%d are held (%v)", len(held), err)
	}
}

// TestADriveThatWasTakenBackToLastWeekDeletesNothingAtOnce: to the feed it is
// many edits and deletes.
func TestADriveThatWasTakenBackToLastWeekDeletesNothingAtOnce(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	for i := range 40 {
		p.write(fmt.Sprintf("d/%d.txt", i), "this week's")
	}
	p.write("d/old.txt", "this week's")
	p.sync()
	p.write("d/old.txt", "edited here since")
	for i := range 40 {
		p.must(p.online.Delete(fmt.Sprintf("d/%d.txt", i)))
	}
	p.put("d/old.txt", "last week's")
	s := p.sync()
	if s.DeletedLocal != 0 {
		t.Errorf("%d were deleted here", s.DeletedLocal)
	}
	if held, err := p.db.Held(p.cfg.Folder.N); err != nil || len(held) == 0 {
		t.Errorf("nothing is held (%v)", err)
	}
	p.holds("d/old.txt", "last week's", "edited here since")
}

func TestTheEndOfTheWholeFolderOnlineDeletesNothingHere(t *testing.T) {
	for name, answer := range map[string]string{
		"deleted":     `{"value":[{"id":"%s","root":{},"deleted":{"state":"deleted"}}],"@odata.deltaLink":"%s"}`,
		"another one": `{"value":[{"id":"another","name":"root","root":{},"folder":{"childCount":0}}],"@odata.deltaLink":"%s"}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=base g.txt=other")
			link := p.online.GraphEndpoint() + "/drives/x/root/delta?token=1"
			if name == "deleted" {
				answer = fmt.Sprintf(answer, p.cfg.Drive.RootID, link)
			} else {
				answer = fmt.Sprintf(answer, link)
			}
			p.online.Fail(remotetest.Fault{Match: "GET delta", Status: 200, Body: answer})
			s, err := p.try()
			if err == nil {
				t.Errorf("the pass ended well: %+v", s)
			}
			if s.DeletedLocal+s.DeletedRemote != 0 || tree(p.here()) != "f.txt=base g.txt=other" {
				t.Errorf("%+v\nhere: %s", s, show(p.here()))
			}
		})
	}
}

// TestThingsThatAreNeitherFileNorFolderAreLeftAlone, also when one of them takes
// the place of a file here, and when it goes.
func TestThingsThatAreNeitherFileNorFolderAreLeftAlone(t *testing.T) {
	for _, what := range []remotetest.Opaque{remotetest.OneNote, remotetest.Shortcut, remotetest.Vault} {
		t.Run(string(what), func(t *testing.T) {
			p := newPair(t, remotetest.Options{Kind: remotetest.PersonalOld})
			p.fill("d/f.txt=base g.txt=other")
			_, err := p.online.PutOpaque("d/it", what)
			p.must(err)
			if s := p.sync(); s.Downloaded+s.CreatedFolders+s.DeletedLocal+s.DeletedRemote != 0 {
				t.Errorf("when it came: %+v", s)
			} else if len(s.NotFiles) != 1 || s.NotFiles[0].Path != "d/it" || s.NotFiles[0].Why == "" || s.NeedsPerson() {
				t.Errorf("it is to be named, and nobody waits for it: %+v", s)
			}
			p.remove("d")
			p.sync()
			if _, err := p.online.Stat("d/it"); err != nil {
				t.Errorf("it was deleted with its folder: %v", err)
			}
			p.must(p.online.Delete("d/it"))
			if s := p.sync(); s.Uploaded+s.DeletedLocal != 0 {
				t.Errorf("when it went: %+v", s)
			}
			if got := tree(p.here()); got != "g.txt=other" {
				t.Errorf("here is %s", got)
			}
		})
	}
}

func TestAFileThatIsTakenForMalwareStaysHere(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "not really harmful")
	p.write("g.txt", "other")
	p.sync()
	_, err := p.online.PutOpaque("f.txt", remotetest.Malware)
	p.must(err)
	_, err = p.online.PutOpaque("new.txt", remotetest.Malware)
	p.must(err)
	s := p.sync()
	if s.DeletedLocal+s.DeletedRemote+s.Downloaded != 0 || p.here()["f.txt"] != "not really harmful" {
		t.Errorf("%+v\nhere: %s", s, show(p.here()))
	}
	if len(s.Waiting) != 2 || !s.NeedsPerson() || len(s.NotFiles) > 0 {
		t.Errorf("both wait for a person: %+v, no files: %+v", s.Waiting, s.NotFiles)
	}
	for _, w := range s.Waiting {
		if !strings.Contains(w.Why, "malware") {
			t.Errorf("waiting: %+v", w)
		}
	}
}

func TestADriveWithAnotherRootEndsTheRunOfAnAgentToo(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	e := New(p.cfg)
	e.feedFailed(fmt.Errorf("merge the change feed: %w", state.ErrRootChanged))
	if root := (*RootError)(nil); !errors.As(e.fatal, &root) {
		t.Errorf("it goes on after %v", e.fatal)
	}
}
