package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const exampleFile = "../../config.toml.example"

func TestTheExampleIsTheDefaults(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseConfig(exampleFile, data)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConnection()
	want.name = "personal"
	if got := cfg.Connection["personal"]; !reflect.DeepEqual(got, want) {
		t.Errorf("connection = %+v, want %+v", got, want)
	}
	folder := defaultFolder()
	folder.name, folder.Connection, folder.Local = "documents", "personal", "~/OneDrive" // these have no default
	if got := cfg.Folder["documents"]; !reflect.DeepEqual(got, folder) {
		t.Errorf("folder = %+v, want %+v", got, folder)
	}
	if err := cfg.check(source{exampleFile, data}, "/home/ann"); err != nil {
		t.Errorf("the example is refused: %v", err)
	}
}

func TestTheExampleHasEveryKeyWithAWordAboutIt(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for _, key := range slices.Concat(keysOf(reflect.TypeFor[connection]()), keysOf(reflect.TypeFor[folder]()), taskKeys()) {
		found := false
		for i, line := range lines {
			if strings.HasPrefix(line, key+" = ") {
				found = found || i > 0 && strings.HasPrefix(lines[i-1], "# ")
			}
		}
		if !found {
			t.Errorf("%s has no line with a comment above it", key)
		}
	}
}

