package classify

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// tokensOf gives a text of these pieces, each of them a token, and their places; the
// text stands at 100.
func tokensOf(t *testing.T, pieces ...string) (string, []place) {
	t.Helper()
	text := ""
	var tokens []Token
	for _, piece := range pieces {
		from := len(text)
		text += piece
		tokens = append(tokens, Token{From: from, To: len(text)})
	}
	places, err := placesOf(tokens, text, 100)
	if err != nil {
		t.Fatal(err)
	}
	return text, places
}

func TestWordsBeginWhereTextIsParted(t *testing.T) {
	for _, test := range []struct {
		name   string
		pieces []string
		begins []bool
	}{
		{"white space in the next token", []string{"jo", "hn", " smi", "th"}, []bool{true, false, true, false}},
		{"white space in the token before", []string{"jo", "hn ", "smi", "th"}, []bool{true, false, true, false}},
		{"a token of white space alone", []string{"jo", " ", "smi", "th"}, []bool{true, true, false, false}},
		{"a token of white space before punctuation", []string{"jo", " ", "(", "x"}, []bool{true, true, false, true}},
		{"punctuation", []string{"o", "'", "bri", "en"}, []bool{true, true, true, false}},
		{"scripts without spaces", []string{"東", "京", "タワ", "ー", "ก", "ข"}, []bool{true, true, true, true, true, true}},
		{"symbols and emoji", []string{"jo", "👍", "b", "→", "al", "ice", "📍", "22", "🏽", "€", "5"}, []bool{true, true, true, true, true, false, true, true, true, true, true}},
		{"accents stay with their word", []string{"n", "é", "e"}, []bool{true, false, false}},
		{"nothing", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, places := tokensOf(t, test.pieces...)
			for i, p := range places {
				if p.begins != test.begins[i] {
					t.Errorf("token %d begins a word: %v", i, p.begins)
				}
				if at := text[p.from-100 : p.to-100]; at != "" && (at[0] == ' ' || at[len(at)-1] == ' ') {
					t.Errorf("token %d is %q", i, at)
				}
			}
		})
	}
}

// Tokens may share the bytes of one rune, as those of byte fallback do.
func TestTokensOfOneRuneAreOneWord(t *testing.T) {
	places, err := placesOf([]Token{{From: 0, To: 1}, {From: 2, To: 6}, {From: 2, To: 6}, {From: 2, To: 6}}, "a \U0001f600", 0)
	if err != nil || !places[1].begins || places[2].begins || places[3].begins {
		t.Errorf("%+v, %v", places, err)
	}
}

func TestBadOffsetsAreBadOutput(t *testing.T) {
	for _, tokens := range [][]Token{{{From: -1, To: 1}}, {{From: 2, To: 1}}, {{From: 0, To: 4}}, {{From: 2, To: 3}, {From: 1, To: 2}}} {
		if _, err := placesOf(tokens, "abc", 0); !errors.Is(err, ErrBadOutput) {
			t.Errorf("%v: %v, want ErrBadOutput", tokens, err)
		}
	}
}

var people = Head{Name: "pii", Kind: KindToken, Temperature: 1, Labels: []string{"O", "B-PERSON", "I-PERSON", "B-CITY", "I-CITY"}}

// rows has a token sure of each label; "" is a token that no window read.
func rows(labels ...string) func(int) []float32 {
	return func(i int) []float32 {
		if labels[i] == "" {
			return nil
		}
		row := make([]float32, len(people.Labels))
		row[slices.Index(people.Labels, labels[i])] = 9
		return row
	}
}

