package config

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing wrong with a file.
type Problem struct {
	Path    string // such as routing.decisions[0].model; empty for the whole file
	Line    int    // 1-based; 0 where it can't be told
	Message string
}

// String is "line 12: path: message", without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Invalid is the error of a file that can't be used; it lists every problem.
type Invalid struct {
	File     string
	Problems []Problem
}

// Error prints one line per problem.
func (e *Invalid) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	lines = append(lines, fmt.Sprintf("config %s: %d %s", e.File, len(e.Problems), noun))
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong while the tree is walked.
type problems []Problem

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// placed gives all problems with their lines, in the order of the file. What was
// found below a path that is mistyped only follows from that, and is left out.
func placed(mistyped, found problems, lines lineIndex) []Problem {
	all := append(problems{}, mistyped...)
	for _, one := range found {
		if !coveredBy(one, mistyped) {
			all = append(all, one)
		}
	}
	for i := range all {
		all[i].Line = lines.of(all[i].Path)
	}
	sort.SliceStable(all, func(i, j int) bool {
		if all[i].Line != all[j].Line {
			return all[i].Line < all[j].Line
		}
		return all[i].Path < all[j].Path // the decoder walks maps in no order
	})
	return all
}

func coveredBy(one Problem, mistyped problems) bool {
	for _, wrong := range mistyped {
		path := wrong.Path
		if path == "" || one.Path == path || strings.HasPrefix(one.Path, path+".") || strings.HasPrefix(one.Path, path+"[") {
			return true
		}
	}
	return false
}
