package main

import (
	"context"
	"slices"
)

// A verb is something that a task can do: a command, and what verb may say in
// [task.NAME]. Flags, keys, completion and help come from its options.
type verb struct {
	name     string
	title    string // what it does: the first line of its help, without the full stop
	args     string // what the command takes; "" = it is for [task.NAME] alone
	orArgs   string // or this
	about    string // paragraphs of the help
	options  []taskOption
	filter   filterUse
	examples []string
	exits    string // exit codes; their first is 0
	past     string // what has become of a file; "" = the verb prints data, which says it

	do func(*work, context.Context) error
}

// A filterUse is how much of the filter a verb has a use for.
type filterUse int

const (
	noFilter   filterUse = iota
	eachFilter           // what is about each file by itself
	allFilter            // order and number, too
)

const (
	onePlace  = "PLACE..."
	twoPlaces = "SOURCE... TARGET"

	someOrNone    = "0 (also when nothing matches), "
	andOccupied   = ", 4 sign-in needed, 5 another task is at work on a file"
	orNoSuchPlace = "1 could not finish, 2 usage, no such place"
)

// verbs are all that there are. Whoever adds one here has added it to the
// commands, the tasks of the configuration, their help, manual and completion.
var verbs = []*verb{
	{
		name: "ls", title: "List what is online", args: onePlace, do: (*work).ls,
		about: `PLACE is CONNECTION:/path, where * and ? stand for parts of names, or a path in
a synced folder. Of a folder, what is in it is listed, a line each; folders end
in a slash. The whole tree comes from the change feed, so even of a large drive
the first lines come at once.`,
		options: []taskOption{longOut, recursive, taskDrive, inJSON}, filter: allFilter,
		examples: []string{
			"tandem ls personal:/Documents -l --sort size:desc",
			"tandem ls work:/ -R --name '*.pdf' --newer 7d --json"},
		exits: someOrNone + orNoSuchPlace + ", 4 sign-in needed",
	},
	{
		name: "du", title: "Say how much space things take online", args: onePlace, do: (*work).du,
		about: `PLACE is CONNECTION:/path or a path in a synced folder. For each folder directly
in it, and for all of it, the files and bytes below are counted; with a filter,
those that it lets through. --sort and --limit are about the lines. Former versions
and the recycle bin are not counted.`,
		options: []taskOption{recursive.says("a line for every folder below"), taskDrive, inJSON}, filter: allFilter,
		examples: []string{
			"tandem du personal:/ --sort size:desc --limit 10",
			"tandem du work:/Projects --older 1y --json"},
		exits: someOrNone + orNoSuchPlace + ", 4 sign-in needed",
	},
	{
		name: "get", title: "Fetch files from online", args: twoPlaces, orArgs: "SOURCE -", do: (*work).get, past: "fetched",
		about: `SOURCE is CONNECTION:/path, where * and ? stand for parts of names. Of a folder,
the files in it that the filter lets through come; they land in TARGET/folder,
or right in TARGET if SOURCE ends in a slash. TARGET is a folder here, made if it
is missing, or for a single file its new name; - is standard output.

What comes is checked by its hash before it gets its name. A large file that was
cut short is gone on with by the same command.`,
		options: []taskOption{taskTarget, recursive, overwrite, keepTimes, dryRun, taskDrive, inJSON,
			deleteSource.says("afterwards to the recycle bin online, once it is proved that what came is the same")},
		filter: allFilter,
		examples: []string{
			"tandem get personal:/Photos/2026 ~/Pictures -R",
			"tandem get 'work:/Inbox/*.csv' /srv/in --delete-source --json"},
		exits: someOrNone + orNoSuchPlace + ", 3 a name is refused here or something is in the way" + andOccupied,
	},
	{
		name: "put", title: "Send files online", args: twoPlaces, orArgs: "- TARGET", do: (*work).put, past: "sent",
		about: `SOURCE is a file or folder here; - is standard input. Of a folder, the files in
it that the filter lets through are sent; they land in TARGET/folder, or right in
TARGET if SOURCE ends in a slash. TARGET is CONNECTION:/path: a folder, made if
it is missing, or for a single file its new name. Links are not followed.

What was sent is checked by its hash. A large file that was cut short is gone on
with by the same command. What is replaced online stays there as an old version.`,
		options: []taskOption{taskTarget, recursive, overwrite, keepTimes, dryRun, taskDrive, inJSON,
			deleteSource.says("here, once it is proved that what is online is the same")},
		filter: allFilter,
		examples: []string{
			"tandem put report.pdf work:/Reports/",
			"pg_dump shop | tandem put - work:/Backups/shop.sql"},
		exits: someOrNone + "1 could not finish, 2 usage, no such file, 3 a name is refused online or something is in the way" + andOccupied,
	},
	{
		name: "mkdir", title: "Make folders online", args: onePlace, do: (*work).mkdir, past: "made",
		about: `PLACE is CONNECTION:/path or a path in a synced folder. The folders above are
made too, and one that is there already is fine.`,
		options: []taskOption{dryRun, taskDrive, inJSON},
		examples: []string{
			"tandem mkdir work:/Reports/2026/05",
			"tandem mkdir personal:/Inbox personal:/Done"},
		exits: "0, 1 could not finish, 2 usage, or a file has the name, 4 sign-in needed",
	},
	{
		name: "rm", title: "Delete online, to the recycle bin", args: onePlace, do: (*work).rm, past: "deleted",
		about: `PLACE is CONNECTION:/path, where * and ? stand for parts of names, or a path in
a synced folder. With a filter, what it lets through in PLACE is deleted, and a
folder only if all that is in it is; without, PLACE itself.`,
		options: []taskOption{recursive.says("a folder with all that is in it; else files only"), permanent, noAsk, dryRun, taskDrive, inJSON}, filter: allFilter,
		examples: []string{
			"tandem rm 'work:/Inbox/*.tmp'",
			"tandem rm -R personal:/Scans --older 1y --dry-run"},
		exits: someOrNone + orNoSuchPlace + ", 3 something changed meanwhile and stays, 4 sign-in needed",
	},
	{
		name: "mv", title: "Move or rename online", args: twoPlaces, do: (*work).change, past: "moved",
		about: `SOURCE and TARGET are CONNECTION:/path, or paths in a synced folder. TARGET is a
folder, or for a single SOURCE its new name. A folder is moved with all that is
in it; with a filter, what it lets through in SOURCE is moved.

Within a drive that is one request for each SOURCE. To another drive, files go
through this machine one by one, as with get and put; each source goes to its
recycle bin once hashes prove that the copy is the same, and a folder when nothing
is left in it.`,
		options: []taskOption{taskTarget, recursive, overwrite, keepTimes, dryRun, taskDrive, inJSON, targetDrive}, filter: allFilter,
		examples: []string{
			"tandem mv work:/Inbox/report.pdf work:/Done/",
			"tandem mv personal:/Camera work:/Photos/2026 --name '*.jpg'"},
		exits: someOrNone + orNoSuchPlace + ", 3 something is in the way or changed meanwhile" + andOccupied,
	},
	{
		name: "cp", title: "Copy online", args: twoPlaces, do: (*work).change, past: "copied",
		about: `SOURCE and TARGET are CONNECTION:/path, or paths in a synced folder. TARGET is a
folder, or for a single SOURCE its new name. It ends when the copies are there.

Within a drive the service copies, and no bytes come here; copied folders get the
time of the copying, and so does what is in them, single files keep theirs. To
another drive, files go through this machine one by one, as with get and put:
checked by their hashes, and a large one that was cut short is gone on with by the
same command. The disk needs room for the three largest.`,
		options: []taskOption{taskTarget, recursive.says("a folder with all that is in it"), overwrite, keepTimes, dryRun, taskDrive, inJSON, targetDrive}, filter: allFilter,
		examples: []string{
			"tandem cp work:/Templates/invoice.xlsx work:/Invoices/2026-05.xlsx",
			"tandem cp -R personal:/Photos/2026 work:/Photos/"},
		exits: someOrNone + orNoSuchPlace + ", 3 something is in the way or changed meanwhile" + andOccupied,
	},
	{
		name: "share", title: "Make a link with which others reach something online", args: onePlace, do: (*work).share,
		about: `PLACE is CONNECTION:/path or a path in a synced folder. The link is printed; who
has it can do what it says. If there is one of that sort already, it is given.`,
		options: []taskOption{linkKind, linkScope, linkExpires, taskDrive, inJSON},
		examples: []string{
			"tandem share personal:/Photos/2026",
			"tandem share work:/Offer.pdf --scope organization --expires 2026-12-31"},
		exits: "0, 1 could not finish, or the service refuses such a link, 2 usage, no such place, 4 sign-in needed",
	},
	{
		name: "sync", do: (*work).mirror, past: "done",
		options: []taskOption{taskTarget, keepTimes, direction, sameNames, equals, sourceMissing, holdingCount, holdingPercent}, filter: eachFilter,
	},
}

