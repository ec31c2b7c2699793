package chart

import "strconv"

// Matrix is a table of counts whose cells are coloured the stronger the larger their share
// of the row.
type Matrix struct {
	Title, About     string
	RowAxis, ColAxis string // what rows and columns are
	Rows, Cols       []string
	Counts           [][]int // by row, then column
}

const labelRunes = 28 // of a label that are shown

// SVG draws the matrix.
func (m Matrix) SVG() []byte {
	rows, cols, longest := shortened(m.Rows), shortened(m.Cols), 0.0
	for _, label := range append(append([]string{}, rows...), cols...) {
		longest = max(longest, room(label))
	}
	cell := min(max(560/float64(max(len(cols), 1)), 30), 72)
	left, top := 50+longest, 96+0.75*longest
	width := max(left+cell*float64(len(cols))+0.75*longest+20, 30+room(m.Title)*1.35, 30+room(m.About))
	height := top + cell*float64(len(rows)) + 24
	c := &canvas{}
	c.begin(width, height, m.Title, m.About)
	c.text(20, 30, start, "title", m.Title)
	c.text(20, 50, start, "dim", m.About)
	c.text(left, 76, start, "", m.ColAxis)
	c.turned(24, top+cell*float64(len(rows))/2, -90, middle, "", m.RowAxis)
	for j, label := range cols {
		c.turned(left+(float64(j)+0.5)*cell, top-8, -45, start, "dim", label)
	}
	for i, label := range rows {
		y := top + float64(i)*cell
		c.text(left-8, y+cell/2+4, end, "dim", label)
		m.row(c, i, left, y, cell)
	}
	return c.end()
}

func (m Matrix) row(c *canvas, i int, left, y, cell float64) {
	total := 0
	for _, n := range m.Counts[i] {
		total += n
	}
	for j, n := range m.Counts[i] {
		x, share := left+float64(j)*cell, 0.0
		if total > 0 {
			share = float64(n) / float64(total)
		}
		c.rect("cell", x+1, y+1, cell-2, cell-2, 0.06+0.94*share)
		if n == 0 {
			continue
		}
		class := "count"
		if share > 0.75 { // where the contrast with either is about the same
			class = "count on"
		}
		c.text(x+cell/2, y+cell/2+4, middle, class, strconv.Itoa(n))
	}
}

func shortened(labels []string) []string {
	short := make([]string, len(labels))
	for i, label := range labels {
		short[i] = shorten(label, labelRunes)
	}
	return short
}