func TestTagsBecomeSpansOfWholeWords(t *testing.T) {
	two := []string{"jo", "hn", " smi", "th", " is"}
	for _, test := range []struct {
		name   string
		pieces []string
		labels []string
		want   []string
	}{
		{"nothing", two, []string{"O", "O", "O", "O", "O"}, nil},
		{"one span of two words", two, []string{"B-PERSON", "I-PERSON", "I-PERSON", "I-PERSON", "O"}, []string{"PERSON john smith"}},
		{"a beginning begins another", two, []string{"B-PERSON", "I-PERSON", "B-PERSON", "I-PERSON", "O"}, []string{"PERSON john", "PERSON smith"}},
		{"inside without beginning", two, []string{"O", "O", "I-PERSON", "I-PERSON", "O"}, []string{"PERSON smith"}},
		{"another type without beginning", two, []string{"B-PERSON", "I-PERSON", "I-CITY", "I-CITY", "O"}, []string{"PERSON john", "CITY smith"}},
		{"to the end", two, []string{"O", "O", "O", "O", "B-CITY"}, []string{"CITY is"}},
		{"most pieces of a word win", []string{"a", "b", "c", " d"}, []string{"O", "I-PERSON", "I-PERSON", "O"}, []string{"PERSON abc"}},
		{"few pieces of a word lose", []string{"a", "b", "c", " d"}, []string{"B-PERSON", "O", "O", "O"}, nil},
		{"beginnings within a word are none", two, []string{"B-PERSON", "B-PERSON", "I-PERSON", "B-PERSON", "O"}, []string{"PERSON john smith"}},
		{"what was not read has no vote", two, []string{"B-PERSON", "", "", "I-PERSON", "O"}, []string{"PERSON john smith"}},
		{"white space is no part of it", []string{"jo", " ", "smi", " ", "("}, []string{"O", "B-PERSON", "B-PERSON", "I-PERSON", "I-PERSON"}, []string{"PERSON smi ("}},
		{"white space has no say", []string{"jo", " ", "東", "京"}, []string{"O", "O", "B-CITY", "I-CITY"}, []string{"CITY 東京"}},
		{"white space alone is none", []string{"jo", " "}, []string{"O", "B-PERSON"}, nil},
		{"a word that was not read parts", two, []string{"B-PERSON", "I-PERSON", "", "", "I-PERSON"}, []string{"PERSON john", "PERSON is"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, places := tokensOf(t, test.pieces...)
			tagger := newTagger(people, 0)
			var got []string
			for _, s := range tagger.tags(places, rows(test.labels...)) {
				got = append(got, s.Type+" "+text[s.From-100:s.To-100])
				if s.Score < 0.6 || s.Score > 1 || s.Source != "pii" {
					t.Errorf("%+v", s)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// What is drawn is no part of what it stands beside, whatever the model says of it.
func TestSpansEndAtSymbols(t *testing.T) {
	text, places := tokensOf(t, "bob", "→", "alice", " john", "son", "👍")
	tagger := newTagger(people, 0)
	var got []string
	for _, s := range tagger.tags(places, rows("B-PERSON", "O", "B-PERSON", "I-PERSON", "I-PERSON", "I-PERSON")) {
		at := trimSymbols(text, span{s.From - 100, s.To - 100})
		got = append(got, text[at.from:at.to])
	}
	if want := []string{"bob", "alice johnson"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSymbolsAreTrimmedOffBothEnds(t *testing.T) {
	for text, want := range map[string]string{
		"Anna Kowalska👍": "Anna Kowalska", "Anna Kowalska 👍🏽": "Anna Kowalska", "Müller™": "Müller", "📍 221B Baker Street": "221B Baker Street",
		"👩‍👩‍👧Anna❤️": "Anna", "→👍": "", "": "",
		"Bob→Alice": "Bob→Alice", "C++": "C++", "Jo\u200bhn": "Jo\u200bhn", "\u00ad五丁目\u00ad": "\u00ad五丁目\u00ad",
	} {
		at := trimSymbols("("+text+")", span{1, 1 + len(text)})
		if got := ("(" + text + ")")[at.from:at.to]; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The score is the mean over the tokens of what begins and what goes on alike.
func TestSpanScoreIsTheMeanProbabilityOfItsType(t *testing.T) {
	_, places := tokensOf(t, "john", " smith")
	tagger := newTagger(people, 0)
	l := func(p ...float64) (row []float32) {
		for _, x := range p {
			row = append(row, float32(math.Log(x)))
		}
		return row
	}
	logits := [][]float32{l(0.3, 0.4, 0.2, 0.05, 0.05), l(0.1, 0.1, 0.7, 0.05, 0.05)}
	got := tagger.tags(places, func(i int) []float32 { return logits[i] })
	if len(got) != 1 || math.Abs(got[0].Score-0.7) > 1e-6 {
		t.Errorf("%+v, want one span of 0.7", got)
	}
}

// Of as many votes for as against, the probabilities decide.
func TestEvenVotesOfAWordGoByProbability(t *testing.T) {
	_, places := tokensOf(t, "jo", "hn")
	tagger := newTagger(people, 0)
	for _, test := range []struct {
		inside float32 // logit of the second token; the first is outside by 3
		spans  int
	}{{2, 0}, {4, 1}} {
		got := tagger.tags(places, func(i int) []float32 {
			return [][]float32{{3, 0, 0, 0, 0}, {0, 0, test.inside, 0, 0}}[i]
		})
		if len(got) != test.spans {
			t.Errorf("inside by %v: %+v", test.inside, got)
		}
	}
}

// A token is judged by the window that shows most around it; the ends of the text
// are no cuts.
func TestOwnerIsTheWindowWithMostAroundTheToken(t *testing.T) {
	windows := []span{{0, 6}, {8, 12}, {4, 10}} // in the order of running
	want := []int{0, 0, 0, 0, 0, 2, 2, 2, 2, 1, 1, 1, -1}
	if got := owners(windows[:2], 13); got[6] != -1 || got[12] != -1 {
		t.Errorf("unread tokens have owners: %v", got)
	}
	if got := owners(windows, 13); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := owners([]span{{0, 4}, {2, 6}}, 6); !slices.Equal(got, []int{0, 0, 0, 1, 1, 1}) {
		t.Errorf("at the ends of the text: %v", got)
	}
}