// verbNamed finds a verb; nil = there is none.
func verbNamed(name string) *verb {
	if i := slices.IndexFunc(verbs, func(v *verb) bool { return v.name == name }); i >= 0 {
		return verbs[i]
	}
	return nil
}

// everyVerb are the options that each has in the configuration. Of a verb's own
// ones only drive is among them: it is a flag as well, in its place in the help.
var everyVerb = []taskOption{taskVerb, taskGroup, taskConnection, taskDrive, taskSource}

// settings are the options of a verb in the configuration; flags, those of its command.
func (v *verb) settings() (all []taskOption) {
	for _, o := range slices.Concat(everyVerb, v.options, v.filtering()) {
		if !o.OnlyFlag && !slices.ContainsFunc(all, o.same) {
			all = append(all, o)
		}
	}
	return all
}

func (v *verb) flags() (all []taskOption) {
	for _, o := range v.options {
		if !o.OnlyKey {
			all = append(all, o)
		}
	}
	return all
}

func (v *verb) filtering() []taskOption {
	if v.filter == noFilter {
		return nil
	}
	return filterOptions(v.filter == eachFilter)
}

// uses reports whether the verb has a use for a key of the configuration.
func (v *verb) uses(key string) bool {
	return slices.ContainsFunc(v.settings(), func(o taskOption) bool { return o.Key == key })
}

// usersOf are the verbs that use a key.
func usersOf(key string) (names []string) {
	for _, v := range verbs {
		if v.uses(key) {
			names = append(names, v.name)
		}
	}
	slices.Sort(names)
	return names
}

// allSettings are the keys that a task can have, whatever its verb.
func allSettings() (all []taskOption) {
	for _, v := range verbs {
		for _, o := range v.settings() {
			if !slices.ContainsFunc(all, o.same) {
				all = append(all, o)
			}
		}
	}
	return all
}

func verbNames() (names []string) {
	for _, v := range verbs {
		names = append(names, v.name)
	}
	slices.Sort(names)
	return names
}
