package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Plot is curves, bars and marked points over two axes.
type Plot struct {
	Title  string
	About  string // what is seen, for those who can't see it; the line below the title
	X, Y   Axis
	Bars   []Bar
	Series []Series
	Marks  []Mark
	// Strip, if it has bars, is a small diagram of its own below, over the same
	// X axis.
	Strip Strip
}

// Axis is one direction of a plot. Label names what is measured and its unit.
type Axis struct {
	Label    string
	Min, Max float64
	Percent  bool // values are shares, and shown as percentages
}

// Role says how a series is drawn.
type Role string

// The roles of series.
const (
	Main Role = "main" // what was measured
	Base Role = "base" // what it is held against; dashed
	Best Role = "best" // what could be
)

// Series is a curve through points.
type Series struct {
	Name   string // in the legend; none if empty
	Role   Role
	Points []Point
}

// Point is in the units of the axes.
type Point struct{ X, Y float64 }

// Mark is one point with a few words.
type Mark struct {
	Point
	Label string
}

// Bar stands on the X axis from From to To.
type Bar struct{ From, To, Value float64 }

// Strip is a row of bars from 0 to the highest.
type Strip struct {
	Label string
	Bars  []Bar
}

// The frame of a plot, in pixels.
const (
	plotWidth   = 640.0
	plotLeft    = 78.0
	plotTop     = 88.0
	plotRight   = plotWidth - 30
	plotBottom  = plotTop + 380
	stripHeight = 70.0
	stripGap    = 34.0
)

// SVG draws the plot.
func (p Plot) SVG() []byte {
	c := &canvas{}
	bottom := plotBottom
	if len(p.Strip.Bars) > 0 {
		bottom += stripGap + stripHeight
	}
	c.begin(plotWidth, bottom+58, p.Title, p.About)
	c.text(20, 30, start, "title", p.Title)
	c.text(20, 50, start, "dim", p.About)
	p.legend(c)
	p.axes(c, bottom)
	p.strip(c)
	for _, b := range p.Bars {
		if finite(b.From, b.To, b.Value) {
			top := p.y(b.Value)
			c.rect("bar", p.x(b.From)+1, top, max(p.x(b.To)-p.x(b.From)-2, 1), plotBottom-top, -1)
		}
	}
	for _, s := range p.Series {
		p.curve(c, s)
	}
	for _, m := range p.Marks {
		p.mark(c, m)
	}
	return c.end()
}

func (p Plot) x(v float64) float64 { return plotLeft + p.X.at(v)*(plotRight-plotLeft) }
func (p Plot) y(v float64) float64 { return plotBottom - p.Y.at(v)*(plotBottom-plotTop) }

// at is where a value lies between the axis' ends, 0 to 1.
func (a Axis) at(v float64) float64 {
	if a.Max <= a.Min {
		return 0
	}
	return min(max((v-a.Min)/(a.Max-a.Min), 0), 1)
}

func (p Plot) legend(c *canvas) {
	x := plotLeft
	for _, s := range p.Series {
		if s.Name == "" {
			continue
		}
		c.line("line "+string(s.Role), x, 70, x+26, 70)
		c.text(x+32, 74, start, "dim", s.Name)
		x += 32 + room(s.Name) + 18
	}
}

// axes draws the grid, the ticks and their values, and the names of the axes,
// that of X below bottom.
func (p Plot) axes(c *canvas, bottom float64) {
	for _, v := range p.Y.ticks() {
		c.line("grid", plotLeft, p.y(v), plotRight, p.y(v))
		c.text(plotLeft-8, p.y(v)+4, end, "dim", p.Y.value(v))
	}
	for _, v := range p.X.ticks() {
		c.line("grid", p.x(v), plotTop, p.x(v), plotBottom)
		c.text(p.x(v), bottom+18, middle, "dim", p.X.value(v))
	}
	c.rect("axis", plotLeft, plotTop, plotRight-plotLeft, plotBottom-plotTop, -1)
	c.text((plotLeft+plotRight)/2, bottom+42, middle, "", p.X.Label)
	c.turned(24, (plotTop+plotBottom)/2, -90, middle, "", p.Y.Label)
}

func (p Plot) strip(c *canvas) {
	if len(p.Strip.Bars) == 0 {
		return
	}
	highest := 0.0
	for _, b := range p.Strip.Bars {
		if finite(b.Value) {
			highest = max(highest, b.Value)
		}
	}
	bottom := plotBottom + stripGap + stripHeight
	c.text(plotLeft, bottom-stripHeight-8, start, "dim", p.Strip.Label)
	c.text(plotLeft-8, bottom-stripHeight+8, end, "dim", strconv.FormatFloat(highest, 'g', -1, 64))
	c.text(plotLeft-8, bottom, end, "dim", "0")
	c.line("axis", plotLeft, bottom, plotRight, bottom)
	for _, b := range p.Strip.Bars {
		if finite(b.From, b.To, b.Value) && b.Value > 0 {
			height := stripHeight * b.Value / highest
			c.rect("bar", p.x(b.From)+1, bottom-height, max(p.x(b.To)-p.x(b.From)-2, 1), height, -1)
		}
	}
}

// curve leaves out points nearer than a third of a pixel to the one before.
func (p Plot) curve(c *canvas, s Series) {
	var points []string
	lastX, lastY := math.Inf(-1), math.Inf(-1)
	for i, at := range s.Points {
		if !finite(at.X, at.Y) {
			continue
		}
		x, y := p.x(at.X), p.y(at.Y)
		if math.Abs(x-lastX)+math.Abs(y-lastY) < 0.34 && i < len(s.Points)-1 {
			continue
		}
		points = append(points, number(x)+","+number(y))
		lastX, lastY = x, y
	}
	if len(points) > 0 {
		fmt.Fprintf(c, "  <polyline class=\"line %s\" points=\"%s\"/>\n", s.Role, strings.Join(points, " "))
	}
}

// mark puts the words where there is room: to the left of a point in the right
// half.
func (p Plot) mark(c *canvas, m Mark) {
	if !finite(m.X, m.Y) {
		return
	}
	x, y := p.x(m.X), p.y(m.Y)
	fmt.Fprintf(c, "  <circle class=\"mark\" cx=\"%s\" cy=\"%s\" r=\"4.5\"/>\n", number(x), number(y))
	if x+10+room(m.Label) < plotRight {
		c.text(x+9, y+16, start, "tag", m.Label)
	} else {
		c.text(x-9, y+16, end, "tag", m.Label)
	}
}

// ticks are the multiples of 1, 2 or 5 times a power of ten within the axis, of
// which there are four to eleven.
func (a Axis) ticks() []float64 {
	step := a.step()
	if step == 0 {
		return nil
	}
	var all []float64
	for k := math.Ceil(a.Min/step - 1e-9); k*step <= a.Max+step*1e-9; k++ {
		all = append(all, k*step)
	}
	return all
}

func (a Axis) step() float64 {
	width := a.Max - a.Min
	if !finite(width) || width <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(width)))
	for _, step := range []float64{unit / 10, unit / 5, unit / 2} {
		if width/step <= 10+1e-9 {
			return step
		}
	}
	return unit
}

// value is a tick's text, with as many digits as the step needs.
func (a Axis) value(v float64) string {
	step, unit := a.step(), ""
	if a.Percent {
		v, step, unit = v*100, step*100, " %"
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return strconv.FormatFloat(v+0, 'f', digits, 64) + unit
}
