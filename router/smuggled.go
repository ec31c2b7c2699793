package router

import "strings"

// The tag characters of Unicode that stand for ASCII's printable ones.
const (
	tagBase       = 0xe0000
	tagSpace      = tagBase + ' '
	tagCancel     = tagBase + 0x7f
	tagUTF8Prefix = "\xf3\xa0"
)

// revealed adds to a text, on a line of its own, what it says in tag characters:
// nobody sees them, and many models read them as the letters that they stand for
// (E3). The classifier passes over them, as over all that can't be seen.
func revealed(text string) string {
	if !strings.Contains(text, tagUTF8Prefix) {
		return text
	}
	var said []byte
	for _, c := range text {
		if c >= tagSpace && c < tagCancel {
			said = append(said, byte(c-tagBase))
		}
	}
	if len(said) == 0 {
		return text
	}
	return text + "\n" + string(said)
}