func TestMistakesInTheConfigurationAreShown(t *testing.T) {
	const conn = "[connection.a]\n"
	const pair = "[connection.a]\n[folder.x]\nconnection = \"a\"\n"
	for _, test := range []struct{ name, text, want string }{
		{"an unknown key", conn + "\nclient = \"x\"\n", `c.toml:3: unknown key "connection.a.client"; did you mean "client_id"?`},
		{"a misspelt key", pair + "hold_delete_count = 3\n", `c.toml:4: unknown key "folder.x.hold_delete_count"; did you mean "hold_deletes_count"?`},
		{"an unknown table", "[folders.x]\n", `c.toml:1: unknown key "folders"; did you mean "folder"?`},
		{"nothing like any key", conn + "colour = \"red\"\n", `c.toml:2: unknown key "connection.a.colour"`},
		{"a value of the wrong type", pair + "hold_deletes_count = \"many\"\n", `c.toml:4: folder.x.hold_deletes_count cannot be a string`},
		{"an unknown cloud", conn + "cloud = \"mars\"\n", `c.toml:2: cloud: "mars" is none of global, us-gov, us-dod, china and custom`},
		{"a bad time", conn + "timeout = \"fast\"\n", `c.toml:2: timeout: "fast" is not a time such as "60s" or "2m"`},
		{"no time at all", conn + "timeout = \"0s\"\n", `c.toml:2: timeout: "0s" is not a time such as "60s" or "2m"`},
		{"an unknown token store", conn + "token_store = \"pocket\"\n", `c.toml:2: token_store: "pocket" is neither keyring nor file`},
		{"a code page no disk has", conn + "code_page = \"utf-16\"\n", `c.toml:2: code_page: "utf-16" spells even ASCII in another way`},
		{"no code page", conn + "code_page = \"klingon\"\n", `c.toml:2: code_page: "klingon" is not the name of an encoding`},
		{"endpoints without custom", conn + "graph_endpoint = \"https://x/v1.0\"\n", `c.toml:1: cloud: endpoints are only for cloud = "custom", and this is "global"`},
		{"custom without endpoints", conn + "cloud = \"custom\"\n", `c.toml:1: graph_endpoint: "" is not an address`},
		{"http across the network", conn + "cloud = \"custom\"\ngraph_endpoint = \"http://example.com/v1.0\"\n", `c.toml:3: graph_endpoint: "http://example.com/v1.0" is not https`},
		{"a redirect elsewhere", conn + "redirect_url = \"http://example.com\"\n", `c.toml:2: redirect_url: "http://example.com" is not http on this machine`},
		{"a folder without connection", "[folder.x]\nlocal = \"/x\"\n", `c.toml:1: connection: missing`},
		{"a folder of a connection that is not there", "[folder.x]\nconnection = \"b\"\nlocal = \"/x\"\n", `c.toml:2: connection: there is no [connection.b]`},
		{"a folder nowhere", pair, `c.toml:2: local: missing`},
		{"a relative folder", pair + "local = \"x\"\n", `c.toml:4: local: "x" must begin with / or ~/`},
		{"a relative remote folder", pair + "local = \"/x\"\nremote = \"y\"\n", `c.toml:5: remote: "y" must begin with /`},
		{"times never heard of", pair + "local = \"/x\"\ntimes = \"never\"\n", `c.toml:5: times: "never" is neither auto nor always`},
		{"a share above all", pair + "local = \"/x\"\nhold_deletes_percent = 101\n", `c.toml:5: hold_deletes_percent: 101 is not a share`},
		{"fewer deletes than none", pair + "local = \"/x\"\nhold_deletes_count = -1\n", `c.toml:5: hold_deletes_count: -1 is below 0`},
		{"a folder inside another", pair + "local = \"/x/y\"\n[folder.z]\nconnection = \"a\"\nlocal = \"/x\"\n", `c.toml:4: local: "/x/y" of folder "x" lies in "/x" of folder "z"`},
		{"a folder online inside another", pair + "local = \"/x\"\nremote = \"/docs/sub\"\n[folder.z]\nconnection = \"a\"\nlocal = \"/z\"\nremote = \"/Docs\"\n", `c.toml:5: remote: folder "x" lies online in what folder "z" syncs`},
		{"a folder beside the whole drive", pair + "local = \"/x\"\n[folder.z]\nconnection = \"a\"\nlocal = \"/z\"\nremote = \"/Docs\"\n", `c.toml:8: remote: folder "z" lies online in what folder "x" syncs`},
		{"a folder online twice", pair + "local = \"/x\"\nremote = \"/Docs\"\n[folder.z]\nconnection = \"a\"\nlocal = \"/z\"\nremote = \"/Docs/\"\n", `c.toml:9: remote: folder "z" has the same folder online as folder "x"`},
		{"connections that differ in case", "[connection.Work]\n[connection.work]\n", `c.toml:2: connection "work" is called like connection "Work" but for case or accents, which not every disk can tell apart; rename one of them`},
		{"folders that differ in case", pair + "local = \"/x\"\n[folder.X]\nconnection = \"a\"\nlocal = \"/y\"\n", `c.toml:2: folder "x" is called like folder "X" but for case`},
		{"tasks that differ in accents", conn + "[task.\"caf\u00e9\"]\n[task.\"cafe\u0301\"]\n", "c.toml:2: task \"caf\u00e9\" is called like task \"cafe\u0301\" but for case"},
		{"connections in one line", "connection = {a = {group = \"x\"}}\n", `c.toml:1: connection: write it as a table of its own: [connection.NAME]`},
		{"a connection in one line", "[connection]\na = {group = \"x\"}\n", `c.toml:2: connection.a: write it as a table of its own: [connection.NAME]`},
		{"a key that the verb does not use", conn + "[task.t]\nverb = \"rm\"\nsource = [\"a:/x\"]\noverwrite = \"newer\"\n", `c.toml:5: overwrite: verb "rm" has no use for it, only cp, get, mv, put; take the line out`},
		{"a target where nothing goes", conn + "[task.t]\nverb = \"ls\"\nsource = [\"a:/x\"]\ntarget = \"x\"\n", `c.toml:5: target: verb "ls" has no use for it, only cp, get, mv, put, sync; take the line out`},
		{"an unused key with its default", conn + "[task.t]\nverb = \"get\"\nsource = [\"a:/x\"]\ntarget = \"~/x\"\ndirection = \"->\"\n", `c.toml:6: direction: verb "get" has no use for it, only sync; take the line out`},
		{"a task's key of another type", conn + "[task.t]\nverb = \"ls\"\nlimit = \"ten\"\n", `c.toml:4: task.t.limit cannot be a string`},
		{"a task's list that is none", conn + "[task.t]\nname = \"*.pdf\"\n", `c.toml:3: task.t.name cannot be a string`},
		{"a task's list of something else", conn + "[task.t]\nname = [\"*.pdf\", 3]\n", `c.toml:3: task.t.name: an element cannot be an integer`},
		{"two misspelt keys of a task", conn + "[task.t]\nnam = []\nsauce = []\n", `c.toml:3: unknown key "task.t.nam"; did you mean "name"?; `},
		{"a flag that is no key", conn + "[task.t]\nverb = \"ls\"\njson = true\n", `c.toml:4: unknown key "task.t.json"`},
		{"a table in a task", conn + "[task.t.name]\nx = 1\n", `c.toml:`},
		{"a list of tasks", conn + "[[task.t]]\nverb = \"ls\"\n", `c.toml:2: task.t is no table`},
		{"broken syntax", "[connection.a\n", `c.toml:1: `},
		{"a key twice", conn + "group = \"a\"\ngroup = \"b\"\n", `c.toml:3: `},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.toml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := readConfig(path, "/home/ann")
			if err == nil {
				t.Fatal("it was accepted")
			}
			if got := strings.TrimPrefix(err.Error(), filepath.Dir(path)+"/"); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("error = %q, want %q", got, test.want)
			}
			if code := diagnose(err).code; code != misused {
				t.Errorf("exit code = %d, want %d", code, misused)
			}
		})
	}
}

