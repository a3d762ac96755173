package transfer

import (
	"testing"
	"time"

	"tandem/remote"
	"tandem/state"
)

// TestASessionIsResumedOnlyForTheSameFileAndTarget: another upload would get the first
// piece of this one.
func TestASessionIsResumedOnlyForTheSameFileAndTarget(t *testing.T) {
	db := openState(t)
	now := time.Now()
	sessions := Sessions{DB: db, Update: db.Update, Now: func() time.Time { return now }, Keys: []int64{7, -11}}
	kept := state.Session{
		Folder: 1, Key: 7, Address: "https://upload.example/1", Expires: now.Add(time.Hour),
		Path: "f.bin", Ino: 11, Size: 5 << 20, MTime: 13, Hash: "01234567890123456789", ETag: "tag", ParentID: "parent", Name: "f.bin", ItemID: "item",
	}
	must(t, db.Update(func(tx *state.Tx) error { return tx.PutSession(kept) }))
	for name, change := range map[string]func(s *state.Session){
		"the same":        func(*state.Session) {},
		"another path":    func(s *state.Session) { s.Path = "elsewhere" },
		"another size":    func(s *state.Session) { s.Size++ },
		"another time":    func(s *state.Session) { s.MTime++ },
		"another inode":   func(s *state.Session) { s.Ino++ },
		"another eTag":    func(s *state.Session) { s.ETag = "newer" },
		"another name":    func(s *state.Session) { s.Name = "g.bin" },
		"another folder":  func(s *state.Session) { s.ParentID = "elsewhere" },
		"another content": func(s *state.Session) { s.Hash = "x1234567890123456789" },
		"another item":    func(s *state.Session) { s.ItemID = "other" },
		"after its end":   func(s *state.Session) { now = kept.Expires.Add(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			began := now
			defer func() { now = began }()
			want := kept
			want.Address, want.Expires = "", time.Time{}
			change(&want)
			u := remote.Upload{ParentID: "parent", Name: "f.bin"}
			_, err := sessions.Use(&u, want)
			must(t, err)
			if same := name == "the same" || name == "another path"; (u.Session != nil) != same {
				t.Errorf("resumed is %v, want %v", u.Session != nil, same)
			}
		})
	}
}

func TestASessionIsForgottenOnceItsUploadHasEnded(t *testing.T) {
	db := openState(t)
	sessions := Sessions{DB: db, Update: db.Update, Now: time.Now, Keys: []int64{7}}
	want := state.Session{Folder: 1, Key: 7, Ino: 11}
	var u remote.Upload
	drop, err := sessions.Use(&u, want)
	must(t, err)
	must(t, u.Opened(remote.Session{Address: "https://upload.example/1", Expires: time.Now().Add(time.Hour)}))
	if _, err := sessions.Use(&u, want); err != nil || u.Session == nil || u.Session.Address.Reveal() != "https://upload.example/1" {
		t.Fatalf("%+v, %v", u.Session, err)
	}
	must(t, db.Update(drop))
	if _, err := sessions.Use(&u, want); err != nil || u.Session != nil {
		t.Errorf("%+v, %v", u.Session, err)
	}
}
