package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandSequences has the console follow escape sequences, as terminals
// elsewhere do anyway.
func understandSequences(out *os.File) (restore func(), err error) {
	console := windows.Handle(out.Fd())
	var was uint32
	if err := windows.GetConsoleMode(console, &was); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(console, was|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING); err != nil {
		return nil, err
	}
	return func() { windows.SetConsoleMode(console, was) }, nil // nothing can be done if it fails
}
