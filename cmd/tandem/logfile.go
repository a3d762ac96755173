package main

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"
)

// logMost is how large a log grows before it becomes the old one. With the old
// one before it, that is enough to tell what happened last week.
const logMost = 4 << 20

// A logFile takes what is said where no system service does, with the time.
type logFile struct {
	path string

	mu sync.Mutex
	f  *os.File
	n  int64
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.open()
}

func (l *logFile) open() (err error) {
	if l.f, err = os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	info, err := l.f.Stat()
	if err == nil {
		l.n = info.Size()
	}
	return err
}

// Write takes one line.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n > logMost {
		l.f.Close() // what it held is written
		if err := errors.Join(os.Rename(l.path, l.path+".old"), l.open()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	n, err := l.f.WriteString(time.Now().Format("2006-01-02 15:04:05 ") + string(line))
	l.n += int64(n)
	if err != nil {
		return 0, err
	}
	return len(line), nil
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
