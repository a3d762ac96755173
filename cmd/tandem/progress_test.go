package main

import (
	"testing"
	"time"

	"tandem/syncer"
)

func TestProgressTellsFilesBytesRateAndTimeLeft(t *testing.T) {
	for _, test := range []struct {
		now  syncer.Progress
		took time.Duration
		want string
	}{
		{syncer.Progress{Looked: 12345, Listed: 200}, time.Minute, "looking: 12,345 here, 200 online"},
		{syncer.Progress{Files: 1, Bytes: 10}, 0, "0 of 1 file, 0 B of 10 B"},
		{syncer.Progress{Files: 2000, Done: 500, Bytes: 8e6, Moved: 2e6}, 4 * time.Second, "500 of 2,000 files, 2.0 MB of 8.0 MB, 500 kB/s, 12s left"},
		{syncer.Progress{Files: 3, Done: 3, Bytes: 6e6, Moved: 6e6}, 4 * time.Second, "3 of 3 files, 6.0 MB of 6.0 MB"},
		{syncer.Progress{Files: 3, Done: 1, Bytes: 5e6, Moved: 6e6}, 4 * time.Second, "1 of 3 files, 6.0 MB of 6.0 MB"},
		{syncer.Progress{Files: 3, Done: 1, Bytes: 6e6, Moved: 6e6}, 2 * time.Minute, "1 of 3 files, 6.0 MB of 6.0 MB"},
		{syncer.Progress{Files: 3, Done: 1, Bytes: 6.1e6, Moved: 6e6}, 4 * time.Second, "1 of 3 files, 6.0 MB of 6.1 MB"},
		{syncer.Progress{Files: 3, Done: 1, Bytes: 7e6, Moved: 6e6}, 4 * time.Second, "1 of 3 files, 6.0 MB of 7.0 MB, 1.5 MB/s, 1s left"},
	} {
		if got := describe(test.now, test.took); got != test.want {
			t.Errorf("describe(%+v) = %q, want %q", test.now, got, test.want)
		}
	}
}

func TestAPassIsToldInAFewWords(t *testing.T) {
	for _, test := range []struct {
		sum  syncer.Summary
		want string
	}{
		{syncer.Summary{Requests: 1, Seconds: 0.1}, "in sync: nothing to do (1 request, 100ms)"},
		{syncer.Summary{Uploaded: 2000, CreatedFolders: 1, BytesUp: 8e6, Requests: 2200, Seconds: 8},
			"in sync: 2,000 uploaded, 1 folder created (8.0 MB up, 2,200 requests, 8s)"},
		{syncer.Summary{Moved: 2, TimesSet: 1, Requests: 3}, "in sync: 2 moved, 1 time set (3 requests, 0s)"},
		{syncer.Summary{Conflicts: 1, Requests: 3}, "in sync, with conflicts for you to look at: 1 kept twice (3 requests, 0s)"},
		{syncer.Summary{Conflicts: 1, Waiting: []syncer.Waiting{{Path: "x", Why: "locked"}}, Requests: 3}, "synced, but something waits for you: 1 kept twice (3 requests, 0s)"},
		{syncer.Summary{Waiting: []syncer.Waiting{{Path: "x", Why: "locked"}}, Requests: 3}, "in sync but for 1 item: nothing to do (3 requests, 0s)"},
		{syncer.Summary{Waiting: []syncer.Waiting{{Path: "x", Why: "name", Person: true}}, Requests: 3}, "synced, but something waits for you: nothing to do (3 requests, 0s)"},
	} {
		if got := verdict(test.sum) + ": " + deeds(test.sum); got != test.want {
			t.Errorf("told %q, want %q", got, test.want)
		}
	}
}
