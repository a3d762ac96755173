package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRenamesWhileAnswersAreLate: people rename folders and files, what is in them, and
// each to where another was, while the service answers late. Nothing leads to itself, and
// no file that both sides have is deleted and sent anew.
func TestRenamesWhileAnswersAreLate(t *testing.T) {
	worlds := 30
	if *fullFlag {
		worlds = max(1500, *runsFlag)
	}
	each(t, worlds, time.Time{}, func(i int, store *Store) {
		seed := *fromFlag + uint64(i)
		for what, text := range map[string]string{"renamed": renamesInFlight(seed, false), "made": renamesInFlight(seed, true)} {
			s, err := ParseScript(text)
			if err != nil {
				t.Error(err)
				return
			}
			if r := Run(s, store); r.Err != nil {
				t.Errorf("%s %d: %v\n%s", what, seed, r.Err, Shrink(s, store))
			}
		}
	})
}

// renamesInFlight makes up a few renames, one soon after the other, while the answers to
// renames come late; with made, those to all that follows from what was made just before.
func renamesInFlight(seed uint64, made bool) string {
	rnd := rand.New(rand.NewPCG(seed, 7))
	of := func(all ...string) string { return all[rnd.IntN(len(all))] }
	b := &strings.Builder{}
	fmt.Fprintf(b, "with drive=%s seed=%d agent stack push=0s lenient until=5m\n", of("personal", "business"), seed)
	tree, had := map[string]thing{}, map[string]thing{}
	for _, p := range strings.Fields("X/ X/a" + of("", " X/S/ X/S/b") + of("", " Y/ Y/c") + of("", " f")) {
		verb, dir := "write", strings.HasSuffix(p, "/")
		if p = strings.TrimSuffix(p, "/"); dir {
			verb = "mkdir"
		}
		tree[p], had[p] = thing{p, dir}, thing{p, dir}
		fmt.Fprintf(b, "10.1s here %s %s\n", verb, p)
	}
	at, match := time.Minute, "PATCH item"
	if made {
		at, match = 11*time.Second, "*"
	}
	fmt.Fprintf(b, "%v count\n%v online hold %q for=%s times=%d\n", at, at, "match="+match, of("5s", "12s", "12s", "25s"), 2+rnd.IntN(6))
	at += 100 * time.Millisecond
	for range 2 + rnd.IntN(6) {
		from, to := renameOf(rnd, tree, had)
		if to == "" {
			continue
		}
		fmt.Fprintf(b, "%v here mv %s %s\n", at, from, to)
		for p, now := range below(tree, from, to) {
			it := tree[p]
			delete(tree, p)
			tree[now], had[now] = it, it
		}
		at += time.Duration([]int{300, 1500, 2500, 5000, 9000}[rnd.IntN(5)]) * time.Millisecond
	}
	if !made {
		b.WriteString("4m expect \"PUT content\" 0\n4m expect \"POST createUploadSession\" 0\n")
	}
	return b.String()
}

// A thing is a file or folder, known by the path that it had first.
type thing struct {
	first string
	dir   bool
}

// below gives the paths of what is moved, and those that it has then.
func below(tree map[string]thing, from, to string) map[string]string {
	moved := map[string]string{}
	for p := range tree {
		if p == from || strings.HasPrefix(p, from+"/") {
			moved[p] = to + p[len(from):]
		}
	}
	return moved
}

// renameOf makes up where something is moved to; to nowhere, if it found no place. No file
// takes the name that another had: that is an edit.
func renameOf(rnd *rand.Rand, tree, had map[string]thing) (from, to string) {
	all := slices.Sorted(maps.Keys(tree))
	dirs := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return !tree[p].dir })
	from = all[rnd.IntN(len(all))]
	if !tree[from].dir && rnd.IntN(2) == 0 {
		from = dirs[rnd.IntN(len(dirs))]
	}
	dirs = append(dirs, "", "")
	for range 20 {
		in := dirOf(from)
		if rnd.IntN(3) == 0 {
			in = dirs[rnd.IntN(len(dirs))]
		}
		to = path.Join(in, string("XYZSfa"[rnd.IntN(6)]))
		free := !strings.HasPrefix(to+"/", from+"/")
		for p, now := range below(tree, from, to) {
			_, taken := tree[now]
			free = free && !taken && (tree[p].dir || had[now].dir || had[now] == thing{} || had[now] == tree[p])
		}
		if free {
			return from, to
		}
	}
	return from, ""
}
