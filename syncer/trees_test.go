package syncer

import (
	"os"
	"slices"
	"strings"
	"testing"

	"tandem/remote/remotetest"
)

// A treeStory is what two people do to folders and names at the same time.
type treeStory struct {
	files string // both sides have, "name=text"
	here  func(p *pair)
	there func(p *pair)
	want  string // both sides come to
	bytes bool   // contents travel
	once  string // the ids of these must stay: moved, not copied
}

// steps makes one deed of several. mv, rm and wr are deeds here; their like
// online have a T.
func steps(all ...func(p *pair)) func(p *pair) {
	return func(p *pair) {
		for _, one := range all {
			one(p)
		}
	}
}

func mv(from, to string) func(p *pair)  { return func(p *pair) { p.move(from, to) } }
func mvT(from, to string) func(p *pair) { return func(p *pair) { p.must(p.online.Move(from, to)) } }
func rm(rel string) func(p *pair)       { return func(p *pair) { p.remove(rel) } }
func rmT(rel string) func(p *pair)      { return func(p *pair) { p.must(p.online.Delete(rel)) } }
func wr(rel, text string) func(p *pair) { return func(p *pair) { p.write(rel, text) } }
func wrT(rel, text string) func(p *pair) {
	return func(p *pair) { p.put(rel, text) }
}

var (
	swapHere   = steps(mv("a", "t"), mv("b", "a"), mv("t", "b"))
	swapOnline = steps(mvT("a", "t"), mvT("b", "a"), mvT("t", "b"))
	ringHere   = steps(mv("a", "t"), mv("c", "a"), mv("b", "c"), mv("t", "b"))
	ringOnline = steps(mvT("a", "t"), mvT("c", "a"), mvT("b", "c"), mvT("t", "b"))
)

