// Package chart draws the few diagrams that an evaluation needs as standalone
// SVG: curves and bars over two axes, and a matrix of counts.
//
// It promises files that hold all they need (no script, no font, no address but
// the namespace's), that follow the viewer's light or dark scheme and bring
// their own background, whose every text is escaped, and that are the same bytes
// for the same figures. Values that are not finite are not drawn.
//
// It knows nothing about classifiers: titles, labels and numbers are given.
package chart

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// style is that of all diagrams. Classes and a media query, for viewers that
// know no custom properties.
const style = `  <style>
    .bg { fill: #ffffff; }
    text { fill: #1f2328; font-size: 13px; }
    .title { font-size: 17px; font-weight: 600; }
    .dim { fill: #59636e; font-size: 12px; }
    .small { font-size: 10px; }
    .count { font-size: 12px; }
    .on { fill: #ffffff; }
    .tag { stroke: #ffffff; stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
    .grid { stroke: #d1d9e0; stroke-width: 1; }
    .axis { stroke: #59636e; stroke-width: 1; fill: none; }
    .main { stroke: #0969da; }
    .best { stroke: #1a7f37; }
    .base { stroke: #59636e; stroke-dasharray: 6 4; }
    .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
    .bar, .cell { fill: #0969da; }
    .bar { fill-opacity: 0.55; stroke: #0969da; }
    .second { fill: #1a7f37; stroke: #1a7f37; }
    .mark { fill: #bc4c00; }
    @media (prefers-color-scheme: dark) {
      .bg { fill: #0d1117; }
      text { fill: #f0f6fc; }
      .dim { fill: #9198a1; }
      .on { fill: #0d1117; }
      .tag { stroke: #0d1117; }
      .grid { stroke: #2f3742; }
      .axis { stroke: #9198a1; }
      .main, .bar { stroke: #58a6ff; }
      .best { stroke: #3fb950; }
      .base { stroke: #9198a1; }
      .bar, .cell { fill: #58a6ff; }
      .second { fill: #3fb950; stroke: #3fb950; }
      .mark { fill: #f0883e; }
    }
  </style>
`

// canvas collects the elements of one file.
type canvas struct{ bytes.Buffer }

// begin opens the file: size, title and description for those who can't see it,
// style and background.
func (c *canvas) begin(width, height float64, title, about string) {
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]s %[2]s" width="%[1]s" height="%[2]s" role="img" aria-labelledby="t d" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">`+"\n", number(width), number(height))
	fmt.Fprintf(c, "  <title id=\"t\">%s</title>\n  <desc id=\"d\">%s</desc>\n", escape(title), escape(about))
	c.WriteString(style)
	fmt.Fprintf(c, "  <rect class=\"bg\" width=\"%s\" height=\"%s\"/>\n", number(width), number(height))
}

func (c *canvas) end() []byte {
	c.WriteString("</svg>\n")
	return c.Bytes()
}

// Where a text stands from its point.
const (
	start  = "start"
	middle = "middle"
	end    = "end"
)

func (c *canvas) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(c, "  <text x=\"%s\" y=\"%s\"%s%s>%s</text>\n", number(x), number(y), anchored(anchor), classed(class), escape(text))
}

// turned is a text turned by so many degrees about its point.
func (c *canvas) turned(x, y, degrees float64, anchor, class, text string) {
	fmt.Fprintf(c, "  <text transform=\"translate(%s %s) rotate(%s)\"%s%s>%s</text>\n", number(x), number(y), number(degrees), anchored(anchor), classed(class), escape(text))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(c, "  <line%s x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n", classed(class), number(x1), number(y1), number(x2), number(y2))
}

// rect is a rectangle; opacity below 0 leaves it to the class.
func (c *canvas) rect(class string, x, y, width, height, opacity float64) {
	fmt.Fprintf(c, "  <rect%s x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"", classed(class), number(x), number(y), number(width), number(height))
	if opacity >= 0 {
		fmt.Fprintf(c, " fill-opacity=\"%s\"", strconv.FormatFloat(opacity, 'f', 3, 64))
	}
	c.WriteString("/>\n")
}

func anchored(anchor string) string {
	if anchor == start {
		return ""
	}
	return fmt.Sprintf(" text-anchor=%q", anchor)
}

func classed(class string) string {
	if class == "" {
		return ""
	}
	return fmt.Sprintf(" class=%q", class)
}

// number is a coordinate: a tenth of a pixel is enough, and rounds away what
// one machine computes otherwise than the next.
func number(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(math.Round(x*10)/10+0, 'f', 1, 64), ".0")
}

// escape makes a text that may stand in XML, which has no control characters,
// not even escaped.
func escape(text string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			return '\u00b7'
		}
		return r
	}, text))
}

// shorten cuts a text to so many runes.
func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// room guesses the width of a text in pixels; fonts differ.
func room(text string) float64 { return 7.2 * float64(utf8.RuneCountInString(text)) }

func finite(values ...float64) bool {
	for _, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
