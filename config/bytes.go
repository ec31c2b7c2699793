package config

import (
	"fmt"

	"github.com/docker/go-units"
)

// Bytes is a size, written as a number of bytes or with a binary unit: 64KiB,
// 32MiB, 1GiB (KB, MB and GB mean the same).
type Bytes int64

// UnmarshalText reads the written form.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := units.RAMInBytes(string(text))
	if err != nil {
		return fmt.Errorf("not a size such as 32MiB")
	}
	*b = Bytes(n)
	return nil
}

// MarshalText gives a form that UnmarshalText reads back.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String gives the largest whole binary unit.
func (b Bytes) String() string {
	for _, u := range []struct {
		size Bytes
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if b >= u.size && b%u.size == 0 {
			return fmt.Sprintf("%d%s", b/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d", int64(b))
}
