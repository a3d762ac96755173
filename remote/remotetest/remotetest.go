// Package remotetest is OneDrive in memory: one account's drive behind a real
// HTTP server, for tests, for the demo and for anybody's OneDrive client.
//
// It promises to answer as the service does, in each of its four kinds of
// drive, and to be strict where the service would punish a mistake: a token
// sent to a pre-authenticated address, a fragment of the wrong length, a
// redirect that was not registered. What the service does only now and then
// (throttling, stale feeds, lost answers) is asked for with a [Fault]. It does
// not persist anything and it does not know any particular client.
//
// [New] makes the drive, which is an [http.Handler] and may be served on any
// listener: addresses in its answers are built from the request, and Graph's
// paths are known whatever stands before the version. It starts no goroutine,
// reads the time from the given clock only, and never sleeps unless latency or
// a stall was asked for; the sockets of push alone have a goroutine and timers
// of their own, and need a server that lets a handler take over its connection. A connection that breaks is a panic with
// [http.ErrAbortHandler]: who calls ServeHTTP without a server has to recover
// it. A [Guard] keeps the pages of a browser away. [NewServer] puts the drive
// behind one on a loopback port.
//
// The methods Put, Mkdir, Move, Delete and their like act as another person
// would in a browser: at once, with no token and no request counted. The same
// verbs are served below /emulator/ for scripts that have the key of
// [Options].Controls; each takes its arguments from the query or a form and
// answers in plain text, errors with status 400:
//
//	POST /emulator/put?path=a/b.txt    the body is the content; parents are made
//	POST /emulator/mkdir?path=a        POST /emulator/mv?from=a&to=b
//	POST /emulator/rm?path=a           POST /emulator/touch?path=a&time=RFC3339
//	POST /emulator/opaque?path=a&what=onenote|shortcut|vault|malware
//	POST /emulator/fill?path=a&files=1000&folders=10&size=4096
//	POST /emulator/twins?path=a&files=1000     POST /emulator/nest?path=a&folders=400
//	GET  /emulator/cat?path=a          GET  /emulator/ls  (folders end in "/")
//	GET  /emulator/count[?of=PUT content]
//	POST /emulator/quota?total=BYTES   POST /emulator/expire?what=tokens|cursors|sign-in
//	POST /emulator/fault?match=PUT content&times=2&status=503&retry_after=1s…
//	                                   the fields of Fault in lower case, words joined by "_"
//	POST /emulator/calm                forgets all faults
//	POST /emulator/reset               starts counting anew
//	GET  /emulator/token               a sign-in as JSON, for clients that want one in their configuration
package remotetest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// A Kind is one of the four sorts of drive. They differ in nearly everything.
type Kind int

const (
	Personal    Kind = iota // a personal drive on the SharePoint backend, as most are by now
	PersonalOld             // a personal drive on the first consumer backend
	Business                // OneDrive for Business
	Library                 // a SharePoint document library
)

var kindNames = [...]string{"personal", "personal-old", "business", "library"}

func (k Kind) String() string { return kindNames[k] }

