// Package service says what makes the system start the agent when its user logs
// in: which files to write and which commands to run, for systemd, launchd and
// Windows. It does none of it itself.
//
// No plan needs an administrator, and none waits for the network: the agent
// starts without it and looks again when it is there.
package service

import (
	"path"
	"strconv"
)

// An Agent is what is to be started, and what it has to reach. All paths are
// absolute.
type Agent struct {
	Program string
	Args    []string
	Home    string
	Config  string // where settings of programs are kept
	UID     int
	Writes  []string // the synced folders and the state
	Reads   []string // the configuration and what it names
	Open    bool     // do not fence it in
}

// A Plan is what installing the agent takes, and what undoes it.
type Plan struct {
	File, Text string     // to be written; "" = none
	Start      [][]string // commands, in order
	Stop       [][]string // … before the file is removed
	After      [][]string // … and after that
	Status     []string
	Logs       []string // nil: there is a log file
	Later      bool     // it starts at the next login only
}

// For makes the plan for an operating system; ok is false where there is none.
func For(system string, a Agent) (p Plan, ok bool) {
	switch system {
	case "linux":
		return systemd(a), true
	case "darwin":
		return launchd(a), true
	case "windows":
		return logon(a), true
	}
	return Plan{}, false
}

const unit = "tandem.service"

func systemd(a Agent) Plan {
	ctl := func(args ...string) []string { return append([]string{"systemctl", "--user"}, args...) }
	return Plan{
		File: path.Join(a.Config, "systemd", "user", unit), Text: unitText(a),
		Start:  [][]string{ctl("daemon-reload"), ctl("enable", unit), ctl("restart", unit)},
		Stop:   [][]string{ctl("disable", "--now", unit)},
		After:  [][]string{ctl("daemon-reload")},
		Status: ctl("status", "--no-pager", "--lines=0", unit),
		Logs:   []string{"journalctl", "--user", "--no-pager", "--output=short-iso", "--unit=" + unit},
	}
}

const label = "tandem.agent"

func launchd(a Agent) Plan {
	file := path.Join(a.Home, "Library", "LaunchAgents", label+".plist")
	domain := "gui/" + strconv.Itoa(a.UID)
	return Plan{
		File: file, Text: plistText(a),
		Start:  [][]string{{"launchctl", "bootstrap", domain, file}},
		Stop:   [][]string{{"launchctl", "bootout", domain + "/" + label}},
		Status: []string{"launchctl", "print", domain + "/" + label},
	}
}

// logon uses the list of programs that start when the user logs on: a task of
// the scheduler with such a trigger wants an administrator.
func logon(a Agent) Plan {
	const key = `HKCU\Software\Microsoft\Windows\CurrentVersion\Run`
	return Plan{
		Start:  [][]string{{"reg", "add", key, "/v", "tandem", "/t", "REG_SZ", "/d", commandLine(a), "/f"}},
		Stop:   [][]string{{"reg", "delete", key, "/v", "tandem", "/f"}},
		Status: []string{"reg", "query", key, "/v", "tandem"},
		Later:  true,
	}
}
