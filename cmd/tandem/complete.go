package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
)

// completePlaces completes CONNECTION: and then the path online, folder by
// folder: one request for each, and none that would keep a person waiting.
func (p *program) completePlaces(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	s, err := p.begin()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	defer s.close()
	name, rest, online := strings.Cut(word, ":")
	if !online {
		var names []string
		for _, c := range slices.Sorted(maps.Keys(s.cfg.Connection)) {
			if strings.HasPrefix(c, word) {
				names = append(names, c+":/")
			}
		}
		return names, cobra.ShellCompDirectiveNoSpace // with no name of ours the shell goes on with files
	}
	if s.cfg.Connection[name] == nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	dir := rest[:strings.LastIndex(rest, "/")+1]
	place, err := s.remotePlace(ctx, name+":"+dir, defaultErrand())
	if err != nil || place == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	top, err := place.drive.At(ctx, place.base, place.path)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	nodes, err := place.drive.Inside(ctx, top)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return completions(name+":"+dir, rest[len(dir):], nodes)
}

// plain reports whether no shell can take a name for more than a name. Who may write to
// the drive chooses it, and the scripts of some shells put it on the command line as it
// is, or evaluate what is there.
func plain(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune(" ._-+,@=%", r)
	})
}

func completions(before, begun string, nodes []task.Node) ([]string, cobra.ShellCompDirective) {
	var words []string
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, n := range nodes {
		if len(n.Name) < len(begun) || !sameName(n.Name[:len(begun)], begun) || clean(n.Name) != n.Name || !plain(n.Name) {
			continue
		}
		word := before + n.Name
		if n.Kind == remote.Folder {
			word += "/"
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		words = append(words, word)
	}
	return words, directive
}
