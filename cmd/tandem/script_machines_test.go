package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// goTo makes what follows happen at a machine of that name, whose folder,
// configuration and state are below a folder of that name. The first time it is
// set up, and signed in.
func (w *world) goTo(args []string) error {
	name := args[0]
	known := slices.Contains(w.machines, name)
	if w.top == "" {
		w.top = w.dir
	}
	w.dir = filepath.Join(w.top, name)
	if err := os.MkdirAll(w.path("local"), 0o777); err != nil {
		return err
	}
	w.ts.Setenv("HOME", w.dir)
	w.ts.Setenv("XDG_CONFIG_HOME", w.path("config"))
	w.ts.Setenv("XDG_STATE_HOME", w.path("state"))
	if err := w.ts.Chdir(w.dir); err != nil || known {
		return err
	}
	w.machines = append(w.machines, name)
	return errors.Join(w.configure(), w.signIn(nil))
}

// everywhere lets each machine in turn make passes until a whole round finds
// nothing to do, and then makes sure of what [world.holds] says.
func (w *world) everywhere(args []string) error {
	now := filepath.Base(w.dir)
	for range 6 {
		quiet := true
		for _, name := range w.machines {
			if err := errors.Join(w.goTo([]string{name}), w.sync([]string{"0"})); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			quiet = w.did([]string{"nothing"}) == nil && quiet
		}
		if quiet {
			return errors.Join(w.goTo([]string{now}), w.holds(args))
		}
	}
	return errors.New("the machines never come to rest")
}

// holds makes sure that every machine and the drive hold exactly what is in one of
// some folders, and that every machine says that it is in sync.
func (w *world) holds(args []string) error {
	var all []map[string]string
	for _, dir := range args {
		want, err := contents(filepath.Join(w.top, dir))
		if err != nil {
			return err
		}
		all = append(all, want)
	}
	there := w.online()
	if err := amongThese(all, there); err != nil {
		return fmt.Errorf("online: %w", err)
	}
	for _, name := range w.machines {
		here, err := contents(filepath.Join(w.top, name, "local"))
		if err != nil {
			return err
		}
		if err := amongThese([]map[string]string{there}, here); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return w.allInSync()
}

func (w *world) allInSync() error {
	now := w.dir
	defer func() { w.dir = now }()
	for _, name := range w.machines {
		w.dir = filepath.Join(w.top, name)
		data, err := w.tandem("status", "--json").Output()
		var all []standing
		if err := errors.Join(err, json.Unmarshal(data, &all)); err != nil {
			return err
		}
		for _, st := range all {
			if !st.InSync {
				return fmt.Errorf("%s is not in sync: %s", name, data)
			}
		}
	}
	return nil
}

// fill makes files that are known by their name and size.
func (w *world) fill(args []string) error {
	n, err := strconv.Atoi(args[1])
	size, also := strconv.Atoi(args[2])
	err = errors.Join(err, also, os.MkdirAll(w.path(args[0]), 0o777))
	for i := range n {
		name := fmt.Sprintf("%d-%d.bin", size, i)
		data := []byte(random(rand.New(rand.NewPCG(uint64(i), uint64(size))), size))
		err = errors.Join(err, os.WriteFile(w.path(args[0]+"/"+name), data, 0o666))
	}
	return err
}

// amongThese makes sure that a tree is one of those that are wanted. In their names,
// "(conflict)" stands for any machine and time.
func amongThese(wanted []map[string]string, tree map[string]string) error {
	plain := map[string]string{}
	for path, text := range tree {
		plain[conflictIn.ReplaceAllString(path, " (conflict)")] = text
	}
	for _, want := range wanted {
		if maps.Equal(want, tree) || len(plain) == len(tree) && maps.Equal(want, plain) {
			return nil
		}
	}
	return fmt.Errorf("it differs in %q", differing(wanted[0], plain))
}
