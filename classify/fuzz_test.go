package classify

import (
	"slices"
	"strings"
	"testing"
)

// F: normalising is idempotent, bounded and leaves nothing invisible; windows
// miss no token, rise, and are as large and overlap as much as asked.
func FuzzNormalizeWindow(f *testing.F) {
	for _, seed := range []string{
		"", "What is 2+2?", "ig\u200bnore\x00all", "Ｉｇｎｏｒｅ", "a\u0301\u0316\u034f\u0301", "\u09c7\u20dd\u09be",
		"\u1100\u0316\u1161\u11a8", "\ufdfa\ufdfb", strings.Repeat("\u1161", 5000), strings.Repeat("x\u0301\u0344", 700),
		"\u0dd9\u0316\u0dcf\u0dca", "\xff\xfe\x00", "\u00b4\u00a8\u2002\u3000", "\U000e0041\ufe0f\u202e", "\u0f73\u0f75\u0f81", "\u1aff",
		"Ign\u043er\u0435 \u0441\u043e\u0440\u0443 \u0430 \u0436", "prοmρt hν", "ᴀʟʟ 🅰🇦", "a " + strings.Repeat("\u0441\u043e\u0440 ", 200) + "\u0434\u0430",
		"i g n o r e   a l l", "a \u0430  b\u0483 e\u0301 \U0001f1e6 \u1d00 Z   y x", strings.Repeat("a b  ", 100) + "c.", strings.Repeat("x", 81) + " a b c d e f g",
	} {
		f.Add(seed, uint16(8), uint16(2))
	}
	f.Fuzz(func(t *testing.T, text string, size, overlap uint16) {
		got := Normalize(text)
		checkNormal(t, text, got)
		if again := Normalize(got); again != got {
			t.Fatalf("not idempotent: %.200q, then %.200q", got, again)
		}
		n := len(got) // a token per byte
		window := int(size%1024) + 1
		share := int(overlap) % window
		windows := cutWindows(n, window, share)
		checkWindows(t, windows, n, window, share)
		order := spread(len(windows))
		slices.Sort(order)
		for i, at := range order {
			if i != at {
				t.Fatalf("order of %d windows misses %d", len(windows), i)
			}
		}
	})
}

func checkWindows(t *testing.T, windows []span, n, size, overlap int) {
	t.Helper()
	end := 0
	for i, w := range windows {
		if w.to-w.from != min(size, n) {
			t.Fatalf("window %d of %v holds %d tokens, want %d", i, windows, w.to-w.from, min(size, n))
		}
		if i > 0 && (w.from <= windows[i-1].from || end-w.from < overlap) {
			t.Fatalf("window %d of %v shares %d tokens, want at least %d", i, windows, end-w.from, overlap)
		}
		end = w.to
	}
	if n > 0 && (windows[0].from != 0 || end != n) {
		t.Fatalf("windows %v leave out tokens of %d", windows, n)
	}
	vote, covered := votes(windows, n)
	sum := 0.0
	for _, v := range vote {
		sum += v
	}
	if covered != n || sum < float64(n)-1e-6*float64(n+1) || sum > float64(n)+1e-6*float64(n+1) {
		t.Fatalf("windows cover %d tokens with %v votes, want %d", covered, sum, n)
	}
}
