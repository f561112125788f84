package xxhash

import (
	"strings"
	"testing"
)

func TestSum(t *testing.T) {
	for data, want := range map[string]uint64{
		"":     0xef46db3751d8e999,
		"a":    0xd24ec4f1a98c6e5b,
		"asd":  0x631c37ce72a97393,
		"asdf": 0x415872f599cea71e,
		"Call me Ishmael. Some years ago--never mind how long precisely-": 0x02a2e85470d6fd96,
	} {
		if got := Sum([]byte(data), 0); got != want {
			t.Errorf("%.20q: %#x, want %#x", data, got, want)
		}
	}
}

// As github.com/cespare/xxhash/v2@v2.3.0 has it, which gRPC uses, with the seeds 0 and 1.
func TestSumOfAllLengths(t *testing.T) {
	for _, c := range []struct {
		length     int
		want, with uint64
	}{
		{1, 0x17397ff2676b47e, 0x5eac1e2c4ad92e22},
		{4, 0x21824aaaa9bf76ef, 0xa357347ef0f6cfe5},
		{7, 0x31540ecc6f90f09a, 0xb0fc328ff546d903},
		{8, 0xcc9cf2bd8bb65695, 0x9e6a3e6c6016998e},
		{12, 0xcb97a99e010dcdfe, 0x5f4da11f3db1c916},
		{31, 0x7205f2e9819e3b23, 0x6e09972db691db2},
		{32, 0xf4f8e65fb9206da5, 0xc8c14c8870bff81},
		{33, 0x7eba15e8d7ad42af, 0xf5847d2b013225a9},
		{63, 0xfbcaa3fcb789358e, 0x7b096569e3c794be},
		{64, 0x9cdfbfbb9ea07155, 0x564f9dde23463bc0},
		{100, 0xa9123cd9b4bb6ba4, 0xa3e0fa39177a9149},
	} {
		data := []byte(strings.Repeat("nines: how many? ", 10)[:c.length])
		if got, with := Sum(data, 0), Sum(data, 1); got != c.want || with != c.with {
			t.Errorf("%d bytes: %#x and %#x, want %#x and %#x", c.length, got, with, c.want, c.with)
		}
	}
	if Number(0x64_73_61) != Sum([]byte("asd\x00\x00\x00\x00\x00"), 0) {
		t.Error("a number is not its bytes, the lowest first")
	}
}
