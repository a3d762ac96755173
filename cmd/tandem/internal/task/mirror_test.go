package task

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func clock(sec int64) time.Time { return time.Unix(sec, 0) }

// sides reads "path=size@second …"; a path that ends in a slash is a folder, one
// with "!" before it the filter leaves out, and "?" is neither file nor folder.
func sides(text string) Sides {
	s := Sides{}
	for _, word := range strings.Fields(text) {
		v := Side{Meant: true}
		if word[0] == '!' {
			v.Meant, word = false, word[1:]
		}
		if word[0] == '?' {
			v.Other, word = "a link", word[1:]
		}
		p, rest, _ := strings.Cut(word, "=")
		var sec int64
		fmt.Sscanf(rest, "%d@%d", &v.Size, &sec)
		v.MTime = clock(sec)
		v.Path, v.Dir = strings.TrimSuffix(p, "/"), strings.HasSuffix(p, "/")
		s.Add(v)
	}
	return s
}

// sameSize is how these tests tell equal files.
func sameSize(a, b Sides) func(string) (bool, error) {
	return func(p string) (bool, error) { return a[strings.ToLower(p)].Size == b[strings.ToLower(p)].Size, nil }
}

func words(steps []Step) string {
	var all []string
	for _, st := range steps {
		op := map[StepOp]string{CopyOver: "->", CopyBack: "<-", MakeOver: "mk", MakeBack: "mkback", DropThere: "rm", Leave: "leave", Skip: "skip"}[st.Op]
		text := op + " " + st.Path
		if st.To != "" && st.To != st.Path {
			text += " as " + st.To
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestWhatAMirrorDoes(t *testing.T) {
	del, both := MirrorRules{SourceMissing: "delete", HoldCount: 100}, MirrorRules{BothWays: true}
	by := func(rule string) MirrorRules { return MirrorRules{SameName: rule} }
	for _, test := range []struct {
		says, source, target string
		rules                MirrorRules
		want                 string
	}{
		{"new in the source", "a=1@1 d/ d/b=1@1", "", del, "-> a, mk d, -> d/b"},
		{"equal", "a=1@1", "a=1@2", del, ""},
		{"equal, copied all the same", "a=1@1", "a=1@2", MirrorRules{Equal: "copy"}, "-> a"},
		{"different", "a=1@1", "a=2@2", MirrorRules{}, "-> a"},
		{"only in the target, kept", "", "a=1@1", MirrorRules{}, ""},
		{"only in the target, deleted", "b=1@1", "a=1@1 b=1@1", del, "rm a"},
		{"a folder goes after what is in it", "b=1@1", "b=1@1 d/ d/e/ d/e/f=1@1", del, "rm d/e/f, rm d/e, rm d"},
		{"a folder stays when something in it does", "b=1@1", "b=1@1 d/ !d/keep=1@1 d/go=1@1", del, "rm d/go"},
		{"left out by the filter here is not missing", "!a=1@1 b=1@1", "a=1@1 b=1@1", del, ""},
		{"the target's wins", "a=1@1", "a=2@1", by("target"), "skip a"},
		{"the newer wins, and it is newer", "a=1@5", "a=2@1", by("newer"), "-> a"},
		{"the newer wins, and it is not", "a=1@1", "a=2@5", by("newer"), "skip a"},
		{"as new", "a=1@5", "a=2@5", by("newer"), "skip a"},
		{"the older wins", "a=1@1", "a=2@5", by("older"), "-> a"},
		{"the bigger wins, and it is not", "a=1@1", "a=2@5", by("bigger"), "skip a"},
		{"the smaller wins", "a=1@1", "a=2@5", by("smaller"), "-> a"},
		{"skip", "a=1@1", "a=2@5", by("skip"), "skip a"},
		{"equal under any rule", "a=1@5", "a=1@1", by("newer"), ""},
		{"both ways", "a=1@1 c=1@1 x/", "b=1@1 c=1@1 y/ y/z=1@1", both, "-> a, mk x, <- b, mkback y, <- y/z"},
		{"both ways, the newer is there", "a=1@1", "a=2@5", MirrorRules{BothWays: true, SameName: "newer"}, "<- a"},
		{"both ways, as new", "a=1@5", "a=2@5", MirrorRules{BothWays: true, SameName: "newer"}, "skip a"},
		{"both ways, the target's", "a=1@1", "a=2@5", MirrorRules{BothWays: true, SameName: "target"}, "<- a"},
		{"a link in the source", "?a=0@0", "a=1@1", del, "leave a"},
		{"a folder in the way", "a=1@1", "a/ a/b=1@1", del, "leave a"},
		{"another spelling is the same name", "Docs/ Docs/A=2@1", "docs/ docs/a=1@1", del, "-> Docs/A as docs/a"},
		{"a new file below another spelling", "Docs/ Docs/new=2@1", "docs/", del, "-> Docs/new as docs/new"},
		{"names that differ in case only", "a=1@1 A=2@1", "", del, "leave a"},
	} {
		source, target := sides(test.source), sides(test.target)
		steps, held, err := Mirror(source, target, nil, test.rules, sameSize(source, target))
		if err != nil || held != "" && test.rules.HoldCount > 0 && !strings.Contains(held, "everything") {
			t.Errorf("%s: held %q, %v", test.says, held, err)
		}
		if got := words(steps); got != test.want {
			t.Errorf("%s: %q, want %q", test.says, got, test.want)
		}
	}
}

// TestWhyAFileIsSkipped: what differs and is left so is never left without a word.
func TestWhyAFileIsSkipped(t *testing.T) {
	for _, test := range []struct{ rule, source, target, want string }{
		{"newer", "a=1@5", "a=2@5", "they differ, and neither is newer"},
		{"newer", "a=1@1", "a=2@5", "they differ, and the target is newer"},
		{"older", "a=1@5", "a=2@5", "they differ, and neither is older"},
		{"older", "a=1@5", "a=2@1", "they differ, and the target is older"},
		{"bigger", "a=1@5", "a=2@1", "they differ, and the target is bigger"},
		{"smaller", "a=2@5", "a=1@1", "they differ, and the target is smaller"},
		{"target", "a=1@5", "a=2@1", "they differ, and the target's stays"},
		{"skip", "a=1@5", "a=2@1", "they differ, and both stay"},
	} {
		source, target := sides(test.source), sides(test.target)
		steps, _, err := Mirror(source, target, nil, MirrorRules{SameName: test.rule}, sameSize(source, target))
		if err != nil || len(steps) != 1 || steps[0].Op != Skip || steps[0].Why != test.want {
			t.Errorf("%s, %s and %s: %+v, %v; want it skipped: %s", test.rule, test.source, test.target, steps, err, test.want)
		}
	}
	differ := func(string) (bool, error) { return false, nil }
	source := sides("a=1@5")
	steps, _, _ := Mirror(source, sides("a=1@1"), nil, MirrorRules{SameName: "bigger"}, differ)
	if len(steps) != 1 || steps[0].Why != "they differ, and neither is bigger" {
		t.Errorf("of one size: %+v", steps)
	}
}

func TestWhatCannotBeReadIsNotMissing(t *testing.T) {
	source, target := sides("d/ b=1@1"), sides("b=1@1 D/ D/x=1@1 D/y/ D/y/z=1@1 dx=1@1")
	steps, _, err := Mirror(source, target, []string{"d"}, MirrorRules{SourceMissing: "delete", HoldCount: 9}, sameSize(source, target))
	if got := words(steps); got != "rm dx" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	broken := func(string) (bool, error) { return false, errors.New("unreadable") }
	if _, _, err := Mirror(sides("b=1@1"), sides("b=1@1"), nil, MirrorRules{}, broken); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("a file that cannot be compared: %v", err)
	}
}

func TestManyDeletesAreHeld(t *testing.T) {
	many := func(n int) Sides {
		s := Sides{}
		for i := range n {
			s.Add(Side{Path: fmt.Sprint(i), Meant: true})
		}
		return s
	}
	rules := MirrorRules{SourceMissing: "delete", HoldCount: 20, HoldPercent: 20}
	for _, test := range []struct {
		source, target int
		held           bool
	}{{99, 100, false}, {80, 100, false}, {79, 100, true}, {0, 3, true}, {0, 1, false}, {5, 20, false}, {9000, 10001, true}, {9000, 10000, false}} {
		source, target := many(test.source), many(test.target)
		_, held, err := Mirror(source, target, nil, rules, func(string) (bool, error) { return true, nil })
		if (held != "") != test.held || err != nil {
			t.Errorf("%+v: held %q, %v", test, held, err)
		}
	}
}

// Done once, a mirror has nothing left to do; and whatever the trees, nothing is
// deleted that the source has, or that the filter leaves out.
func TestAMirrorComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[aB](/[aAb](/[cC])?)?`)
		tree := func(name string) Sides {
			s := Sides{}
			for p, size := range rapid.MapOf(path, rapid.Int64Range(1, 3)).Draw(t, name) {
				for up := Parent(p); up != ""; up = Parent(up) {
					if _, there := s[strings.ToLower(up)]; !there {
						s.Add(Side{Path: s.Spelled(up), Dir: true, Meant: true})
					}
				}
				if old, there := s[strings.ToLower(p)]; !there || old.Dir {
					if !there {
						s.Add(Side{Path: s.Spelled(p), Size: size, MTime: clock(size), Meant: rapid.Bool().Draw(t, "meant")})
					}
				}
			}
			for key, v := range s { // a file that others were put below is a folder
				for other := range s {
					if strings.HasPrefix(other, key+"/") {
						v.Dir, v.Meant = true, true
						s[key] = v
					}
				}
			}
			return s
		}
		source, target := tree("source"), tree("target")
		rules := MirrorRules{SourceMissing: "delete", HoldCount: 1000, HoldPercent: 100}
		steps, _, err := Mirror(source, target, nil, rules, sameSize(source, target))
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range steps {
			key := strings.ToLower(st.Path)
			switch st.Op {
			case CopyOver, MakeOver:
				v := source[key]
				v.Path = st.To
				target[strings.ToLower(st.To)] = v
			case DropThere:
				if _, has := source[key]; has || !target[key].Meant {
					t.Fatalf("%q goes from %v, source %v", st.Path, target, source)
				}
				for other := range target {
					if strings.HasPrefix(other, key+"/") {
						t.Fatalf("folder %q goes before %q", st.Path, other)
					}
				}
				delete(target, key)
			}
		}
		again, _, err := Mirror(source, target, nil, rules, sameSize(source, target))
		for _, st := range again {
			if st.Op != Leave {
				t.Fatalf("once more: %q, %v", words(again), err)
			}
		}
	})
}
