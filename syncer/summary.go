package syncer

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tandem/state"
	"tandem/syncer/plan"
)

// A Summary tells what a run did. Its JSON shape is a contract: see the
// reference in docs/.
type Summary struct {
	Folder         string    `json:"folder"`
	Uploaded       int       `json:"uploaded"`
	Downloaded     int       `json:"downloaded"`
	CreatedFolders int       `json:"created_folders"`
	Moved          int       `json:"moved"`
	TimesSet       int       `json:"times_set"` // of files, on either side, where nothing else had changed
	DeletedLocal   int       `json:"deleted_local"`
	DeletedRemote  int       `json:"deleted_remote"`
	Conflicts      int       `json:"conflicts"`
	Waiting        []Waiting `json:"waiting"`
	BytesUp        int64     `json:"bytes_up"`
	BytesDown      int64     `json:"bytes_down"`
	Requests       int64     `json:"requests"`
	Seconds        float64   `json:"seconds"`
	Error          string    `json:"error"`

	TrashFreed int64 `json:"trash_freed,omitempty"` // bytes by which the trash gave way

	Copies    []string       `json:"copies,omitempty"`     // conflict copies that a single pass made
	LeftAlone map[string]int `json:"left_alone,omitempty"` // links, pipes and the like here, by kind
	NotFiles  []NotFile      `json:"not_files,omitempty"`  // likewise online, each

	Held int `json:"-"` // deletes that wait for a person
}

// Waiting is an item that is not synced, and why.
type Waiting struct {
	Path   string     `json:"path"`
	Why    string     `json:"why"`
	Next   *time.Time `json:"next,omitempty"` // of an agent: when it is tried again, if time alone may change something
	Person bool       `json:"-"`              // nothing changes until a person does something
}

// NotFile is something online that is never synced, and what it is.
type NotFile struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// NotFiles lists what is online below a folder and can never be a file or folder here.
func NotFiles(db *state.DB, folder int64) ([]NotFile, error) {
	all, err := db.NotFiles(folder)
	var list []NotFile
	for _, it := range all {
		list = append(list, NotFile(it))
	}
	return list, err
}

// NeedsPerson says that the run finished but something is not in sync until a person
// does something. What a conflict kept twice is in sync.
func (s Summary) NeedsPerson() bool {
	return s.Held > 0 || slices.ContainsFunc(s.Waiting, func(w Waiting) bool { return w.Person })
}

