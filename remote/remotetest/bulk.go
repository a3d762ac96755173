package remotetest

// Twists that put too much of one thing where a list is, or a text. Another is a row more,
// here and in bulks.
const (
	Flood      Twist = "flood"       // millions of nothings
	BadText    Twist = "bad-text"    // texts of bytes that are no UTF-8, which grow when they are read
	LongText   Twist = "long-text"   // one text of 256 MiB
	LongNames  Twist = "long-names"  // names as long as may pass, of a thousand items
	LongNumber Twist = "long-number" // a number of 256 million digits
	LongMember Twist = "long-member" // a member whose name has 256 MiB
	Escapes    Twist = "escapes"     // one text of escapes, which shrink when they are read
	Deep       Twist = "deep"        // a list in a list, a million times
	DeepItems  Twist = "deep-items"  // items, each with objects in objects as deep as may pass
	Members    Twist = "members"     // millions of members that nobody knows
	Facets     Twist = "facets"      // one item with millions of facets
	Items      Twist = "items"       // items with all that we know, more than a page may have
	Blanks     Twist = "blanks"      // 256 MiB of them
)

// A bulk is what is written there.
type bulk struct {
	named bool // it is a name: where a list is, that of an item in it
	runs  []run
}

// A run is a text, or runs, so many times.
type run struct {
	times int
	text  string
	of    []run
}

const (
	millions = 8 << 20
	hugeText = 256 << 20
	oneItem  = `,{"id":"x","name":"n","eTag":"e","cTag":"c","size":1,"file":{"hashes":{"quickXorHash":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}},"parentReference":{"driveId":"d","id":"p"},"@microsoft.graph.downloadUrl":"https://c.example/x?tempauth=y"}`
)

var bulks = map[Twist]bulk{
	Flood:      {runs: []run{{1, "[{}", nil}, {millions, ",{}", nil}, {1, "]", nil}}},
	BadText:    {runs: many(named("\xff"))},
	LongText:   {named: true, runs: []run{{1, `"`, nil}, {hugeText, "a", nil}, {1, `"`, nil}}},
	LongNames:  {runs: many(named("n"))},
	LongNumber: {runs: []run{{1, `[{"id":"x","size":`, nil}, {hugeText, "1", nil}, {1, "}]", nil}}},
	LongMember: {runs: []run{{1, `[{"id":"x","`, nil}, {hugeText, "m", nil}, {1, `":1}]`, nil}}},
	Escapes:    {named: true, runs: []run{{1, `"`, nil}, {hugeText / 6, `\u0000`, nil}, {1, `"`, nil}}},
	Deep:       {runs: []run{{1 << 20, "[", nil}, {1 << 20, "]", nil}}},
	DeepItems:  {runs: many([]run{{1, `,{"id":"x","m":`, nil}, {9_000, `{"m":`, nil}, {1, "0", nil}, {9_000, "}", nil}, {1, "}", nil}})},
	Members:    {runs: []run{{1, `[],"x":{}`, nil}, {millions, `,"x":{}`, nil}}},
	Facets:     {runs: []run{{1, `[{"id":"x"`, nil}, {millions, `,"file":{}`, nil}, {1, "}]", nil}}},
	Items:      {runs: []run{{1, "[{}", nil}, {1 << 20, oneItem, nil}, {1, "]", nil}}},
	Blanks:     {runs: []run{{hugeText, " ", nil}, {1, "[]", nil}}},
}

// many is a list of a thousand such items.
func many(item []run) []run { return []run{{1, "[{}", nil}, {1 << 10, "", item}, {1, "]", nil}} }

// named is an item with a name of so much as may pass for one.
func named(letter string) []run {
	return []run{{1, `,{"id":"x","file":{},"name":"`, nil}, {200 << 10, letter, nil}, {1, `"}`, nil}}
}

func (p put) runs(all []run) bool {
	for _, r := range all {
		if r.of == nil && !p.all("", r.times, r.text) {
			return false
		}
		for range r.times {
			if r.of != nil && !p.runs(r.of) {
				return false
			}
			if r.of == nil {
				break
			}
		}
	}
	return true
}
