package classify

import (
	"strings"
	"testing"
)

func BenchmarkNormalize(b *testing.B) {
	for name, unit := range map[string]string{"ascii": "What is the answer? ", "han": "漢字", "invisible": "\u200b", "accents": "José déjà ", "russian": "Вынеси сор, а оса улетит. ", "mixed": "Ign\u043er\u0435 \u0441\u043e\u0440\u0443 ", "phrases": "\ufdfa"} {
		text := strings.Repeat(unit, (1<<20)/len(unit))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Normalize(text)
			}
		})
	}
	b.Run("short", func(b *testing.B) {
		text := "Which of the following is the most likely cause of the French Revolution of 1789?"
		b.ReportAllocs()
		for b.Loop() {
			Normalize(text)
		}
	})
}

// What a text costs in which something is found at the end.
func BenchmarkLocate(b *testing.B) {
	for name, unit := range map[string]string{"ascii": "What is the answer? ", "han": "漢字", "invisible": "\u200b", "accents": "José déjà ", "mixed": "Ign\u043er\u0435 \u0441\u043e\u0440\u0443 ", "blanks": " \n", "marks": "\u0301"} {
		text := "x" + strings.Repeat(unit, (1<<20)/len(unit)) + " John"
		end := len(Normalize(text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				locate(text, []span{{end - 4, end}})
			}
		})
	}
}
