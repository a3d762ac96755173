package task_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote/remotetest"
)

// Two versions of one second, both of which open, are two: what the library has is known
// to be made of the other.
func TestWhatWasMadeOfAnotherFileIsNotTheSame(t *testing.T) {
	b := newBench(t, remotetest.Options{Kind: remotetest.Library})
	for _, match := range []string{"PUT content", "PUT upload"} {
		b.srv.Fail(remotetest.Fault{Match: match, Twist: remotetest.Enrich})
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, row := range []struct{ text, want string }{
		{"offer", task.Done}, {"offer", task.Same}, {"another offer", task.Done}, {"another offer", task.Same},
	} {
		b.write(t, "f.docx", row.text)
		must(t, os.Chtimes(filepath.Join(b.dir, "f.docx"), at, at))
		from, err := task.OpenOrigin(b.dir, nil)
		must(t, err)
		l, err := from.Look("f.docx")
		must(t, err)
		l.To = "f.docx"
		put := task.Put{To: b.Drive, Top: b.root, KeepTimes: true, Report: b.report()}
		put.Run(t.Context(), []task.Local{l})
		must(t, from.Close())
		if len(b.results) != 1 || b.results[0].Done != row.want {
			t.Errorf("%q: %+v, want %s", row.text, b.results, row.want)
		}
	}
}
