package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"tandem/syncer"
)

// deeds is what a pass did, in a few words.
func deeds(s syncer.Summary) string {
	var done []string
	add := func(n int, what string) {
		if n > 0 {
			done = append(done, humanize.Comma(int64(n))+" "+what)
		}
	}
	add(s.Uploaded, "uploaded")
	add(s.Downloaded, "downloaded")
	if n := s.CreatedFolders; n > 0 {
		done = append(done, count(n, "folder")+" created")
	}
	add(s.Moved, "moved")
	if n := s.TimesSet; n > 0 {
		done = append(done, count(n, "time")+" set")
	}
	add(s.DeletedLocal, "deleted here")
	add(s.DeletedRemote, "deleted online")
	add(s.Conflicts, "kept twice")
	if s.TrashFreed > 0 {
		done = append(done, humanize.Bytes(uint64(s.TrashFreed))+" removed from the trash for room")
	}
	if len(done) == 0 {
		done = []string{"nothing to do"}
	}
	return fmt.Sprintf("%s (%s)", strings.Join(done, ", "), strings.Join(effort(s), ", "))
}

// effort is what it took.
func effort(s syncer.Summary) []string {
	var took []string
	if s.BytesUp > 0 {
		took = append(took, humanize.Bytes(uint64(s.BytesUp))+" up")
	}
	if s.BytesDown > 0 {
		took = append(took, humanize.Bytes(uint64(s.BytesDown))+" down")
	}
	return append(took, count(int(s.Requests), "request"), time.Duration(s.Seconds*float64(time.Second)).Round(10*time.Millisecond).String())
}

// busy says that a pass did anything.
func busy(s syncer.Summary) bool {
	return s.Uploaded+s.Downloaded+s.CreatedFolders+s.Moved+s.TimesSet+s.DeletedLocal+s.DeletedRemote+s.Conflicts > 0
}

func verdict(s syncer.Summary) string {
	switch {
	case s.NeedsPerson(), s.Conflicts > 0 && len(s.Waiting) > 0:
		return "synced, but something waits for you"
	case s.Conflicts > 0:
		return "in sync, with conflicts for you to look at"
	case len(s.Waiting) > 0:
		return "in sync but for " + count(len(s.Waiting), "item")
	}
	return "in sync"
}
