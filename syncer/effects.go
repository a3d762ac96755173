package syncer

import (
	"context"
	"time"

	"tandem/remote"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// The engine reaches the world through the interfaces below and in no
// other way: no os, no net, no clock, no go statement of its own. Each has two
// implementations, the real one and the simulator's.

// FS is the synced folder; [*disk.Disk] is the real one.
type FS interface {
	disk.Verbs
	PrivateDir(rel string) ([]watcher.Entry, error)
	Identity() (disk.Identity, error)
}

// Drive is OneDrive; [*remote.Client] is the real one. Retries and throttling
// are its business: an error that comes back is final for this look.
type Drive interface {
	Delta(ctx context.Context, drive, link string) (remote.DeltaPage, error)
	Item(ctx context.Context, drive, id string) (remote.Item, error)
	ItemIn(ctx context.Context, drive, parentID, name string) (remote.Item, error)
	Children(ctx context.Context, drive, id string, wanted func(remote.Item) bool) ([]remote.Item, error)
	CreateFolder(ctx context.Context, drive, parentID, name string, mtime time.Time) (remote.Item, error)
	Move(ctx context.Context, drive, id, etag, parentID, name string, mtime time.Time) (remote.Item, error)
	Delete(ctx context.Context, drive, id, etag string) error
	DeleteFolder(ctx context.Context, drive, id string, look func(context.Context) (version string, err error)) error
	Restore(ctx context.Context, drive, id, parentID, name string) (remote.Item, error)
	TrySetTimes(ctx context.Context, drive string, stamps []remote.Stamp) ([]remote.StampResult, error)
	Upload(ctx context.Context, u remote.Upload) (remote.Uploaded, error)
	CancelSession(ctx context.Context, s remote.Session) error
	Download(ctx context.Context, drive, id string, address remote.Secret, offset int64) (*remote.Body, error)
	Requests() int64
}

// Clock tells the time and wakes the engine.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Watch gives hints of what may have changed here; [*watcher.Watcher] is the
// real one.
type Watch interface {
	Add(rel string) error
	Forget(rel string)
	Events() <-chan watcher.Event
	Restless() map[string]time.Time
}

// Spawn runs a piece of work beside the engine; a simulator decides when it
// goes on and how it ends.
type Spawn func(work func())

// Await is told by such work that it can go on only once the loop has made
// rows durable, or other work has let go of something, and may return when ready
// says so. It is the one place where work waits for either; a simulator lets others
// go on meanwhile.
type Await func(ready func() bool)

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func goroutine(work func()) { go work() }
