// Package xxhash is XXH64 of Yann Collet, the hash with which Envoy and gRPC build their hash rings and
// tables (specification: github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
package xxhash

import (
	"encoding/binary"
	"math/bits"
)

const (
	prime1 uint64 = 0x9E3779B185EBCA87
	prime2 uint64 = 0xC2B2AE3D27D4EB4F
	prime3 uint64 = 0x165667B19E3779F9
	prime4 uint64 = 0x85EBCA77C2B2AE63
	prime5 uint64 = 0x27D4EB2F165667C5
)

// Sum returns the hash of data with a seed.
func Sum(data []byte, seed uint64) uint64 {
	h, length := seed+prime5, uint64(len(data))
	if len(data) >= 32 {
		a, b, c, d := seed+prime1+prime2, seed+prime2, seed, seed-prime1
		for ; len(data) >= 32; data = data[32:] {
			a = round(a, binary.LittleEndian.Uint64(data))
			b = round(b, binary.LittleEndian.Uint64(data[8:]))
			c = round(c, binary.LittleEndian.Uint64(data[16:]))
			d = round(d, binary.LittleEndian.Uint64(data[24:]))
		}
		h = bits.RotateLeft64(a, 1) + bits.RotateLeft64(b, 7) + bits.RotateLeft64(c, 12) + bits.RotateLeft64(d, 18)
		for _, lane := range [4]uint64{a, b, c, d} {
			h = (h^round(0, lane))*prime1 + prime4
		}
	}
	h += length
	for ; len(data) >= 8; data = data[8:] {
		h = bits.RotateLeft64(h^round(0, binary.LittleEndian.Uint64(data)), 27)*prime1 + prime4
	}
	if len(data) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(data))*prime1, 23)*prime2 + prime3
		data = data[4:]
	}
	for _, b := range data {
		h = bits.RotateLeft64(h^uint64(b)*prime5, 11) * prime1
	}
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

func round(lane, input uint64) uint64 {
	return bits.RotateLeft64(lane+input*prime2, 31) * prime1
}

// Number returns the hash of the eight bytes of n, the lowest first.
func Number(n uint64) uint64 {
	var data [8]byte
	binary.LittleEndian.PutUint64(data[:], n)
	return Sum(data[:], 0)
}
