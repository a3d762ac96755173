package main

import (
	"encoding/json"
	"os"

	"tandem/remote"
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
	return remote.WriteSecret(path, data)
}
