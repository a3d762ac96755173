//go:build !linux

package disk

import "tandem/watcher"

func fsid(*watcher.Root) string { return "" }
func remote(*watcher.Root) bool { return false }
