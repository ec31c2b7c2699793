package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostile is text that would break out of XML, or that XML can't hold.
const hostile = "<script>&\"' \x00\x1b\ufffe\xff" + `</text> a label of a great many runes`

func drawn() map[string][]byte {
	nan, inf := math.NaN(), math.Inf(1)
	return map[string][]byte{
		"plot": Plot{
			Title: hostile, About: hostile, X: Axis{Label: hostile, Max: 1}, Y: Axis{Label: hostile, Min: 0.2, Max: 0.25, Percent: true},
			Bars:   []Bar{{0, 0.1, 0.22}, {nan, 0.1, 0.22}, {0.1, 0.2, inf}},
			Series: []Series{{Name: hostile, Role: Main, Points: []Point{{0, 0.2}, {nan, 0.2}, {0.5, inf}, {1, 9}}}, {Role: Base}},
			Marks:  []Mark{{Point{0.99, 0.21}, hostile}, {Point{nan, 0}, "gone"}},
			Strip:  Strip{hostile, []Bar{{0, 0.5, 3}, {0.5, 1, nan}, {0.5, 1, 0}}},
		}.SVG(),
		"empty plot": Plot{}.SVG(),
		"matrix": Matrix{
			Title: hostile, About: hostile, RowAxis: hostile, ColAxis: hostile,
			Rows: []string{hostile, "b"}, Cols: []string{hostile, "b", ""}, Counts: [][]int{{1, 0, 9}, {0, 0, 0}},
		}.SVG(),
		"empty matrix": Matrix{}.SVG(),
		"grouped": Grouped{
			Title: hostile, About: hostile, Axis: hostile, Names: []string{hostile, "b"},
			Groups: []Group{{hostile, hostile, []float64{0.5, nan}}, {"b", "", []float64{-1, 2}}},
		}.SVG(),
		"empty grouped": Grouped{}.SVG(),
	}
}

var outside = regexp.MustCompile(`(?i)(href|src|url\(|@import|<script|<image|<foreignobject|https?://)`)

func TestSVGIsWellFormedAndStandsAlone(t *testing.T) {
	for name, svg := range drawn() {
		t.Run(name, func(t *testing.T) {
			d := xml.NewDecoder(bytes.NewReader(svg))
			for {
				_, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v in\n%s", err, svg)
				}
			}
			rest := strings.Replace(string(svg), `xmlns="http://www.w3.org/2000/svg"`, "", 1)
			if found := outside.FindString(rest); found != "" {
				t.Errorf("reaches outside: %s", found)
			}
			if strings.Contains(rest, "NaN") || strings.Contains(rest, "Inf") || strings.Contains(rest, "gone") {
				t.Errorf("what is not finite is drawn:\n%s", svg)
			}
			for _, need := range []string{`<title id="t">`, `<desc id="d">`, `class="bg"`, "prefers-color-scheme: dark"} {
				if !strings.Contains(rest, need) {
					t.Errorf("has no %s", need)
				}
			}
		})
	}
}

func TestEveryClassHasAColourInBothSchemes(t *testing.T) {
	light, dark, _ := strings.Cut(style, "@media")
	for _, class := range []string{".bg", "text", ".dim", ".on", ".tag", ".grid", ".axis", ".main", ".best", ".base", ".bar", ".cell", ".second", ".mark"} {
		name := regexp.MustCompile(regexp.QuoteMeta(class) + `[ ,]`)
		if !name.MatchString(light) || !name.MatchString(dark) {
			t.Errorf("%s has no colour in light or dark", class)
		}
	}
}

func TestTicksAreRoundAndFew(t *testing.T) {
	for _, test := range []struct {
		axis  Axis
		first string
		last  string
		n     int
	}{
		{Axis{Max: 1, Percent: true}, "0 %", "100 %", 11},
		{Axis{Max: 1}, "0.0", "1.0", 11},
		{Axis{Min: 0.48, Max: 0.92, Percent: true}, "50 %", "90 %", 9},
		{Axis{Min: 0.611, Max: 0.6245, Percent: true}, "61.2 %", "62.4 %", 7},
		{Axis{Min: -3, Max: 3000}, "0", "3000", 7},
		{Axis{Min: 1, Max: 1}, "", "", 0},
		{Axis{Max: math.NaN()}, "", "", 0},
	} {
		ticks := test.axis.ticks()
		if len(ticks) != test.n {
			t.Errorf("%+v: %v", test.axis, ticks)
			continue
		}
		if test.n > 0 && (test.axis.value(ticks[0]) != test.first || test.axis.value(ticks[test.n-1]) != test.last) {
			t.Errorf("%+v: from %s to %s", test.axis, test.axis.value(ticks[0]), test.axis.value(ticks[test.n-1]))
		}
	}
}

// A curve of a million points is no larger than the paper has pixels.
func TestCurvesAreThinned(t *testing.T) {
	points := make([]Point, 1_000_000)
	for i := range points {
		points[i] = Point{float64(i) / 1e6, float64(i) / 1e6}
	}
	points = append(points, Point{1, 1})
	p := Plot{X: Axis{Max: 1}, Y: Axis{Max: 1}, Series: []Series{{Role: Main, Points: points}}}
	svg := string(p.SVG())
	if len(svg) > 100_000 {
		t.Errorf("%d bytes", len(svg))
	}
	if last := number(p.x(1)) + "," + number(p.y(1)) + `"/>`; !strings.Contains(svg, last) {
		t.Error("the curve does not end where it ends")
	}
}

func TestCoordinatesAreTenths(t *testing.T) {
	for x, want := range map[float64]string{1: "1", 1.25: "1.3", -0.04: "0", 12.34: "12.3", 0.1 + 0.2: "0.3"} {
		if got := number(x); got != want {
			t.Errorf("%v is %s, want %s", x, got, want)
		}
	}
}

func TestMatrixColoursBySharesOfTheRow(t *testing.T) {
	svg := string(Matrix{Rows: []string{"a", "b"}, Cols: []string{"a", "b"}, Counts: [][]int{{3, 1}, {0, 0}}}.SVG())
	var got []float64
	for _, m := range regexp.MustCompile(`class="cell".*fill-opacity="([0-9.]+)"`).FindAllStringSubmatch(svg, -1) {
		x, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x)
	}
	if want := []float64{0.765, 0.295, 0.06, 0.06}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
