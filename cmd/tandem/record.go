package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// Small records beside the database: who is signed in, how the last pass went.
// Losing one costs a request or a line of status.

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// writeJSON replaces the record at path as a whole.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing to remove once it has its name
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
