package main

import "golang.org/x/sys/windows"

// leaveConsole closes the window that Windows opens for a program at logon.
func leaveConsole() {
	windows.NewLazySystemDLL("kernel32.dll").NewProc("FreeConsole").Call() // without one there is none to leave
}
