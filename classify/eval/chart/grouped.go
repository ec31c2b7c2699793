package chart

import (
	"fmt"
	"strconv"
)

// Grouped is a table of shares, 0 to 1, as horizontal bars: a few of them for
// each group.
type Grouped struct {
	Title, About string
	Axis         string   // what is measured, and its unit
	Names        []string // of the bars of a group; two at most
	Groups       []Group
}

// Group is one line of the table.
type Group struct {
	Label, Note string
	Values      []float64 // by name; NaN where there is none
}

// SVG draws the bars.
func (g Grouped) SVG() []byte {
	const top, bar, gap = 88.0, 11.0, 12.0
	longest := 0.0
	for _, group := range g.Groups {
		longest = max(longest, room(shorten(group.Label, labelRunes)+"  "+group.Note))
	}
	left := 24 + longest
	right := left + 380
	each := bar*float64(len(g.Names)) + gap
	bottom := top + each*float64(len(g.Groups))
	width := max(right+56, 30+room(g.Title)*1.35, 30+room(g.About))
	c := &canvas{}
	c.begin(width, bottom+58, g.Title, g.About)
	c.text(20, 30, start, "title", g.Title)
	c.text(20, 50, start, "dim", g.About)
	g.legend(c, left)
	for i := range 6 {
		x := left + (right-left)*float64(i)/5
		c.line("grid", x, top, x, bottom)
		c.text(x, bottom+18, middle, "dim", strconv.Itoa(20*i)+" %")
	}
	c.text((left+right)/2, bottom+42, middle, "", g.Axis)
	for i, group := range g.Groups {
		y := top + each*float64(i) + gap/2
		c.text(left-8, y+bar*float64(len(group.Values))/2+4, end, "dim", shorten(group.Label, labelRunes)+"  "+group.Note)
		for j, v := range group.Values {
			if !finite(v) {
				c.text(left+6, y+bar*float64(j)+bar-2, start, "dim small", "-")
				continue
			}
			to := left + (right-left)*min(max(v, 0), 1)
			c.rect(barClass(j), left, y+bar*float64(j), max(to-left, 1), bar-2, -1)
			c.text(to+6, y+bar*float64(j)+bar-2, start, "dim small", fmt.Sprintf("%.1f", 100*v))
		}
	}
	return c.end()
}

func barClass(j int) string {
	if j == 0 {
		return "bar"
	}
	return "bar second"
}

func (g Grouped) legend(c *canvas, x float64) {
	for j, name := range g.Names {
		c.rect(barClass(j), x, 64, 16, 10, -1)
		c.text(x+22, 74, start, "dim", name)
		x += 22 + room(name) + 18
	}
}
