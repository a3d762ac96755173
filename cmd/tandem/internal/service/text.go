package service

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// unitText is the unit of systemd. The fence needs user namespaces, which some
// systems do not grant: then it is left out.
func unitText(a Agent) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by tandem service install; tandem service uninstall removes it.

[Unit]
Description=tandem keeps folders here and on OneDrive the same

[Service]
# It is ready once it listens to commands. It does not wait for the network, and
# looks again as soon as there is one.
Type=notify
ExecStart=%s
# The pings come from the loops that decide: one that hangs is started anew.
WatchdogSec=5min
TimeoutStopSec=15s
Restart=on-failure
RestartSec=1min
# 2 is a mistake in the configuration, which another start does not mend.
RestartPreventExitStatus=2
Nice=5
IOSchedulingPriority=6
`, execLine(a))
	if !a.Open {
		b.WriteString(`
# Of the home directory it sees what it needs and nothing else, and it can write
# to the synced folders and its own state only.
ProtectSystem=strict
`)
		fmt.Fprintf(&b, "TemporaryFileSystem=%s:ro\n", unitPath(a.Home))
		for _, p := range a.Writes {
			fmt.Fprintf(&b, "BindPaths=-%s\n", unitPath(p))
		}
		for _, p := range a.Reads {
			fmt.Fprintf(&b, "BindReadOnlyPaths=-%s\n", unitPath(p))
		}
		b.WriteString(`# Before version 254 the manager of a user leaves the fence out without this.
PrivateUsers=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@resources
SystemCallErrorNumber=EPERM
`)
	}
	b.WriteString(`
[Install]
WantedBy=default.target
`)
	return b.String()
}

// execLine quotes a command for a unit, where $ and % have a meaning.
func execLine(a Agent) string {
	var words []string
	for i, w := range append([]string{a.Program}, a.Args...) {
		w = strings.ReplaceAll(w, "%", "%%")
		if i > 0 { // the program's own name is not expanded
			w = strings.ReplaceAll(w, "$", "$$")
		}
		words = append(words, quoted(w))
	}
	return strings.Join(words, " ")
}

// unitPath quotes a path for a unit, where a colon would end it.
func unitPath(p string) string {
	p = strings.ReplaceAll(p, "%", "%%")
	if strings.ContainsAny(p, " \t\n\\\"':") {
		return quoted(p)
	}
	return p
}

func quoted(w string) string { return `"` + escaped(w) + `"` }

func escaped(w string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(w)
}

// plistText is the agent of launchd. It is started anew when it fails.
func plistText(a Agent) string {
	var args strings.Builder
	for _, w := range append([]string{a.Program}, a.Args...) {
		args.WriteString("\t\t<string>")
		xml.EscapeText(&args, []byte(w)) // into memory: no error
		args.WriteString("</string>\n")
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by tandem service install; tandem service uninstall removes it. -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + label + `</string>
	<key>ProgramArguments</key>
	<array>
` + args.String() + `	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>60</integer>
	<key>ExitTimeOut</key>
	<integer>15</integer>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
`
}

// commandLine quotes a command as Windows programs split it.
func commandLine(a Agent) string {
	var words []string
	for _, w := range append([]string{a.Program}, a.Args...) {
		if w == "" || strings.ContainsAny(w, " \t\"") {
			w = quoteForWindows(w)
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// quoteForWindows doubles the backslashes before a quotation mark, and those
// only.
func quoteForWindows(w string) string {
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, c := range []byte(w) {
		switch c {
		case '\\':
			slashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteByte(c)
	}
	b.WriteString(strings.Repeat(`\`, slashes))
	b.WriteByte('"')
	return b.String()
}
