package quickxor

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"testing"

	"pgregory.net/rapid"
)

// pattern is byte i = i mod 251, as the published vectors use it.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestTheVectorsOfTheServiceAreMet(t *testing.T) {
	for _, v := range []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{"a", []byte("a"), "YQAAAAAAAAAAAAAAAQAAAAAAAAA="},
		{"ab", []byte("ab"), "YRADAAAAAAAAAAAAAgAAAAAAAAA="},
		{"abc", []byte("abc"), "YRDDGAAAAAAAAAAAAwAAAAAAAAA="},
		{"hello world", []byte("hello world"), "aCgDG9jwBhDc4Q1yawMZAAAAAAA="},
		{"hello world, line end", []byte("hello world\r\n"), "aCgDG9jwBhDc4Q1ybQMZGqAAAAA="},
		{"fox", []byte("The quick brown fox jumps over the lazy dog"), "bMSlbysmxJL6S75XwfMcQZOpcr4="},
		{"0x00", []byte{0}, "AAAAAAAAAAAAAAAAAQAAAAAAAAA="},
		{"0xff", []byte{0xff}, "/wAAAAAAAAAAAAAAAQAAAAAAAAA="},
		{"every byte", allBytes(), "QkGEfSisZcA7k+FCh71r2dbCayY="},
		{"pattern 100", pattern(100), "Yl98pI6DEXjR348pUT63JNPEVMc="},
		{"pattern 160", pattern(160), "/+EGLlnQi0dVs5OErXWhEnz5wg4="},
		{"pattern 1000", pattern(1000), "KbphcpColXb1/3Wm950vUzeX1es="},
		{"pattern 1760", pattern(1760), "vTWo8zUUTrHh3p+tbpjj9Sz71N8="},
		{"pattern 1761", pattern(1761), "vjWo8zUUTrHh3p+tb5jj9Sz71N8="},
		{"pattern 64 KiB", pattern(65536), "QXB5kWN93cxdszFlycj0AHeT63Q="},
		{"pattern 64 KiB + 1", pattern(65537), "QXB5kWN93cxdszFl0cj0AHeT63Q="},
		{"pattern 320 KiB", pattern(327680), "dVxjLVlWbbPTEZb19aiSkx+BLpI="},
		{"pattern 1 MiB", pattern(1 << 20), "pVcWCkWK/HTa4DMyE2B1A1Y9XyM="},
		{"pattern 1 MiB + 1", pattern(1<<20 + 1), "pVcWCkWK/HTa4DMyh2B1A1Y9XyM="},
		{"zeros 1 MiB", make([]byte, 1<<20), "AAAAAAAAAAAAAAAAAAAQAAAAAAA="},
		{"ones 1 MiB", bytes.Repeat([]byte{0xff}, 1<<20), "SlKSkpSkJCUpSUlKrWpFq1rVqlY="},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := Sum(v.in)
			if got := base64.StdEncoding.EncodeToString(s[:]); got != v.want {
				t.Errorf("got %s, want %s", got, v.want)
			}
		})
	}
}

// naive is the definition, bit by bit.
func naive(b []byte) (s [Size]byte) {
	for i, v := range b {
		for k := range 8 {
			bit := (11*i + k) % 160
			s[bit/8] ^= (v >> k & 1) << (bit % 8)
		}
	}
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
	for i := range n {
		s[12+i] ^= n[i]
	}
	return s
}

func TestAnySplitOfTheInputGivesTheHashOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "seed")
		n := rapid.IntRange(0, 40_000).Draw(t, "length")
		in := bytes.Repeat(seed, n/len(seed)+1)[:n]
		h := New()
		for rest := in; len(rest) > 0; {
			k := rapid.IntRange(1, len(rest)).Draw(t, "write")
			h.Write(rest[:k])
			rest = rest[k:]
		}
		want := naive(in)
		if got := h.Sum(nil); !bytes.Equal(got, want[:]) {
			t.Fatalf("%d bytes: got %x, want %x", n, got, want)
		}
	})
}

func TestACloneGoesItsOwnWay(t *testing.T) {
	h := New()
	h.Write(pattern(1000))
	c, err := h.(hash.Cloner).Clone()
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("more"))
	if want := Sum(pattern(1000)); !bytes.Equal(h.Sum(nil), want[:]) {
		t.Error("writing to the clone changed the original")
	}
	if want := Sum(append(pattern(1000), "more"...)); !bytes.Equal(c.Sum(nil), want[:]) {
		t.Error("the clone does not go on from the original")
	}
}

// The two benchmarks belong together: the hash is meant to run at nine tenths
// of the speed of a copy, or better.
func BenchmarkSum1MiB(b *testing.B) {
	in := pattern(1 << 20)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		Sum(in)
	}
}

func BenchmarkCopy1MiB(b *testing.B) {
	in, out := pattern(1<<20), make([]byte, 1<<20)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		copy(out, in)
	}
}

func BenchmarkSum4KiB(b *testing.B) {
	in := pattern(4096)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		Sum(in)
	}
}
