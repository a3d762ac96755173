package syncer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/remote/remotetest"
)

// What a person may do to f.txt on one side while another does something on the
// other. Each test below tries every pair of them on a real disk and an emulated
// drive; the stories of cmd/tandem say what each pair must come to.
var (
	doHere = map[string]func(p *pair){
		"nothing": func(*pair) {},
		"edit":    func(p *pair) { p.write("f.txt", "mine") },
		"delete":  func(p *pair) { p.remove("f.txt") },
		"move":    func(p *pair) { p.move("f.txt", "e/f.txt") },
		"rename":  func(p *pair) { p.move("f.txt", "g.txt") },
		"move and edit": func(p *pair) {
			p.move("f.txt", "e/f.txt")
			p.write("e/f.txt", "mine")
		},
		"make a folder of it": func(p *pair) {
			p.remove("f.txt")
			p.write("f.txt/in.txt", "mine")
		},
		"put a new file beside it": func(p *pair) { p.write("n.txt", "mine") },
		"delete its neighbours":    func(p *pair) { p.remove("d") },
		"move the neighbours":      func(p *pair) { p.move("d", "e/d") },
	}
	doThere = map[string]func(p *pair){
		"nothing": func(*pair) {},
		"edit":    func(p *pair) { p.put("f.txt", "theirs") },
		"delete":  func(p *pair) { p.must(p.online.Delete("f.txt")) },
		"move":    func(p *pair) { p.must(p.online.Move("f.txt", "d/f.txt")) },
		"rename":  func(p *pair) { p.must(p.online.Move("f.txt", "g.txt")) },
		"move and edit": func(p *pair) {
			p.must(p.online.Move("f.txt", "d/f.txt"))
			p.put("d/f.txt", "theirs")
		},
		"make a folder of it": func(p *pair) {
			p.must(p.online.Delete("f.txt"))
			p.put("f.txt/in.txt", "theirs")
		},
		"put a new file beside it": func(p *pair) { p.put("n.txt", "theirs") },
		"delete its neighbours":    func(p *pair) { p.must(p.online.Delete("d")) },
		"move the neighbours":      func(p *pair) { p.must(p.online.Move("e", "d/e")) },
	}
)

func TestWhateverTwoPeopleDoBothSidesBecomeEqualAndNothingIsLost(t *testing.T) {
	for here, ours := range doHere {
		for there, theirs := range doThere {
			t.Run(here+" here, "+there+" online", func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{})
				p.write("f.txt", "base")
				p.write("d/one.txt", "one")
				p.write("e/two.txt", "two")
				p.sync()
				p.same()
				ours(p)
				theirs(p)
				p.sync()
				p.same()
				for _, text := range []string{"mine", "theirs"} {
					if wrote := here != "nothing" && text == "mine" || text == "theirs"; wrote && !p.kept(text) && p.written(text, here, there) {
						t.Errorf("%q is lost\nhere: %s", text, show(p.here()))
					}
				}
			})
		}
	}
}

// written says whether one of the two people wrote this text.
func (p *pair) written(text, here, there string) bool {
	did := here
	if text == "theirs" {
		did = there
	}
	return strings.Contains(did, "edit") || strings.Contains(did, "new file") || strings.Contains(did, "folder of it")
}

// kept says that a text is in a file of the folder, or of its trash.
func (p *pair) kept(text string) bool {
	found := false
	p.must(filepath.WalkDir(p.dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			b, _ := os.ReadFile(name)
			found = found || string(b) == text
		}
		return err
	}))
	return found
}
