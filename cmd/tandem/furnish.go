package main

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tandem/remote/remotetest"
)

// furnish fills the demo's drive with what somebody might have there.
func furnish(d *remotetest.Drive) error {
	files := map[string]string{
		"Notes/todo.md":                        "- water the plants\n- renew the passport\n",
		"Notes/recipes/bread.md":               "500 g flour, 350 g water, 10 g salt, a little yeast, a night's patience\n",
		"Notes/recipes/soup.md":                "Lentils, carrots, cumin; lemon at the end\n",
		"Documents/Budget 2026.csv":            "month,rent,food\nJanuary,900,310\nFebruary,900,287\n",
		"Documents/Letters/landlord.txt":       "Dear Ms Berg,\n\nthe heating knocks again.\n",
		"Documents/Letters/Müller & Söhne.txt": "Sehr geehrte Damen und Herren,\n",
		"Documents/Old/thesis draft 1.txt":     strings.Repeat("It was a dark and stormy night. ", 400),
		"Documents/Old/thesis draft 2.txt":     strings.Repeat("The night was dark; also stormy. ", 500),
	}
	noise := rand.New(rand.NewPCG(2026, 1))
	for n := range 12 {
		files[fmt.Sprintf("Photos/2025 Lisbon/IMG_%04d.jpg", n+1)] = random(noise, 60_000+noise.IntN(90_000))
	}
	for n := range 5 {
		files[fmt.Sprintf("Photos/Cats/IMG_%04d.jpg", 20+n)] = random(noise, 40_000+noise.IntN(60_000))
	}
	for n := range 6 {
		files[fmt.Sprintf("Music/Rehearsal/take %d.ogg", n+1)] = random(noise, 200_000)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if _, err := d.Put(path, files[path]); err != nil {
			return err
		}
	}
	_, err := d.Mkdir("Documents/Scans")
	return err
}

func random(from *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(from.Uint32())
	}
	return string(b)
}

// contents reads what is in a synced folder: files by their text, folders by
// their name with a slash.
func contents(root string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path) // of a path below root
		switch {
		case err != nil:
			return err
		case rel == ".":
			return nil
		case rel == ".tandem":
			return fs.SkipDir
		case e.IsDir():
			found[filepath.ToSlash(rel)+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(path)
		found[filepath.ToSlash(rel)] = string(text)
		return err
	})
	return found, err
}

// differing lists what is not the same in two contents.
func differing(a, b map[string]string) []string {
	var paths []string
	for path := range a {
		if other, ok := b[path]; !ok || other != a[path] {
			paths = append(paths, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