var treeStories = map[string]treeStory{
	"two names swapped here, which are two edits":     {files: "a=1 b=2 o=o", here: swapHere, want: "a=2 b=1 o=o", bytes: true},
	"two names swapped online":                        {files: "a=1 b=2 o=o", there: swapOnline, want: "a=2 b=1 o=o", once: "a b"},
	"three folders in a ring here":                    {files: "a/1=1 b/2=2 c/3=3", here: ringHere, want: "a/3=3 b/1=1 c/2=2", once: "a b c"},
	"three folders in a ring online":                  {files: "a/1=1 b/2=2 c/3=3", there: ringOnline, want: "a/3=3 b/1=1 c/2=2", once: "a b c"},
	"a file put into a folder that is deleted online": {files: "d/f=f o=o x=x", here: mv("x", "d/x"), there: rmT("d"), want: "d/x=x o=o", once: "x"},
	"a file taken online out of a folder that is deleted here": {
		files: "d/f=f d/x=x o=o", here: rm("d"), there: mvT("d/x", "x"), want: "o=o x=x", bytes: true, once: "d/x"},
	"a folder renamed here, its files edited, new and deleted online": {
		files: "D/f=f D/h=h D/i=i o=o", here: mv("D", "E"), there: steps(wrT("D/f", "f2"), wrT("D/g", "g"), rmT("D/h")),
		want: "E/f=f2 E/g=g E/i=i o=o", bytes: true, once: "D D/f D/i"},
	"a folder renamed online, its files edited, new and deleted here": {
		files: "D/f=f D/h=h D/i=i o=o", there: mvT("D", "E"), here: steps(wr("D/f", "f2"), wr("D/g", "g"), rm("D/h")),
		want: "E/f=f2 E/g=g E/i=i o=o", bytes: true, once: "D D/f D/i"},
	"moved, edited and moved back":             {files: "a=1 o=o", here: steps(mv("a", "b"), wr("b", "edited"), mv("b", "a")), want: "a=edited o=o", bytes: true, once: "a"},
	"moved and moved back":                     {files: "a=1 o=o", here: steps(mv("a", "b"), mv("b", "a")), want: "a=1 o=o", once: "a"},
	"renamed to another case, by a third name": {files: "A=1 o=o", here: steps(mv("A", "tmp"), mv("tmp", "a")), want: "a=1 o=o", once: "A"},
	"renamed at three depths at once":          {files: "a/b/c/f=f o=o", here: steps(mv("a/b/c", "a/b/z"), mv("a/b", "a/y"), mv("a", "x")), want: "o=o x/y/z/f=f", once: "a a/b a/b/c a/b/c/f"},
	"renamed at three depths online":           {files: "a/b/c/f=f o=o", there: steps(mvT("a/b/c", "a/b/z"), mvT("a/b", "a/y"), mvT("a", "x")), want: "o=o x/y/z/f=f", once: "a a/b a/b/c a/b/c/f"},
	"renamed at other depths on each side": {
		files: "a/b/c/f=f o=o", here: steps(mv("a/b", "a/y"), mv("a/y/c/f", "a/y/c/g")), there: steps(mvT("a/b/c", "a/b/z"), mvT("a", "x")),
		want: "o=o x/y/z/g=f", once: "a a/b a/b/c a/b/c/f"},
	"a folder copied": {
		files: "d/e/f=f d/g=g", here: func(p *pair) { p.must(os.CopyFS(p.path("copy"), os.DirFS(p.path("d")))) },
		want: "copy/e/f=f copy/g=g d/e/f=f d/g=g", bytes: true, once: "d d/e d/e/f d/g"},
	"a folder made anew online with the same files, one of them edited here": {
		files: "d/f=f d/g=g o=o", here: wr("d/g", "mine"), there: steps(rmT("d"), wrT("d/f", "f"), wrT("d/g", "g")),
		want: "d/f=f d/g=mine o=o", bytes: true, once: ""},
	"a folder inside another here, the other inside it online": {
		files: "A/a=a B/b=b", here: mv("A", "B/A"), there: mvT("B", "A/B"), want: "A/B/b=b A/a=a", once: "A B A/a B/b"},
	"a folder's files given to a new one of its name": {
		files: "d/f=f d/g=g o=o", here: steps(mv("d", "old"), wr("d/new", "n"), mv("old/f", "d/f")), want: "d/f=f d/new=n o=o old/g=g", bytes: true, once: "d/f"},
	"an editor's backup":                 {files: "f=1 o=o", here: steps(mv("f", "f~"), wr("f", "2")), want: "f=2 f~=1 o=o", bytes: true, once: "f"},
	"an editor's backup that is removed": {files: "f=1 o=o", here: steps(mv("f", "f~"), wr("f", "2"), rm("f~")), want: "f=2 o=o", bytes: true, once: "f"},
	"an empty folder deleted inside others that are": {
		files: "a/b/f=f o=o", here: steps(func(p *pair) { p.must(os.MkdirAll(p.path("a/c/d"), 0o777)) }, rm("a")), want: "o=o"},
}

func TestWhatTwoPeopleDoToATree(t *testing.T) {
	for name, c := range treeStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.cfg.HoldCount, p.cfg.HoldPercent = 1000, 100
			p.fill(c.files)
			ids := map[string]string{}
			for _, path := range strings.Fields(c.once) {
				info, err := p.online.Stat(path)
				p.must(err)
				ids[info.ID] = path
			}
			for _, do := range []func(*pair){c.here, c.there} {
				if do != nil {
					do(p)
				}
			}
			s := p.sync()
			for range 2 {
				more := p.sync()
				s.BytesUp, s.BytesDown, s.Conflicts = s.BytesUp+more.BytesUp, s.BytesDown+more.BytesDown, s.Conflicts+more.Conflicts
			}
			p.same()
			if got := tree(p.here()); got != c.want {
				t.Errorf("both sides hold\n%s, want\n%s", got, c.want)
			}
			if s.BytesUp+s.BytesDown > 0 != c.bytes {
				t.Errorf("%d bytes went up, %d down", s.BytesUp, s.BytesDown)
			}
			if s.Conflicts != 0 {
				t.Errorf("%d conflicts", s.Conflicts)
			}
			for _, path := range p.online.List() {
				info, err := p.online.Stat(path)
				p.must(err)
				delete(ids, info.ID)
			}
			for _, path := range ids {
				t.Errorf("what was %s is another item online by now", path)
			}
			if n := slices.IndexFunc(p.online.List(), func(path string) bool { return strings.Contains(path, ".tandem") }); n >= 0 {
				t.Errorf("a name of ours is left online: %s", p.online.List()[n])
			}
		})
	}
}
