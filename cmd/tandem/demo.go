package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tandem/remote/remotetest"
	"tandem/syncer"
)

const demoHelp = `Try tandem on this machine: no account, no configuration, no network.

Usage: tandem demo [--once]

An emulated OneDrive with some files in it, and two machines' folders that
both sync with it, each with an agent of its own. Change something in one and
see it appear in the other. While it runs, every user of this machine can use
its drive, and so change what is in these two folders.

  --once   play one round by itself, say what happened, and exit

Examples:
  tandem demo
  tandem demo --once

Exit codes: 0 both folders are equal, 1 they are not, or something failed
`

func (p *program) demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{Use: "demo", Short: "try it without an account", Long: demoHelp, Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&once, "once", false, "")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d, err := p.newDemo(cmd.Context())
		if err != nil {
			return err
		}
		defer d.close()
		if once {
			return d.round(cmd.Context())
		}
		return d.play(cmd.Context())
	}
	return cmd
}

// A demo is an emulated drive and two machines that share it.
type demo struct {
	*program
	online          *remotetest.Server
	dir             string
	laptop, desktop *machine
}

// A machine is a folder with a tandem of its own.
type machine struct{ *keeper }

func (p *program) newDemo(ctx context.Context) (*demo, error) {
	drive := remotetest.New(remotetest.Options{Account: "anna"})
	if err := furnish(drive); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tandem-demo-")
	if err != nil {
		return nil, err
	}
	d := &demo{program: p, online: remotetest.NewServer(drive), dir: dir}
	d.laptop, err = d.machine(ctx, "laptop")
	if err == nil {
		d.desktop, err = d.machine(ctx, "desktop")
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *demo) close() {
	for _, m := range []*machine{d.laptop, d.desktop} {
		if m != nil {
			m.session.close()
		}
	}
	d.online.Close()
}

// machine makes a folder and signs it in to the emulated drive.
func (d *demo) machine(ctx context.Context, name string) (*machine, error) {
	c, f := defaultConnection(), defaultFolder()
	c.name, c.Cloud, c.TokenStore = name, "custom", "file"
	c.GraphEndpoint, c.LoginEndpoint = d.online.GraphEndpoint(), d.online.LoginEndpoint()
	f.name, f.Connection, f.Local = name, name, filepath.Join(d.dir, name)
	s := d.sessionOf(&config{Connection: map[string]*connection{name: c}, Folder: map[string]*folder{name: f}}, filepath.Join(d.dir, "state", name))
	s.settle, s.poll = 200*time.Millisecond, 2*time.Second
	if err := os.Mkdir(f.Local, 0o777); err != nil {
		return nil, err
	}
	client, err := s.client(c)
	if err != nil {
		return nil, err
	}
	if err := client.LoginBrowser(ctx, visit); err != nil {
		return nil, err
	}
	return &machine{newKeeper(s, f)}, s.openState()
}

// visit does what a browser would with a sign-in page that asks for nothing.
func visit(address string) {
	go func() {
		if answer, err := http.Get(address); err == nil { // else the sign-in waits in vain, until ctx ends
			answer.Body.Close()
		}
	}()
}

const invitation = `Two machines share one emulated OneDrive, each with a folder and an agent:

  %[1]s
  %[2]s

Try, in another terminal:

  echo hello > %[1]s/hello.txt
      and see it appear in %[2]s
  mv %[2]s/Photos %[2]s/Pictures
      it moves here, too: one request, no bytes
  rm -r %[1]s/Music
      there it goes to the trash, in .tandem

Stop with Ctrl-C. The two folders stay in %[3]s until you remove them.

`

// play lets the person try.
func (d *demo) play(ctx context.Context) error {
	for _, m := range []*machine{d.laptop, d.desktop} {
		if err := m.catchUp(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, "\n"+invitation, d.laptop.folder.Local, d.desktop.folder.Local, d.dir)
	return d.newAgent("", []*keeper{d.laptop.keeper, d.desktop.keeper}).run(ctx)
}

// round plays what a person might do, and says what came of it.
func (d *demo) round(ctx context.Context) error {
	defer os.RemoveAll(d.dir)
	acts := []struct {
		what string
		do   func() error
	}{
		{"The drive holds a few folders already; both machines fetch them", func() error { return nil }},
		{"A file is created on the laptop", func() error { return d.laptop.write("Notes/from the laptop.txt", "hello\n") }},
		{"It is edited on the desktop", func() error { return d.desktop.write("Notes/from the laptop.txt", "hello from the desktop\n") }},
		{"A folder is renamed on the laptop: one request, no bytes", func() error { return d.laptop.rename("Photos/2025 Lisbon", "Photos/Lisbon in spring") }},
		{"One file is edited on both: both versions are kept", func() error {
			return errors.Join(d.laptop.write("Notes/todo.md", "- call Ben\n"), d.desktop.write("Notes/todo.md", "- call Cleo\n"))
		}},
		{"A folder is deleted on the desktop: on the laptop it goes to the trash", func() error { return d.desktop.remove("Music") }},
	}
	for _, act := range acts {
		fmt.Fprintf(d.out, "\n%s\n", act.what)
		if err := act.do(); err != nil {
			return err
		}
		for _, m := range []*machine{d.laptop, d.desktop, d.laptop} {
			if err := m.catchUp(ctx); err != nil {
				return err
			}
		}
	}
	return d.compare()
}

func (m *machine) write(name, text string) error {
	return os.WriteFile(filepath.Join(m.folder.Local, name), []byte(text), 0o666)
}

func (m *machine) rename(from, to string) error {
	return os.Rename(filepath.Join(m.folder.Local, from), filepath.Join(m.folder.Local, to))
}

func (m *machine) remove(name string) error {
	return os.RemoveAll(filepath.Join(m.folder.Local, name))
}

// catchUp makes one pass, and says what it did if anything.
func (m *machine) catchUp(ctx context.Context) error {
	out, err := m.engage(ctx, m.folder, func(syncer.Progress) {})
	if err != nil {
		return fmt.Errorf("%s: %w", m.folder.name, err)
	}
	if s := out.Summary; busy(s) {
		fmt.Fprintf(m.out, "  %-8s %s\n", m.folder.name+":", deeds(s))
	}
	return nil
}

// compare fails unless the two folders hold the same.
func (d *demo) compare() error {
	here, err := contents(d.laptop.folder.Local)
	if err != nil {
		return err
	}
	there, err := contents(d.desktop.folder.Local)
	if err != nil {
		return err
	}
	for _, path := range differing(here, there) {
		d.screen.say("differs: %q", path)
	}
	if len(differing(here, there)) > 0 {
		return errors.New("the two folders differ")
	}
	fmt.Fprintf(d.out, "\nBoth folders are equal: %s\n", count(len(here), "item"))
	return nil
}
