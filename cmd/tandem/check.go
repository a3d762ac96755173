package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"tandem/remote"
	"tandem/syncer"
	"tandem/syncer/names"
)

// A source is the configuration's text, to say on which line of it something is wrong.
type source struct {
	path string
	data []byte
}

// A statement is one line of meaning in the text: the header of a table, or a
// key with its value.
type statement struct {
	header   bool
	keys     []string // with those of the table
	from, to int      // where it is in the text, a header without its brackets
	line     int
	inline   bool // the value is a table
}

// statements gives all of them up to the first mistake.
func (s source) statements(yield func(statement) bool) {
	var p unstable.Parser
	p.Reset(s.data)
	var above []string
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.KeyValue && e.Kind != unstable.Table && e.Kind != unstable.ArrayTable {
			continue
		}
		st := statement{header: e.Kind != unstable.KeyValue, from: -1}
		for it := e.Key(); it.Next(); {
			raw := it.Node().Raw
			if st.from < 0 {
				st.from, st.line = int(raw.Offset), p.Shape(raw).Start.Line
			}
			st.keys, st.to = append(st.keys, string(it.Node().Data)), int(raw.Offset+raw.Length)
		}
		if st.header {
			above = st.keys
		} else {
			st.keys, st.to = slices.Concat(above, st.keys), int(e.Raw.Offset+e.Raw.Length)
			st.inline = e.Value().Kind == unstable.InlineTable
		}
		if !yield(st) {
			return
		}
	}
}

// at gives file and line of a key, or of its table where the key is left to
// its default.
func (s source) at(table, name, key string) string {
	line := 0
	for st := range s.statements {
		switch {
		case slices.Equal(st.keys, []string{table, name}):
			line = st.line
		case slices.Equal(st.keys, []string{table, name, key}):
			return fmt.Sprintf("%s:%d", s.path, st.line)
		}
	}
	return fmt.Sprintf("%s:%d", s.path, line)
}

// inline finds a table that is written as a value: the decoder would take it
// without the defaults.
func (s source) inline() error {
	for st := range s.statements {
		if len(st.keys) < 3 && st.inline {
			return fmt.Errorf("%s:%d: %s: write it as a table of its own: [%s.NAME]", s.path, st.line, strings.Join(st.keys, "."), st.keys[0])
		}
	}
	return nil
}

// check finds what the decoder cannot see, and fills in what follows from
// other keys. The first mistake is told.
func (c *config) check(src source, home string) error {
	if err := cmp.Or(alike(src, "connection", c.Connection), alike(src, "folder", c.Folder), alike(src, "task", c.Task)); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Connection)) {
		if key, problem := c.Connection[name].check(); problem != "" {
			return fmt.Errorf("%s: %s: %s", src.at("connection", name, key), key, problem)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Folder)) {
		f := c.Folder[name]
		f.Local = expand(f.Local, home)
		if key, problem := f.check(c.Connection); problem != "" {
			return fmt.Errorf("%s: %s: %s", src.at("folder", name, key), key, problem)
		}
	}
	if err := c.idleKey(src); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Task)) {
		if key, problem := c.Task[name].checkTask(c.Connection, home); problem != "" {
			return fmt.Errorf("%s: %s: %s", src.at("task", name, key), key, problem)
		}
	}
	if inner, outer := c.nested(); inner != nil {
		return fmt.Errorf("%s: local: %q of folder %q lies in %q of folder %q; two pairs must not share files",
			src.at("folder", inner.name, "local"), inner.Local, inner.name, outer.Local, outer.name)
	}
	if inner, outer := c.overlapping(); inner != nil {
		overlap := syncer.OverlapError{Folder: inner.name, Other: outer.name, Same: names.Fold(inner.online()) == names.Fold(outer.online())}
		return usage(fmt.Errorf("%s: remote: %w", src.at("folder", inner.name, "remote"), &overlap), overlapHint)
	}
	return nil
}

// alike finds two tables of a kind whose names differ in case or accents only: files of
// tandem's are called by them, and on many disks the two would have one.
func alike[T any](src source, kind string, tables map[string]T) error {
	known := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if other := known[names.Fold(name)]; other != "" {
			return fmt.Errorf("%s: %s %q is called like %s %q but for case or accents, which not every disk can tell apart; rename one of them",
				src.at(kind, name, ""), kind, name, kind, other)
		}
		known[names.Fold(name)] = name
	}
	return nil
}

// idleKey finds a key of a task that its verb has no use for: whoever wrote it
// expects something that would not happen.
func (c *config) idleKey(src source) error {
	for st := range src.statements {
		if len(st.keys) < 3 || st.keys[0] != "task" {
			continue
		}
		key, v := st.keys[2], verbNamed(c.Task[st.keys[1]].Verb)
		if v != nil && !v.uses(key) {
			return fmt.Errorf("%s:%d: %s: verb %q has no use for it, only %s; take the line out", src.path, st.line, key, v.name, strings.Join(usersOf(key), ", "))
		}
	}
	return nil
}

