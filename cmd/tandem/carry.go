package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"tandem/remote"
)

// A parcel is a sign-in on its way to another machine. It is JSON within an age
// file, so that age itself can open it where tandem is not.
type parcel struct {
	ClientID      string `json:"client_id"` // the app that it is for, and no other
	Tenant        string `json:"tenant"`
	LoginEndpoint string `json:"login_endpoint"`
	RefreshToken  string `json:"refresh_token"`
	Name          string `json:"name"`
	Email         string `json:"email"`
}

const largestParcel = 1 << 20

// export writes the sign-in of c to a file, encrypted to a passphrase.
func (s *session) export(ctx context.Context, c *connection, file, passphraseFile string) error {
	if c.SignIn == byApp {
		return usage(fmt.Errorf("connection %q signs in as an app: its secret is all there is to carry", c.name), "see: tandem connection secret --help")
	}
	client, err := s.client(c)
	if err != nil {
		return err
	}
	if !client.SignedIn() {
		return notSignedIn(c)
	}
	passphrase, err := s.passphrase(passphraseFile, file == "-", true)
	if err != nil {
		return err
	}
	token, err := client.Export(ctx)
	if err != nil {
		return advise(err, c)
	}
	who, err := s.account(ctx, c)
	if err != nil {
		return advise(err, c)
	}
	sealed, err := seal(parcel{c.app(), c.Tenant, c.LoginEndpoint, token.Reveal(), who.Name, who.Email}, passphrase)
	if err != nil {
		return err
	}
	if file == "-" {
		_, err := s.out.Write(sealed)
		return err
	}
	if err := remote.WriteSecret(file, sealed); err != nil {
		return fmt.Errorf("export to %q: %w", file, err)
	}
	s.screen.say("exported the sign-in of %s to %q", who, file)
	s.screen.hint("on the other machine: tandem login %s --import %s; then delete the file: together with the passphrase it works like a password", c.name, filepath.Base(file))
	return nil
}

// takeOver signs in with what export has written.
func (p *program) takeOver(ctx context.Context, args []string, file, passphraseFile, who string) error {
	s, err := p.begin()
	if err != nil {
		return err
	}
	defer s.close()
	s.expected = who
	sealed, err := p.readParcel(file)
	if err != nil {
		return err
	}
	passphrase, err := p.passphrase(passphraseFile, file == "-", false)
	if err != nil {
		return err
	}
	from, err := unseal(sealed, passphrase)
	if err != nil {
		return usage(fmt.Errorf("import %q: %w", file, err), "")
	}
	c, err := s.connectionNamed(args)
	if err != nil {
		return usage(err, "")
	}
	if c.SignIn == byApp {
		return usage(fmt.Errorf("connection %q signs in as an app, and this is the sign-in of %s", c.name, from.Email), "use another connection")
	}
	if c.app() != from.ClientID || c.LoginEndpoint != from.LoginEndpoint {
		return usage(fmt.Errorf("connection %q has another app or cloud than this sign-in: %s at %s", c.name, from.ClientID, from.LoginEndpoint),
			fmt.Sprintf("set client_id = %q and the cloud that goes with it", from.ClientID))
	}
	client, err := s.client(c)
	if err != nil {
		return err
	}
	if err := client.Import(ctx, remote.Secret(from.RefreshToken)); errors.Is(err, remote.ErrSignIn) {
		return &failure{signIn, err, fmt.Sprintf("it is no longer good; where there is a browser: tandem login %s && tandem login %[1]s --export FILE", c.name)}
	} else if err != nil {
		return err
	}
	return s.welcome(ctx, client, c)
}

func (p *program) readParcel(file string) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage(fmt.Errorf("import: %w", err), "make it where you are signed in: tandem login --export FILE")
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, largestParcel))
	if err != nil {
		return nil, fmt.Errorf("import %q: %w", file, err)
	}
	return data, nil
}

func seal(what parcel, passphrase remote.Secret) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	lines := armor.NewWriter(&sealed)
	w, err := age.Encrypt(lines, to)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close(), lines.Close()); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

func unseal(sealed []byte, passphrase remote.Secret) (parcel, error) {
	var what parcel
	by, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return what, err
	}
	text, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), by)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return what, errors.New("the passphrase is not the one it was exported with")
	}
	if err != nil {
		return what, errors.New("it is no exported sign-in")
	}
	data, err := io.ReadAll(io.LimitReader(text, largestParcel))
	if err != nil {
		return what, errors.New("the file is damaged")
	}
	if json.Unmarshal(data, &what) != nil || what.RefreshToken == "" {
		return what, errors.New("it is no exported sign-in")
	}
	return what, nil
}

// passphrase comes from a file, the environment or the terminal. A new one is
// typed twice. taken says that stdin brings something else.
func (p *program) passphrase(file string, taken, fresh bool) (remote.Secret, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", usage(fmt.Errorf("passphrase: %w", err), "")
		}
		if line, _, _ := strings.Cut(string(text), "\n"); strings.TrimSpace(line) != "" {
			return remote.Secret(strings.TrimRight(line, "\r")), nil
		}
		return "", usage(fmt.Errorf("passphrase: %q is empty", file), "")
	}
	if text := p.env("TANDEM_PASSPHRASE"); text != "" {
		return remote.Secret(text), nil
	}
	if taken {
		return "", usage(errors.New("passphrase: stdin and stdout are for the sign-in"), "set --passphrase-file or TANDEM_PASSPHRASE")
	}
	first, err := p.hidden("passphrase")
	if err != nil || !fresh || !p.asksOnTerminal() {
		return first, err
	}
	again, err := p.hidden("passphrase again")
	if err == nil && again != first {
		err = usage(errors.New("passphrase: the two differ"), "")
	}
	return first, err
}
