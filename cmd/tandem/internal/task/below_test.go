package task

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tandem/remote"
)

func folderItem(id, parent, name string) remote.Item {
	return remote.Item{ID: id, ParentID: parent, Name: name, Kind: remote.Folder}
}

func fileItem(id, parent, name string) remote.Item {
	return remote.Item{ID: id, ParentID: parent, Name: name, Kind: remote.File}
}

// The feed promises no order: whatever comes first, and however it is cut into
// pages, the same paths come of it, and a folder before what is in it.
func TestATreeIsTheSameInWhateverOrderItComes(t *testing.T) {
	items := []remote.Item{
		{ID: "r", Name: "root", Kind: remote.Folder, Root: true},
		folderItem("top", "r", "Top"), folderItem("a", "top", "a"), folderItem("b", "a", "b"), fileItem("f", "b", "f"),
		fileItem("g", "top", "g"), folderItem("x", "r", "elsewhere"), fileItem("y", "x", "y"), folderItem("z", "x", "z"), fileItem("w", "z", "w"),
		fileItem("orphan", "nobody", "orphan"), {ID: "gone", Deleted: true},
	}
	want := []string{"a", "a/b", "a/b/f", "g"}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		rnd.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		tr := newTree(folderItem("top", "r", "Top"))
		var got []string
		for rest := items; len(rest) > 0; {
			n := 1 + rnd.IntN(len(rest))
			for _, node := range tr.page(rest[:n]) {
				if dir := Parent(node.Path); dir != "" && !slices.Contains(got, dir) {
					t.Fatalf("%q came before its folder", node.Path)
				}
				got = append(got, node.Path)
			}
			rest = rest[n:]
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q from %v", got, want, items)
		}
	}
}

func TestOfAnItemThatComesTwiceOnAPageTheLastCounts(t *testing.T) {
	tr := newTree(remote.Item{ID: "r", Root: true})
	got := tr.page([]remote.Item{fileItem("f", "d", "former"), folderItem("d", "r", "d"), fileItem("f", "d", "now")})
	if len(got) != 2 || got[1].Path != "d/now" {
		t.Errorf("got %v", got)
	}
	tr = newTree(remote.Item{ID: "r", Root: true})
	tr.page([]remote.Item{fileItem("f", "d", "former")})
	tr.page([]remote.Item{fileItem("f", "d", "now")})
	if got := tr.page([]remote.Item{folderItem("d", "r", "d")}); len(got) != 2 || got[1].Path != "d/now" {
		t.Errorf("over pages: got %v", got)
	}
}

// A name that is a path of its own stays what it is, and is refused where it
// would land.
func TestAHostileNameIsNotResolved(t *testing.T) {
	tr := newTree(remote.Item{ID: "r", Root: true})
	got := tr.page([]remote.Item{folderItem("d", "r", ".."), fileItem("f", "d", "..")})
	if len(got) != 2 || got[1].Path != "../.." {
		t.Errorf("got %v", got)
	}
}

func TestExactlyWhatWasPickedGoes(t *testing.T) {
	var all []Node
	for _, p := range []string{"a", "a/1", "a/2", "b", "b/1", "b/c", "b/c/1", "d"} {
		all = append(all, Node{remote.Item{ID: p}, p})
	}
	for _, test := range []struct{ picked, cover, part []string }{
		{[]string{"a", "a/1", "a/2"}, []string{"a"}, nil},
		{[]string{"a", "a/1"}, []string{"a/1"}, []string{"a"}},
		{[]string{"b", "b/1", "b/c", "b/c/1", "d"}, []string{"b", "d"}, nil},
		{[]string{"b", "b/c", "b/c/1"}, []string{"b/c"}, []string{"b"}},
		{[]string{"b", "b/1", "b/c"}, []string{"b/1"}, []string{"b", "b/c"}},
		{nil, nil, nil},
	} {
		cover, part := Cover(all, func(n Node) bool { return slices.Contains(test.picked, n.Path) })
		paths := func(nodes []Node) (ps []string) {
			for _, n := range nodes {
				ps = append(ps, n.Path)
			}
			return ps
		}
		if !slices.Equal(paths(cover), test.cover) || !slices.Equal(paths(part), test.part) {
			t.Errorf("%q: %q go, %q stay; want %q and %q", test.picked, paths(cover), paths(part), test.cover, test.part)
		}
	}
}

func TestOverwriteRules(t *testing.T) {
	small, large := stamp{1, clock(1)}, stamp{2, clock(2)}
	for o, want := range map[Overwrite]string{
		"": "yyy", Always: "yyy", Never: "nnn", Newer: "nyn", SizeSame: "nny", SizeSmaller: "ynn", SizeLarger: "nyn", SizeDiffers: "yyn",
	} {
		got := ""
		for _, pair := range [][2]stamp{{small, large}, {large, small}, {small, small}} {
			yes, why := o.lets(pair[0], pair[1])
			got += map[bool]string{true: "y", false: "n"}[yes]
			if !yes && why == "" {
				t.Errorf("%q does not say why", o)
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", o, got, want)
		}
	}
}

func TestWherePicksLand(t *testing.T) {
	top := Node{Path: "x/Photos"}
	for _, test := range []struct {
		n        string
		contents bool
		want     string
	}{{"a/b", false, "to/Photos/a/b"}, {"a/b", true, "to/a/b"}, {"", false, "to/Photos"}} {
		if got := Under("to", top, Node{Path: test.n}, test.contents); got != test.want {
			t.Errorf("%+v lands at %q", test, got)
		}
	}
	if got := fmt.Sprint(Under("", Node{}, Node{Path: "a"}, true)); got != "a" {
		t.Errorf("of the root: %q", got)
	}
}
