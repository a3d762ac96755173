// Package quickxor computes quickXorHash, the content hash that OneDrive and
// SharePoint keep for every file.
//
// It notices accidents, not attackers: the hash is linear, so files that
// collide are easily made. Compare sizes as well.
package quickxor

import (
	"encoding/binary"
	"hash"
)

// Size is the length of a hash in bytes.
const Size = 20

// Input byte i is xored into a 160-bit state at bit 11·i mod 160. As 11·160 is
// a multiple of 160, bytes that are 160 apart land on the same bits: it is
// enough to xor the input together in columns of 160 bytes, and to rotate each
// column to its place once, in Sum.
const columns = 160

// A chunk is what the kernel passes over twice, once for each half of its
// columns: ten 64-bit lanes fit the registers, twenty do not. The second pass
// finds the chunk in the first-level cache.
const chunk = 96 * columns

type digest struct {
	lanes [columns / 8]uint64 // the columns, eight to a lane, little-endian
	n     uint64              // bytes written
}

// New returns a hash of nothing yet. It is a [hash.Cloner].
func New() hash.Hash { return new(digest) }

// Sum returns the hash of b.
func Sum(b []byte) [Size]byte {
	var d digest
	d.Write(b)
	return d.sum()
}

func (d *digest) Size() int      { return Size }
func (d *digest) BlockSize() int { return columns }
func (d *digest) Reset()         { *d = digest{} }

func (d *digest) Sum(b []byte) []byte {
	s := d.sum()
	return append(b, s[:]...)
}

func (d *digest) Clone() (hash.Cloner, error) {
	c := *d
	return &c, nil
}

func (d *digest) Write(p []byte) (int, error) {
	n := len(p)
	if at := int(d.n % columns); at > 0 {
		head := min(columns-at, len(p))
		d.single(at, p[:head])
		p = p[head:]
	}
	for len(p) >= columns {
		c := p[:min(chunk, len(p)/columns*columns)]
		fold((*[10]uint64)(d.lanes[:10]), c)
		fold((*[10]uint64)(d.lanes[10:]), c[columns/2:])
		p = p[len(c):]
	}
	d.single(0, p)
	d.n += uint64(n)
	return n, nil
}

// single xors p into the columns from at on; it does not wrap.
func (d *digest) single(at int, p []byte) {
	for at%8 == 0 && len(p) >= 8 {
		d.lanes[at/8] ^= binary.LittleEndian.Uint64(p)
		at, p = at+8, p[8:]
	}
	for i, b := range p {
		d.lanes[(at+i)/8] ^= uint64(b) << ((at + i) % 8 * 8)
	}
}

// fold xors the first 80 of every 160 bytes of p into the lanes.
func fold(lanes *[10]uint64, p []byte) {
	l0, l1, l2, l3, l4 := lanes[0], lanes[1], lanes[2], lanes[3], lanes[4]
	l5, l6, l7, l8, l9 := lanes[5], lanes[6], lanes[7], lanes[8], lanes[9]
	for {
		half := (*[80]byte)(p)
		l0 ^= binary.LittleEndian.Uint64(half[0:])
		l1 ^= binary.LittleEndian.Uint64(half[8:])
		l2 ^= binary.LittleEndian.Uint64(half[16:])
		l3 ^= binary.LittleEndian.Uint64(half[24:])
		l4 ^= binary.LittleEndian.Uint64(half[32:])
		l5 ^= binary.LittleEndian.Uint64(half[40:])
		l6 ^= binary.LittleEndian.Uint64(half[48:])
		l7 ^= binary.LittleEndian.Uint64(half[56:])
		l8 ^= binary.LittleEndian.Uint64(half[64:])
		l9 ^= binary.LittleEndian.Uint64(half[72:])
		if len(p) < columns+columns/2 {
			break
		}
		p = p[columns:]
	}
	*lanes = [10]uint64{l0, l1, l2, l3, l4, l5, l6, l7, l8, l9}
}

func (d *digest) sum() (s [Size]byte) {
	for i := range columns {
		b := byte(d.lanes[i/8] >> (i % 8 * 8))
		bit := 11 * i % columns
		s[bit/8] ^= b << (bit % 8)
		s[(bit/8+1)%Size] ^= b >> (8 - bit%8)
	}
	length := binary.LittleEndian.Uint64(s[12:]) ^ d.n
	binary.LittleEndian.PutUint64(s[12:], length)
	return s
}