func (c *connection) check() (key, problem string) {
	if key, problem := c.cloudProblem(); problem != "" {
		return key, problem
	}
	switch {
	case c.SignIn != byPerson && c.SignIn != byApp:
		return "sign_in", fmt.Sprintf("%q is neither person nor app", c.SignIn)
	case c.TokenStore != "keyring" && c.TokenStore != "file":
		return "token_store", fmt.Sprintf("%q is neither keyring nor file", c.TokenStore)
	case !strings.HasPrefix(c.RedirectURL, "http://") || !onThisMachine(c.RedirectURL):
		return "redirect_url", fmt.Sprintf("%q is not http on this machine, as http://localhost", c.RedirectURL)
	case c.Tenant == "" || strings.ContainsAny(c.Tenant, "/?#"):
		return "tenant", fmt.Sprintf("%q is neither common, organizations, consumers nor the id or domain of a tenant", c.Tenant)
	}
	if key, problem := c.secretProblem(); problem != "" {
		return key, problem
	}
	return "code_page", codePageProblem(c.CodePage)
}

// secretProblem says why the secret, and the app that has it, do not fit the
// way to sign in.
func (c *connection) secretProblem() (key, problem string) {
	var sources []string
	for _, s := range []setting{{"client_secret_file", c.ClientSecretFile}, {"client_secret_env", c.ClientSecretEnv}, {"client_secret_keyring", c.ClientSecretKeyring}} {
		if s.value != "" {
			sources = append(sources, s.key)
		}
	}
	switch {
	case len(sources) > 1:
		return sources[1], "the secret is in one place only, and there is " + sources[0]
	case c.SignIn != byApp && c.User != "":
		return "user", `is for sign_in = "app"; a person's own drive is meant without it`
	case c.SignIn != byApp:
		return "", ""
	case len(sources) == 0:
		return "sign_in", "an app signs in with its secret: set client_secret_file, client_secret_env or client_secret_keyring"
	case slices.Contains([]string{"common", "organizations", "consumers"}, c.Tenant):
		return "tenant", fmt.Sprintf("an app signs in to one organisation: set its id or domain, and not %q", c.Tenant)
	}
	return "", ""
}

func (f *folder) check(connections map[string]*connection) (key, problem string) {
	switch {
	case f.Connection == "":
		return "connection", "missing; it names one of the connections"
	case connections[f.Connection] == nil:
		return "connection", fmt.Sprintf("there is no [connection.%s]", f.Connection)
	case f.Local == "":
		return "local", "missing; it is the folder on this machine"
	case !filepath.IsAbs(f.Local):
		return "local", fmt.Sprintf("%q must begin with / or ~/", f.Local)
	case !strings.HasPrefix(f.Remote, "/"):
		return "remote", fmt.Sprintf("%q must begin with /", f.Remote)
	case f.Times != timesAuto && f.Times != timesAlways:
		return "times", fmt.Sprintf("%q is neither auto nor always", f.Times)
	case f.HoldDeletesCount < 0:
		return "hold_deletes_count", fmt.Sprintf("%d is below 0", f.HoldDeletesCount)
	case f.HoldDeletesPercent < 0 || f.HoldDeletesPercent > 100:
		return "hold_deletes_percent", fmt.Sprintf("%d is not a share from 0 to 100", f.HoldDeletesPercent)
	}
	return "", ""
}

func expand(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		path = home + path[1:]
	}
	if path == "" {
		return ""
	}
	return filepath.Clean(path)
}

// nested finds a folder that is, or lies in, another one. Links are followed:
// two names for one place are one place.
func (c *config) nested() (inner, outer *folder) {
	for _, a := range slices.Sorted(maps.Keys(c.Folder)) {
		for _, b := range slices.Sorted(maps.Keys(c.Folder)) {
			if a != b && within(realPath(c.Folder[a].Local), realPath(c.Folder[b].Local)) {
				return c.Folder[a], c.Folder[b]
			}
		}
	}
	return nil, nil
}

// overlapping finds a folder that has what another one has online, or a part of
// it, as far as the configuration tells: two connections may be to one drive, and
// a folder may be moved online. Of two that have the same, it is the later one.
func (c *config) overlapping() (inner, outer *folder) {
	for _, a := range slices.Backward(slices.Sorted(maps.Keys(c.Folder))) {
		for _, b := range slices.Sorted(maps.Keys(c.Folder)) {
			in, out := c.Folder[a], c.Folder[b]
			if a != b && in.Connection == out.Connection && remote.NormDrive(in.Drive) == remote.NormDrive(out.Drive) &&
				strings.HasPrefix(names.Fold(in.online()), names.Fold(out.online())) {
				return in, out
			}
		}
	}
	return nil, nil
}

// online is the path of the folder online, as "/" or "/Docs/".
func (f *folder) online() string {
	if clean := path.Clean(f.Remote); clean != "/" {
		return clean + "/"
	}
	return "/"
}

func within(inner, outer string) bool {
	rel, err := filepath.Rel(outer, inner)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// realPath follows the links in a path as far as it exists.
func realPath(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		if _, dangling := os.Readlink(path); dangling != nil {
			return filepath.Join(realPath(filepath.Dir(path)), filepath.Base(path))
		}
	}
	if err != nil {
		return path
	}
	return real
}
