package remotetest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// control serves the verbs of a person to scripts. It is no part of the
// service: it has a key of its own, and nothing is counted.
func (d *Drive) control(w http.ResponseWriter, c *call) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if said := c.header.Get("Authorization"); d.opt.Controls == "" || subtle.ConstantTimeCompare([]byte(said), []byte("Bearer "+d.opt.Controls)) == 0 {
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte("This wants the emulator's key: Authorization: Bearer KEY\n")) // whoever asked may have gone
		return
	}
	text, err := d.command(c)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		text = err.Error() + "\n"
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return // nobody is there to be told
	}
}

func (d *Drive) command(c *call) (string, error) {
	q := c.query
	if strings.HasPrefix(c.header.Get("Content-Type"), "application/x-www-form-urlencoded") && c.id != "put" {
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return "", err
		}
		maps.Copy(q, form)
	}
	path := q.Get("path")
	switch c.id {
	case "cat":
		return d.Content(path)
	case "ls":
		return strings.Join(append(d.List(), ""), "\n"), nil
	case "count":
		if q.Has("of") {
			return fmt.Sprintln(d.Count(q.Get("of"))), nil
		}
		return fmt.Sprintln(d.Requests()), nil
	case "token":
		access, refresh := d.SignIn(q.Get("client_id"))
		b, err := json.Marshal(map[string]any{"access_token": access, "token_type": "Bearer", "refresh_token": refresh,
			"expiry": d.opt.Clock().Add(d.opt.AccessLife).Format(time.RFC3339)})
		return string(b) + "\n", err
	}
	if c.method != http.MethodPost {
		return "", fmt.Errorf("no such question: %q, or it wants a POST", c.id)
	}
	return "", d.order(c, q, path)
}

// order carries out a command that changes something.
func (d *Drive) order(c *call, q url.Values, path string) (err error) {
	switch c.id {
	case "put":
		_, err = d.Put(path, string(c.body))
	case "mkdir":
		_, err = d.Mkdir(path)
	case "mv":
		err = d.Move(q.Get("from"), q.Get("to"))
	case "rm":
		err = d.Delete(path)
	case "touch":
		var at time.Time
		if at, err = time.Parse(time.RFC3339, q.Get("time")); err == nil {
			err = d.Touch(path, at)
		}
	case "mark":
		d.Mark()
	case "rewind":
		_, _, err = d.Rewind()
	case "opaque":
		_, err = d.PutOpaque(path, Opaque(q.Get("what")))
	case "fill":
		r := reader{q: q}
		files, folders, size := r.int("files"), r.int("folders"), r.int("size")
		if err = r.err; err == nil {
			err = d.Fill(path, files, folders, int64(size))
		}
	case "twins":
		r := reader{q: q}
		files := r.int("files")
		if err = r.err; err == nil {
			err = d.PutTwins(path, files)
		}
	case "nest":
		r := reader{q: q}
		folders := r.int("folders")
		if err = r.err; err == nil {
			err = d.Nest(path, folders)
		}
	case "quota":
		r := reader{q: q}
		total := r.int("total")
		if err = r.err; err == nil {
			d.SetQuota(int64(total))
		}
	case "expire":
		return d.expire(q.Get("what"))
	case "fault":
		var f Fault
		if f, err = readFault(q); err == nil {
			d.Fail(f)
		}
	case "calm":
		d.Calm()
	case "reset":
		d.ResetCounts()
	default:
		err = fmt.Errorf("no such command: %q", c.id)
	}
	return err
}

func (d *Drive) expire(what string) error {
	switch what {
	case "tokens":
		d.ExpireTokens()
	case "cursors":
		d.ExpireCursors()
	case "sign-in":
		d.RevokeSignIn()
	default:
		return fmt.Errorf("cannot expire %q (tokens, cursors or sign-in)", what)
	}
	return nil
}

// readFault makes a fault of a query whose names are those of Fault's fields
// in lower case, words joined by underscores.
func readFault(q url.Values) (Fault, error) {
	r := reader{q: q}
	f := Fault{
		Match: r.string("match"), After: r.int("after"), Times: r.int("times"),
		Chance: r.float("chance"), For: r.duration("for"),
		Status: r.int("status"), Code: r.string("code"), Inner: r.string("inner"),
		RetryAfter: r.duration("retry_after"), Fresh: r.bool("fresh"), Body: r.string("body"), Done: r.bool("done"),
		Drop: r.bool("drop"), CutAt: r.int("cut_at"), Stall: r.duration("stall"),
		Twist: Twist(r.string("twist")), Members: r.string("members"), Items: r.string("items"), Header: r.string("header"),
	}
	for name := range q {
		if !slices.Contains(r.known, name) {
			return f, fmt.Errorf("a fault has no %q", name)
		}
	}
	if f.Twist != "" && !slices.Contains(twistNames, f.Twist) {
		return f, fmt.Errorf("no such twist: %q", f.Twist)
	}
	return f, r.err
}

// A reader takes typed values out of a query and remembers the first error.
type reader struct {
	q     url.Values
	known []string
	err   error
}

func (r *reader) string(name string) string {
	r.known = append(r.known, name)
	return r.q.Get(name)
}

func (r *reader) int(name string) int { return parsed(r, name, strconv.Atoi) }

func (r *reader) bool(name string) bool { return parsed(r, name, strconv.ParseBool) }

func (r *reader) duration(name string) time.Duration { return parsed(r, name, time.ParseDuration) }

func (r *reader) float(name string) float64 {
	return parsed(r, name, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

func parsed[T any](r *reader, name string, parse func(string) (T, error)) (v T) {
	s := r.string(name)
	if s == "" {
		return v
	}
	v, err := parse(s)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
	return v
}
