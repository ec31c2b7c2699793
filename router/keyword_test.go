package router_test

import (
	"fmt"
	"strings"
	"testing"
)

func withKeywords(operator string, exact bool, words ...string) string {
	return twoModels + fmt.Sprintf(`
  signals:
    keywords: [{name: k, operator: %s, case_sensitive: %v, keywords: ["%s"]}]
  decisions: [{name: d, model: large, rules: {type: keyword, name: k}}]
`, operator, exact, strings.Join(words, `", "`))
}

func TestKeywordOperators(t *testing.T) {
	for _, c := range []struct {
		operator, text string
		match          bool
	}{
		{"OR", "one", true}, {"OR", "two", true}, {"OR", "one two", true}, {"OR", "three", false},
		{"AND", "one", false}, {"AND", "two one", true}, {"AND", "three", false},
		{"NOR", "one", false}, {"NOR", "two", false}, {"NOR", "three", true}, {"NOR", "", true},
	} {
		d := decide(build(t, withKeywords(c.operator, false, "one", "two"), &stub{}), "auto", c.text)
		if (d.Name == "d") != c.match {
			t.Errorf("%s of one, two in %q: %v", c.operator, c.text, !c.match)
		}
	}
}

// A keyword is a whole word or phrase, in scripts that have words.
func TestKeywordBoundaries(t *testing.T) {
	for _, c := range []struct {
		word, text string
		match      bool
	}{
		{"plan", "explanation", false},
		{"plan", "plans", false},
		{"plan", "a plan.", true},
		{"plan", "(plan)", true},
		{"plan", "plan", true},
		{"plan", "explanation of the plan", true},
		{"plan", "plan_b", false},
		{"plan", "plan2", false},
		{"plan", "2plan", false},
		{"plan", "plan-b", true},
		{"plan", "Plan", true},
		{"PLAN", "plan", true},
		{"aa", "aaa aa", true},
		{"a b", "a b", true},
		{"a b", "a  b", false},
		{"c++", "in c++17", true},
		{"c++", "in C++", true},
		{".net", "the .NET runtime", true},
		{"été", "L'été dernier", true},
		{"été", "étés", false},
		{"ÉTÉ", "été", true},
		{"straße", "Straße 5", true},
		{"数学", "我喜欢数学课", true},
		{"数学", "物理", false},
		{"計算", "これを計算してください", true},
		{"データ", "データベース", true},
		{"サーバー", "サーバー2台", true},
		{"수학", "수학을 공부한다", true}, // particles stick to the word
		{"कर", "करे", false},     // the vowel sign belongs to the word
		{"कर", "कर दो", true},
		{"сталь", "стальной", false},
		{"สูตร", "ขอสูตรคำนวณ", true},
		{"e=mc2", "why e=mc2?", true},
		{"😀", "so 😀so", true},
	} {
		d := decide(build(t, withKeywords("OR", false, c.word), &stub{}), "auto", c.text)
		if (d.Name == "d") != c.match {
			t.Errorf("%q in %q: %v", c.word, c.text, !c.match)
		}
	}
}

func TestKeywordCaseMattersWhenAsked(t *testing.T) {
	r := build(t, withKeywords("OR", true, "SQL"), &stub{})
	for text, match := range map[string]bool{"in SQL": true, "in sql": false, "MySQL": false} {
		if d := decide(r, "auto", text); (d.Name == "d") != match {
			t.Errorf("%q: %v", text, !match)
		}
	}
}
