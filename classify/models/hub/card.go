package hub

import (
	"strings"
	"unicode"
)

// card is what a model card's front matter says of the licence.
type card struct {
	license, name, link string
}

// readCard reads the lines "license: …", "license_name: …" and "license_link: …"
// at the top level of the YAML between the first two lines of three dashes. What
// is written in any other way is not read: the licence is shown to a person, and
// nothing is decided by it.
func readCard(text string) card {
	var c card
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	if strings.TrimRight(lines[0], "\r ") != "---" {
		return c
	}
	for _, line := range lines[1:] {
		line = strings.TrimRight(line, "\r ")
		if line == "---" || line == "..." {
			return c
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch key {
		case "license":
			c.license = scalar(value)
		case "license_name":
			c.name = scalar(value)
		case "license_link":
			c.link = scalar(value)
		}
	}
	return card{} // the front matter has no end: it is none
}

// maxScalar bounds what a stranger's card can put into our files.
const maxScalar = 200

// scalar is a plain or quoted value of one line, without a comment, or empty.
func scalar(text string) string {
	text = strings.TrimSpace(text)
	if comment := strings.Index(text, " #"); comment >= 0 {
		text = strings.TrimSpace(text[:comment])
	}
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		text = text[1 : n-1]
	}
	odd := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("`<>[]{}|*&!%@", r) }
	if len(text) > maxScalar || strings.ContainsFunc(text, odd) || strings.ContainsRune(text, unicode.ReplacementChar) {
		return ""
	}
	return text
}

// String is the licence in one line, for people.
func (c card) String() string {
	switch {
	case c.license == "":
		return "not stated"
	case c.name != "" && c.link != "":
		return c.license + " (" + c.name + ", " + c.link + ")"
	case c.name != "" || c.link != "":
		return c.license + " (" + c.name + c.link + ")"
	}
	return c.license
}