// ParseKind reads what String writes.
func ParseKind(s string) (Kind, error) {
	for k, name := range kindNames {
		if name == s {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("no such kind of drive: %q (personal, personal-old, business or library)", s)
}

func (k Kind) work() bool { return k == Business || k == Library }

// driveType is the service's own word.
func (k Kind) driveType() string {
	return [...]string{"personal", "personal", "business", "documentLibrary"}[k]
}

// Options say what sort of drive to make. The zero value is a personal drive
// that answers at once.
type Options struct {
	Kind    Kind
	Account string // who signs in, and whose drive it is; empty = "ann"
	Seed    uint64 // of ids, tokens and all that happens by chance; a server that is restarted wants a new one

	Clock   func() time.Time                           // nil = time.Now
	Sleep   func(ctx context.Context, d time.Duration) // nil = a timer; called for latency and stalls only
	Latency time.Duration                              // of each request
	Lag     time.Duration                              // how long the feed stays behind

	PageSize int   // of the feed; 0 = 200
	Quota    int64 // 0 = a tebibyte
	Budget   int   // resource units a minute, beyond which all is throttled; 0 = no limit

	ClientID    string   // the registered application; empty = any
	Secret      string   // makes the application a confidential one
	Permissions []string // what the application may be granted, and nothing else; nil = what it asks for
	// AdminConsent makes an organisation where nobody may agree to what the
	// application wants but an administrator, at its consent page.
	AdminConsent bool
	Redirect     string // the registered redirect address; empty = "http://localhost"; its port never counts

	AccessLife  time.Duration // of access tokens; 0 = an hour
	AddressLife time.Duration // of pre-authenticated addresses; 0 = an hour

	PushLife     time.Duration // of the addresses of push; 0 = an hour
	PingInterval time.Duration // of push, in real time whatever the clock; 0 = 25 s

	// Retired hands out addresses without tempauth, which want a token for
	// their host, as work drives will from 2027 on.
	Retired bool
	// ContentHost is the host name of pre-authenticated addresses; the port
	// stays the server's. Empty = the request's own.
	ContentHost string

	// Witness is told of each request once it was carried out or refused, in that
	// order, whatever becomes of the answer. The drive is locked meanwhile, so it
	// must not ask the drive anything.
	Witness func(Exchange)

	// Controls is the key to the verbs below /emulator/, sent as a bearer token; empty
	// = nothing opens them.
	Controls string

	Ancestors     bool // the old personal backend, too, lists the unchanged parents of what changed
	AllTombstones bool // personal drives, too, tell the end of everything below a deleted folder
	FeedPaths     bool // parentReference.path in the feed, which the documents deny
	SHA1          bool // the old personal backend gives SHA-1 beside its own hash
}

// A Drive is the emulated service for one account. It is safe for concurrent use.
type Drive struct {
	opt Options
	id  string

	mu       sync.Mutex
	rnd      *rand.Rand
	clock    time.Time // when the request now being answered came
	root     *item
	theirs   *Drive           // what shortcuts lead to; nil without any
	ids      map[string]*item // by idKey, deleted ones too
	lastID   int
	binned   int64 // bytes in the recycle bin
	oldBytes int64 // bytes in former versions
	quota    int64
	spent    int       // of the budget
	minute   time.Time // when it is renewed

	log     []entry
	seq     int64
	floor   int64 // cursors older than this have expired
	lag     time.Duration
	due     []event
	twists  twists // of the request now being answered
	faults  []*Fault
	counts  map[string]int
	total   int
	grants  map[string]*grant // codes, device codes and refresh tokens
	access  map[string]*grant
	uploads map[string]*session
	copies  map[string]*copying
	marked  map[*item]standing // where Rewind leads; nil = nowhere

	channels map[string]*channel // of push, by their token
	stirred  chan struct{}       // closed when anything changes

	agreed bool   // to what the application wants
	secret string // what addresses are signed with
}

// New makes an empty drive.
func New(opt Options) *Drive {
	if opt.Account == "" {
		opt.Account = "ann"
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	if opt.PageSize == 0 {
		opt.PageSize = 200
	}
	if opt.Quota == 0 {
		opt.Quota = 1 << 40
	}
	if opt.Redirect == "" {
		opt.Redirect = "http://localhost"
	}
	if opt.AccessLife == 0 {
		opt.AccessLife = time.Hour
	}
	if opt.AddressLife == 0 {
		opt.AddressLife = time.Hour
	}
	if opt.PushLife == 0 {
		opt.PushLife = time.Hour
	}
	if opt.PingInterval == 0 {
		opt.PingInterval = 25 * time.Second
	}
	d := &Drive{
		opt: opt, quota: opt.Quota,
		rnd:    rand.New(rand.NewPCG(opt.Seed, 0x0d)),
		ids:    map[string]*item{},
		counts: map[string]int{}, grants: map[string]*grant{}, access: map[string]*grant{},
		uploads: map[string]*session{}, copies: map[string]*copying{},
		channels: map[string]*channel{}, stirred: make(chan struct{}),
	}
	d.id, d.agreed = driveID(opt.Kind, opt.Account), !opt.AdminConsent
	d.secret = d.random(8)
	d.clock = opt.Clock().UTC()
	d.root = d.plant()
	return d
}

// driveID depends on the account alone, so that a client's configuration
// outlives a restart of the emulator.
func driveID(k Kind, account string) string {
	sum := sha256.Sum256([]byte(account))
	if k.work() {
		return "b!" + base64.RawURLEncoding.EncodeToString(append(sum[:], sum[:16]...))
	}
	return "0" + hex.EncodeToString(sum[:])[:15] // personal ids that begin with 0 are the ones clients get wrong
}

// random gives n random bytes in hexadecimal.
func (d *Drive) random(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.rnd.Uint32())
	}
	return hex.EncodeToString(b)
}

// ID is the drive's id as the service spells it.
func (d *Drive) ID() string { return d.id }

// Kind tells which sort of drive this is.
func (d *Drive) Kind() Kind { return d.opt.Kind }

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