// summary tells how a run ended, with the error that it ended with.
func (e *Engine) summary(start time.Time, requests int64, err error) (Summary, error) {
	s := e.sum
	s.TrashFreed = e.freed.Load()
	s.Requests = e.drive.Requests() - requests
	s.Seconds = e.clock.Now().Sub(start).Seconds()
	for k, w := range e.waiting {
		if _, ok := e.along[k]; ok {
			continue
		}
		s.Waiting = append(s.Waiting, Waiting{Path: w.Path, Why: w.Why, Person: w.Person})
	}
	for _, h := range e.held {
		s.Waiting = append(s.Waiting, Waiting{Path: cmp.Or(h.Path, e.cfg.Folder.Path), Why: "delete held: " + h.Why, Person: true})
	}
	slices.SortFunc(s.Waiting, func(a, b Waiting) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(s.Copies)
	s.Held = len(e.held)
	var unread error
	s.NotFiles, unread = NotFiles(e.db, e.cfg.Folder.N)
	if err = cmp.Or(err, unread); err != nil {
		s.Error = err.Error()
	}
	return s, err
}

// count adds what a step did to the summary, and says it to the log.
func (e *Engine) count(s *step, out outcome) {
	e.progress.done(s)
	e.happened = e.clock.Now()
	switch s.Op {
	case plan.Upload:
		e.sum.Uploaded++
		e.sum.BytesUp += out.bytes
	case plan.Download:
		e.sum.Downloaded++
		e.sum.BytesDown += out.bytes
	case plan.MakeLocalDir, plan.MakeRemoteDir:
		e.sum.CreatedFolders++
	case plan.MoveLocal, plan.MoveRemote:
		e.sum.Moved++
		if s.Keep != "" {
			e.keptTwice(e.view().pathTo(s.To))
		}
	case plan.DeleteLocal:
		e.sum.DeletedLocal += out.items
	case plan.DeleteRemote:
		e.sum.DeletedRemote += out.items
	case plan.SetTime, plan.Stamp:
		if !out.timed {
			return
		}
		e.sum.TimesSet++
	default:
		return
	}
	if !e.log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	switch s.Op {
	case plan.MoveLocal:
		e.log.Info(e.words(s.Action), "from", s.from, "path", e.pathOfStep(s), "why", s.Why)
	case plan.MoveRemote:
		e.log.Info(e.words(s.Action), "from", e.view().pathOnline(s.Remote.Place), "path", e.pathOfStep(s), "why", s.Why)
	case plan.DeleteLocal: // it stands nowhere any more
		e.log.Info(e.words(s.Action), "path", s.from, "why", s.Why)
	default:
		e.log.Info(e.words(s.Action), "path", e.pathOfStep(s), "why", s.Why)
	}
}

// keptTwice counts a conflict. An agent does not gather the names: its run has no end.
func (e *Engine) keptTwice(copied string) {
	e.sum.Conflicts++
	if e.once {
		e.sum.Copies = append(e.sum.Copies, copied)
	}
}

// words is the past tense of an action.
func (e *Engine) words(a plan.Action) string {
	switch a.Op {
	case plan.Upload:
		return "uploaded"
	case plan.Download:
		return "downloaded"
	case plan.MakeLocalDir:
		return "created folder here"
	case plan.MakeRemoteDir:
		return "created folder online"
	case plan.MoveLocal:
		return "moved here"
	case plan.MoveRemote:
		return "moved online"
	case plan.DeleteLocal:
		return "deleted here"
	case plan.DeleteRemote:
		return "deleted online"
	case plan.SetTime:
		return "set time here"
	case plan.Stamp:
		return "set time online"
	case plan.Adopt:
		return "agreed"
	}
	return "forgotten"
}

// A Step is one line of a plan as a person reads it.
type Step struct {
	Op   string `json:"op"`
	Path string `json:"path"`
	To   string `json:"to,omitempty"`
	Why  string `json:"why"`
}

// steps puts a plan into words.
func (e *Engine) steps(v *view, p plan.Plan) []Step {
	imperative := map[plan.Op]string{
		plan.MakeLocalDir: "create folder here", plan.MakeRemoteDir: "create folder online",
		plan.MoveLocal: "move here", plan.MoveRemote: "move online", plan.Download: "download", plan.Upload: "upload",
		plan.DeleteLocal: "delete here", plan.DeleteRemote: "delete online",
		plan.SetTime: "set time here", plan.Stamp: "set time online",
	}
	var out []Step
	for _, a := range p.Actions {
		op, ok := imperative[a.Op]
		if !ok {
			continue // nothing a person would notice
		}
		st := Step{Op: op, Path: v.path(a.Key), Why: a.Why}
		if a.Op == plan.MoveRemote {
			st.Path = v.pathOnline(a.Remote.Place) // here it has its new name already
		}
		if a.Op == plan.MoveLocal || a.Op == plan.MoveRemote {
			st.To = v.pathTo(a.To)
		}
		if a.Keep != "" && a.Op == plan.Download {
			st.Why += "; yours is kept as " + a.Keep
		}
		out = append(out, st)
	}
	for _, a := range p.Held {
		out = append(out, Step{Op: "held: " + imperative[a.Op], Path: v.path(a.Key), Why: p.HeldWhy})
	}
	return out
}

// pathTo is the path of a place that an item goes to.
func (v *view) pathTo(to plan.Place) string {
	return strings.TrimPrefix(v.path(to.Parent)+"/"+to.Name, "/")
}

// pathOnline is the path of a place online, as far as the change feed has told.
func (v *view) pathOnline(at plan.Place) string {
	names := []string{at.Name}
	for it := range v.upOnline(int64(at.Parent)) {
		if it.N == int64(v.e.root) || it.Parent == 0 {
			break
		}
		names = append(names, it.Name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}
