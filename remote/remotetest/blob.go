package remotetest

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"
)

// A blob is a file's content: bytes, or a seed from which bytes are made when
// somebody reads them. It never changes.
type blob struct {
	data []byte
	seed uint64
	size int64
	hash string // base64 of the quickXorHash
}

func newBlob(data []byte) blob {
	return blob{data: data, size: int64(len(data)), hash: quickXor(data)}
}

// madeUp is content of which only the seed is kept. Its hash is reckoned when
// it is asked for.
func madeUp(seed uint64, size int64) blob {
	return blob{seed: seed, size: size}
}

func (b *blob) quickXor() string {
	if b.hash == "" {
		b.hash = quickXor(b.bytes())
	}
	return b.hash
}

// bytes gives all of it, in a slice the caller must not write to.
func (b *blob) bytes() []byte {
	if b.data != nil || b.size == 0 {
		return b.data[:len(b.data):len(b.data)]
	}
	data := make([]byte, (b.size+7)&^7)
	state := b.seed
	for i := 0; i < len(data); i += 8 {
		state += 0x9e3779b97f4a7c15 // splitmix64
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(data[i:], z^z>>31)
	}
	return data[:b.size]
}

// writeTo sends the bytes from first to before end.
func (b *blob) writeTo(w io.Writer, first, end int64) error {
	_, err := w.Write(b.bytes()[first:end])
	return err
}

// quickXor is written from the definition and shares nothing with the client's:
// each byte is added at bit 11·i of a ring of 160 bits, and the length at the
// end of the ring. Since bytes 160 apart fall on the same place, they are added
// to each other first.
func quickXor(data []byte) string {
	var sums [160]byte
	for block := range slices.Chunk(data, len(sums)) {
		subtle.XORBytes(sums[:], sums[:], block)
	}
	var ring [21]byte // the last byte takes what runs over
	bit := uint(0)
	for _, b := range sums {
		ring[bit/8] ^= b << (bit % 8)
		ring[bit/8+1] ^= b >> (8 - bit%8)
		if bit += 11; bit >= 160 {
			bit -= 160
		}
	}
	ring[0] ^= ring[20]
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(data)))
	for i, b := range length {
		ring[12+i] ^= b
	}
	return base64.StdEncoding.EncodeToString(ring[:20])
}
