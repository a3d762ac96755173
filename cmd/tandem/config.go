package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// A config is config.toml, checked. Every key is explained in
// config.toml.example.
type config struct {
	Connection map[string]*connection
	Folder     map[string]*folder
	Task       map[string]*errand
}

// topTables are the tables that there are, as the decoder knows them. Tasks are read
// by [readTasks].
type topTables struct {
	Connection map[string]*connection `toml:"connection"`
	Folder     map[string]*folder     `toml:"folder"`
	Task       map[string]any         `toml:"task"`
}

// A connection is one account.
type connection struct {
	Group               string  `toml:"group"`
	ClientID            string  `toml:"client_id"`
	ClientSecretFile    string  `toml:"client_secret_file"`
	ClientSecretEnv     string  `toml:"client_secret_env"`
	ClientSecretKeyring string  `toml:"client_secret_keyring"`
	SignIn              string  `toml:"sign_in"`
	User                string  `toml:"user"`
	RedirectURL         string  `toml:"redirect_url"`
	Tenant              string  `toml:"tenant"`
	Cloud               string  `toml:"cloud"`
	GraphEndpoint       string  `toml:"graph_endpoint"`
	LoginEndpoint       string  `toml:"login_endpoint"`
	TokenStore          string  `toml:"token_store"`
	Timeout             timeout `toml:"timeout"`
	CodePage            string  `toml:"code_page"`

	name string
}

// A folder is one synced pair.
type folder struct {
	Connection         string `toml:"connection"`
	Local              string `toml:"local"`
	Drive              string `toml:"drive"`
	Remote             string `toml:"remote"`
	Times              string `toml:"times"`
	HoldDeletesCount   int    `toml:"hold_deletes_count"`
	HoldDeletesPercent int    `toml:"hold_deletes_percent"`

	name        string
	toldPolling bool // by the agent, which watches it
}

func defaultConnection() *connection {
	return &connection{
		SignIn: byPerson, RedirectURL: "http://localhost", Tenant: "common", Cloud: "global", TokenStore: "keyring",
		Timeout: timeout(time.Minute), CodePage: "utf-8",
	}
}

func defaultFolder() *folder {
	return &folder{Remote: "/", Times: timesAuto, HoldDeletesCount: 200, HoldDeletesPercent: 20}
}

// What folder.times may say: which changed times of files here are sent.
const (
	timesAuto   = "auto" // those that make no version
	timesAlways = "always"
)

// readConfig reads and checks the file at path; home is what ~ stands for.
func readConfig(path, home string) (*config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage(fmt.Errorf("no configuration at %q", path), "begin with: tandem connection add personal; or try without any: tandem demo")
	}
	if err != nil {
		return nil, usage(fmt.Errorf("configuration: %w", err), "")
	}
	cfg, err := parseConfig(path, data)
	if err != nil {
		return nil, usage(err, "every key is explained in config.toml.example")
	}
	if err := cfg.check(source{path, data}, home); err != nil {
		return nil, usage(err, "")
	}
	return cfg, nil
}

// parseConfig decodes twice: the first time to learn the names, so that the
// second finds every table filled with its defaults.
func parseConfig(path string, data []byte) (*config, error) {
	var names struct {
		Connection map[string]any `toml:"connection"`
		Folder     map[string]any `toml:"folder"`
	}
	if err := toml.Unmarshal(data, &names); err != nil {
		return nil, located(path, err)
	}
	if err := (source{path, data}).inline(); err != nil {
		return nil, err
	}
	tables := topTables{Connection: map[string]*connection{}, Folder: map[string]*folder{}}
	for name := range names.Connection {
		tables.Connection[name] = defaultConnection()
		tables.Connection[name].name = name
	}
	for name := range names.Folder {
		tables.Folder[name] = defaultFolder()
		tables.Folder[name].name = name
	}
	if err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&tables); err != nil {
		return nil, located(path, err)
	}
	tasks, err := readTasks(source{path, data}, tables.Task)
	return &config{tables.Connection, tables.Folder, tasks}, err
}

// readTasks reads the tables of tasks by the options that there are.
func readTasks(src source, tables map[string]any) (map[string]*errand, error) {
	tasks := map[string]*errand{}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		keys, isTable := tables[name].(map[string]any)
		if !isTable {
			return nil, fmt.Errorf("%s: task.%s is no table", src.at("task", name, ""), bareOrQuoted(name))
		}
		tasks[name] = defaultErrand()
		tasks[name].name = name
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if err := tasks[name].read(key, keys[key]); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", src.at("task", name, key), err))
			}
		}
	}
	if wrong != nil {
		return nil, joined(wrong)
	}
	return tasks, nil
}

// read sets one key.
func (e *errand) read(key string, raw any) error {
	settings := allSettings()
	i := slices.IndexFunc(settings, func(o taskOption) bool { return o.Key == key })
	if i < 0 {
		return errors.New(unknownKey([]string{"task", e.name, key}))
	}
	value, err := settings[i].Read(raw)
	if err != nil {
		return fmt.Errorf("task.%s.%s%w", bareOrQuoted(e.name), key, err)
	}
	settings[i].set(e, value)
	return nil
}

// located puts the decoder's complaint into one line with file and line number.
func located(path string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var all []error
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			all = append(all, fmt.Errorf("%s:%d: %s", path, line, unknownKey(e.Key())))
		}
		return joined(all)
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, _ := wrong.Position()
		return fmt.Errorf("%s:%d: %s", path, line, inPlainWords(wrong))
	}
	return fmt.Errorf("%s: %w", path, err)
}

// joined is errors.Join on one line.
func joined(all []error) error {
	var text []string
	for _, err := range all {
		text = append(text, err.Error())
	}
	return errors.New(strings.Join(text, "; "))
}

var wrongType = regexp.MustCompile(`cannot decode TOML (\w+) into`)

func inPlainWords(e *toml.DecodeError) string {
	what := strings.TrimPrefix(e.Error(), "toml: ")
	if m := wrongType.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("%s cannot be a %s", strings.Join(e.Key(), "."), m[1])
	}
	if key := e.Key(); len(key) == 3 {
		return key[2] + ": " + what
	}
	return what
}

func unknownKey(key toml.Key) string {
	known := keysOf(reflect.TypeFor[topTables]())
	switch {
	case !slices.Contains(known, key[0]):
		key = key[:1] // no need to look into a table that is none
	case key[0] == "connection":
		known = keysOf(reflect.TypeFor[connection]())
	case key[0] == "task":
		known = taskKeys()
	default:
		known = keysOf(reflect.TypeFor[folder]())
	}
	what := fmt.Sprintf("unknown key %q", strings.Join(key, "."))
	if near := nearest(key[len(key)-1], known); near != "" {
		what += fmt.Sprintf("; did you mean %q?", near)
	}
	return what
}

func keysOf(t reflect.Type) (keys []string) {
	for f := range t.Fields() {
		if key := f.Tag.Get("toml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

func taskKeys() (keys []string) {
	for _, o := range allSettings() {
		keys = append(keys, o.Key)
	}
	return keys
}

// nearest finds what was probably meant, or "" when nothing is near enough.
func nearest(word string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int { return cmp.Compare(distance(word, a), distance(word, b)) })
	if distance(word, best) > max(2, len(best)/3) {
		return ""
	}
	return best
}

// distance counts the letters to insert, remove or replace between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, replace)
		}
	}
	return row[len(b)]
}