func TestALinkedFolderIsSeenInsideAnother(t *testing.T) {
	dir := realPath(t.TempDir())
	if err := os.MkdirAll(filepath.Join(dir, "outer", "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "outer", "inner"), link); err != nil {
		t.Fatal(err)
	}
	cfg := config{Folder: map[string]*folder{"a": {name: "a", Local: link}, "b": {name: "b", Local: filepath.Join(dir, "outer")}}}
	if inner, outer := cfg.nested(); inner != cfg.Folder["a"] || outer != cfg.Folder["b"] {
		t.Errorf("nested = %v in %v, want the linked one in the other", inner, outer)
	}
	cfg.Folder["a"].Local = filepath.Join(link, "not", "there", "yet")
	if inner, _ := cfg.nested(); inner != cfg.Folder["a"] {
		t.Errorf("nested = %v, want a folder that is still to be made below the link", inner)
	}
	cfg.Folder["a"].Local = filepath.Join(dir, "outer too")
	if inner, _ := cfg.nested(); inner != nil {
		t.Errorf("nested = %v, want none: the names only begin alike", inner)
	}
}

func TestSettingsThatAreLeftOutHaveTheirDefaults(t *testing.T) {
	text := "[connection.a]\ncloud = \"china\"\n[folder.x]\nconnection = \"a\"\nlocal = \"~/x\"\nhold_deletes_count = 0\n"
	path := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := readConfig(path, "/home/ann")
	if err != nil {
		t.Fatal(err)
	}
	c, f := cfg.Connection["a"], cfg.Folder["x"]
	if c.GraphEndpoint != "https://microsoftgraph.chinacloudapi.cn/v1.0" || c.LoginEndpoint != "https://login.chinacloudapi.cn" || c.Tenant != "common" {
		t.Errorf("connection = %+v, want China's endpoints and the common tenant", c)
	}
	if f.Local != "/home/ann/x" || f.Remote != "/" || f.HoldDeletesCount != 0 || f.HoldDeletesPercent != 20 {
		t.Errorf("folder = %+v, want ~ expanded, 0 as written and the other defaults", f)
	}
}

func TestEachCloudHasItsEndpoints(t *testing.T) {
	for cloud, want := range map[string][2]string{
		"global": {"https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"},
		"us-gov": {"https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0"},
		"us-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us/v1.0"},
		"china":  {"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0"},
	} {
		c := connection{Cloud: cloud}
		if _, problem := c.cloudProblem(); problem != "" || c.LoginEndpoint != want[0] || c.GraphEndpoint != want[1] {
			t.Errorf("%s: %q and %q (%s), want %q", cloud, c.LoginEndpoint, c.GraphEndpoint, problem, want)
		}
	}
}

// FuzzAConfiguration: what is wrong is told in one line that begins with where; and what a
// command writes into a good one says that and nothing else.
func FuzzAConfiguration(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, text := range []string{
		"", "# mine\n[connection.a] # first\n\n[folder.x]\nconnection = 'a'\nlocal = '/x'\n", "[connection.a]\r\ngroup = 'x'\r\n", "[connection.\"a b\"]\ngroup = \"\"\"\n[folder.no]\n\"\"\"\n",
		"connection.a.group = 'x'\n", "[connection]\na = {group = 'x'}\n", "[connection.a]\nclient = 5\n", "[[connection.a]]\n", "[Connection.A]\nGroup = 'x'\n", "[connection.a.b]\n",
		"[connection.a]\n[task.t]\nverb = 'get'\nsource = ['a:/x']\ntarget = '~/x'\n", "[connection.a\n", "\ufeff[connection.a]\n", "[connection.a]\ntimeout = 1979-05-27\n", "a = " + strings.Repeat("[", 500),
	} {
		f.Add(text)
	}
	read := func(data []byte) (*config, error) {
		cfg, err := parseConfig("c.toml", data)
		if err == nil {
			err = cfg.check(source{"c.toml", data}, "/home/ann")
		}
		return cfg, err
	}
	f.Fuzz(func(t *testing.T, text string) {
		before, err := read([]byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "c.toml:") || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("%q is no line that says where", err)
			}
			return
		}
		const name = "added"
		if before.Connection[name] != nil || len(before.Connection) == 0 && strings.Contains(text, "onnection") {
			return
		}
		more := source{"c.toml", []byte(text)}.with("connection", name, []setting{{"tenant", "contoso.com"}})
		after, err := read(more)
		if err != nil || after.Connection[name] == nil || after.Connection[name].Tenant != "contoso.com" {
			t.Fatalf("%q has become %q: %v", text, more, err)
		}
		if delete(after.Connection, name); !reflect.DeepEqual(after, before) {
			t.Fatalf("%q has become %q, and means another thing", text, more)
		}
		less, ok := source{"c.toml", more}.without("connection", name)
		if after, err := read(less); !ok || err != nil || !reflect.DeepEqual(after, before) {
			t.Fatalf("%q has become %q: %v, %v", more, less, ok, err)
		}
		for name := range before.Connection {
			set, ok := source{"c.toml", []byte(text)}.set("connection", name, setting{"group", "g"})
			if !ok {
				continue
			}
			after, err := read(set)
			if err != nil || after.Connection[name] == nil || after.Connection[name].Group != "g" {
				t.Fatalf("%q has become %q: %v", text, set, err)
			}
			after.Connection[name].Group = before.Connection[name].Group
			if !reflect.DeepEqual(after, before) {
				t.Fatalf("%q has become %q, and means another thing", text, set)
			}
		}
	})
}
