package task

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Result is what became of one file or folder. Its JSON shape is a contract.
type Result struct {
	Op   string `json:"op"`             // get, put, cp, mv, rm, mkdir
	Path string `json:"path"`           // what it was done to
	To   string `json:"to,omitempty"`   // where it is now
	Size int64  `json:"size,omitempty"` // of a file
	Done string `json:"result"`         // done, same, skipped, failed, or planned in a dry run
	Why  string `json:"why,omitempty"`
	Time string `json:"time,omitempty"` // where all else is the same, and keep_times on: set or left
	Err  error  `json:"-"`
}

// What Result.Done may say.
const (
	Done    = "done"
	Same    = "same"    // both sides are equal already
	Skipped = "skipped" // a rule says so
	Failed  = "failed"
	Planned = "planned"
)

// A Report hears of each result as it comes, one at a time, and of how far the
// whole is.
type Report struct {
	Result func(Result)

	mu    sync.Mutex
	files atomic.Int64
	bytes atomic.Int64
	done  atomic.Int64
	moved atomic.Int64
}

func (r *Report) tell(res Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Result != nil {
		r.Result(res)
	}
}

// expect counts a file that is to be moved.
func (r *Report) expect(size int64) {
	r.files.Add(1)
	r.bytes.Add(max(size, 0))
}

// spare takes back what was expected of a file that is not to be moved.
func (r *Report) spare(size int64) {
	r.files.Add(-1)
	r.bytes.Add(-max(size, 0))
}

func (r *Report) came(n int64) { r.moved.Add(n) }

// Progress is how far the whole is: files, and bytes.
func (r *Report) Progress() (done, files int, moved, bytes int64) {
	return int(r.done.Load()), int(r.files.Load()), r.moved.Load(), r.bytes.Load()
}

// workers is how many files are under way at once. How many requests are is for
// the client to say.
const workers = 24

// each calls do for every one, several at a time, until the context ends. A
// single one is done right here.
func each[T any](ctx context.Context, all []T, do func(T)) {
	if len(all) == 1 && ctx.Err() == nil {
		do(all[0])
		return
	}
	var busy errgroup.Group
	busy.SetLimit(workers)
	for _, v := range all {
		if ctx.Err() != nil {
			break
		}
		busy.Go(func() error { do(v); return nil })
	}
	_ = busy.Wait() // what became of each is in the report
}

// An Overwrite says whether what stands under the name gives way. The zero value
// is Always.
type Overwrite string

// The values of Overwrite. Sizes are those of what comes, compared with what is
// there.
const (
	Always      Overwrite = "always"
	Newer       Overwrite = "newer"
	Never       Overwrite = "never"
	SizeSame    Overwrite = "size-same"
	SizeSmaller Overwrite = "size-smaller"
	SizeLarger  Overwrite = "size-larger"
	SizeDiffers Overwrite = "size-differs"
)

// Overwrites are the values in the order in which people are told of them.
var Overwrites = []Overwrite{Always, Newer, Never, SizeSame, SizeSmaller, SizeLarger, SizeDiffers}

// lets reports whether a file that comes replaces one that is there, and if not
// why. Times are compared in whole seconds: more is not kept everywhere.
func (o Overwrite) lets(came, there stamp) (bool, string) {
	switch o {
	case Never:
		return false, "it is there already"
	case Newer:
		return came.mtime.Truncate(time.Second).After(there.mtime.Truncate(time.Second)), "what is there is as new"
	case SizeSame:
		return came.size == there.size, "the sizes differ"
	case SizeSmaller:
		return came.size < there.size, "it is not smaller than what is there"
	case SizeLarger:
		return came.size > there.size, "it is not larger than what is there"
	case SizeDiffers:
		return came.size != there.size, "the sizes are the same"
	}
	return true, ""
}

// A stamp is what overwriting depends on.
type stamp struct {
	size  int64
	mtime time.Time
}
