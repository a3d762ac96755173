package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"runtime"
)

// Where things are kept, by the customs of each system.

func (p *program) home() (string, error) {
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if dir := p.env(name); dir != "" {
			return dir, nil
		}
	}
	return "", usage(errors.New("there is no home directory: HOME is not set"), "set HOME, or pass --config and --state")
}

// place gives tandem's directory below the one that an XDG variable names, or
// below the system's usual one.
func (p *program) place(xdg, unix, windows string) (string, error) {
	if dir := p.env(xdg); filepath.IsAbs(dir) { // a relative one is to be ignored, says the XDG specification
		return filepath.Join(dir, "tandem"), nil
	}
	if dir := p.env(windows); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "tandem"), nil
	}
	home, err := p.home()
	if runtime.GOOS == "darwin" {
		unix = "Library/Application Support"
	}
	return filepath.Join(home, unix, "tandem"), err
}

func (p *program) configFile() (string, error) {
	if p.configPath != "" {
		return filepath.Abs(p.configPath)
	}
	dir, err := p.place("XDG_CONFIG_HOME", ".config", "APPDATA")
	return filepath.Join(dir, "config.toml"), err
}

func (p *program) stateHome() (string, error) {
	if p.stateDir != "" {
		return filepath.Abs(p.stateDir)
	}
	return p.usualState()
}

func (p *program) usualState() (string, error) {
	return p.place("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")
}

// folderLocks is where each tandem of this user looks for the locks on folders, whatever
// state it works with; "" where nothing says where that is.
func (p *program) folderLocks() string {
	dir, err := p.usualState()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "locks")
}

// fileName makes a name from the configuration fit for a file.
func fileName(name string) string { return url.PathEscape(name) }
