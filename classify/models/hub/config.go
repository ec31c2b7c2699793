package hub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// DefaultWindow is the most tokens of text in a window, special tokens not
// counted: 512 positions less two. Encoders with more positions are mostly tuned
// on no more, and attention's cost grows with the square.
const DefaultWindow = 510

// special is how many tokens go around a text, [CLS] and [SEP] or <s> and </s>.
const special = 2

// maxLabel is the most bytes of a label.
const maxLabel = 256

// maxPositions is where a number stops to be a length: tokenizers without one
// write 10^30.
const maxPositions = 1 << 20

// modelConfig is the part of config.json that a classifier needs.
type modelConfig struct {
	Architectures []string          `json:"architectures"`
	ModelType     string            `json:"model_type"`
	ID2Label      map[string]string `json:"id2label"`
	Positions     jsontext.Value    `json:"max_position_embeddings"`
	Pad           jsontext.Value    `json:"pad_token_id"`
	Problem       string            `json:"problem_type"`
}

// described is what the small files of a repository say of the classifier.
type described struct {
	kind   classify.Kind
	labels []string
	// window is the most tokens of text that the model has positions for; zero if
	// nothing says it.
	window int
}

// describe reads config.json, and tokenizer_config.json if it isn't empty.
// Duplicate names and what is unknown are the publisher's business.
func describe(config, tokenizer []byte) (described, error) {
	var c modelConfig
	if err := json.Unmarshal(config, &c, jsontext.AllowDuplicateNames(true)); err != nil {
		return described{}, fmt.Errorf("config.json: %w", err)
	}
	kind, err := kindOf(c)
	if err != nil {
		return described{}, fmt.Errorf("config.json: %w", err)
	}
	labels, err := labelsOf(c.ID2Label)
	if err != nil {
		return described{}, fmt.Errorf("config.json: id2label: %w", err)
	}
	if kind == classify.KindToken {
		if err := checkTags(labels); err != nil {
			return described{}, fmt.Errorf("config.json: id2label: %w", err)
		}
	}
	positions := number(c.Positions)
	if positions > 0 && slices.Contains([]string{"roberta", "xlm-roberta", "camembert", "mpnet"}, c.ModelType) {
		positions -= number(c.Pad) + 1 // their first position comes after the padding's
	}
	if len(tokenizer) > 0 {
		var t struct {
			Max jsontext.Value `json:"model_max_length"`
		}
		if err := json.Unmarshal(tokenizer, &t, jsontext.AllowDuplicateNames(true)); err != nil {
			return described{}, fmt.Errorf("tokenizer_config.json: %w", err)
		}
		if n := number(t.Max); n > 0 && (positions <= 0 || n < positions) {
			positions = n
		}
	}
	return described{kind: kind, labels: labels, window: max(0, positions-special)}, nil
}

// number is a whole number that can be a length, or 0.
func number(v jsontext.Value) int {
	n, err := strconv.Atoi(string(v))
	if err != nil || n < 0 || n > maxPositions {
		return 0
	}
	return n
}

func kindOf(c modelConfig) (classify.Kind, error) {
	if len(c.Architectures) != 1 {
		return "", fmt.Errorf("architectures: %d are named, needs one", len(c.Architectures))
	}
	name := c.Architectures[0]
	switch {
	case c.Problem != "" && c.Problem != "single_label_classification":
		return "", fmt.Errorf("problem_type is %.64q: only one label of a text or token can be the right one here", c.Problem)
	case strings.HasSuffix(name, "ForSequenceClassification"):
		return classify.KindSequence, nil
	case strings.HasSuffix(name, "ForTokenClassification"):
		return classify.KindToken, nil
	}
	return "", fmt.Errorf("architectures: %.64q is no …ForSequenceClassification and no …ForTokenClassification", name)
}

// labelsOf orders the labels by their index in the logits.
func labelsOf(byIndex map[string]string) ([]string, error) {
	if len(byIndex) < 2 {
		return nil, fmt.Errorf("%d labels, needs at least 2", len(byIndex))
	}
	labels := make([]string, len(byIndex))
	for i := range labels {
		label, ok := byIndex[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("of %d labels there is none with the index %d", len(byIndex), i)
		}
		if labels[i] = strings.TrimSpace(label); labels[i] == "" {
			return nil, fmt.Errorf("label %d is empty", i)
		}
		// Labels are logged and shown on terminals.
		if len(labels[i]) > maxLabel || strings.ContainsFunc(labels[i], func(r rune) bool { return !unicode.IsPrint(r) }) {
			return nil, fmt.Errorf("label %d is longer than %d bytes or has a character that can't be printed", i, maxLabel)
		}
		if slices.Contains(labels[:i], labels[i]) {
			return nil, fmt.Errorf("label %.64q is there twice", labels[i])
		}
	}
	return labels, nil
}

// checkTags wants the IOB2 scheme, as package classify reads it.
func checkTags(labels []string) error {
	for _, l := range labels {
		if l != "O" && !(len(l) > 2 && (strings.HasPrefix(l, "B-") || strings.HasPrefix(l, "I-"))) {
			return fmt.Errorf("label %.64q: tags must be O, B-TYPE and I-TYPE", l)
		}
	}
	if !slices.Contains(labels, "O") {
		return errors.New("there is no label O for a token that is nothing")
	}
	return nil
}

// positives are what publishers call the label that a guard looks for.
var positives = []string{
	"jailbreak", "injection", "prompt_injection", "attack", "malicious", "unsafe", "harmful", "toxic", "strong", "positive", "yes", "true",
}

// positiveOf finds the label that a two-class head looks for. A name that the
// caller gave must be one of the labels as they are written.
func positiveOf(labels []string, given string) (string, error) {
	if given != "" {
		if !slices.Contains(labels, given) {
			return "", fmt.Errorf("positive label %q is none of %s", given, list(labels))
		}
		return given, nil
	}
	if len(labels) != 2 {
		return "", nil
	}
	var found []string
	for _, l := range labels {
		if slices.Contains(positives, strings.ToLower(l)) {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("which of %s to look for can't be told by name: give the positive label", list(labels))
	}
	return found[0], nil
}

func list(labels []string) string {
	quoted := make([]string, 0, 8)
	for i, l := range labels {
		if i == cap(quoted)-1 && len(labels) > cap(quoted) {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(labels)-i))
			break
		}
		quoted = append(quoted, strconv.Quote(l))
	}
	return strings.Join(quoted, ", ")
}

// windowOf is how many tokens of text go into a window; wish is zero for the
// default.
func windowOf(d described, wish int) (int, error) {
	switch {
	case wish < 0:
		return 0, fmt.Errorf("window is %d tokens, needs at least 1", wish)
	case d.window > 0 && wish > d.window:
		return 0, fmt.Errorf("window is %d tokens, the model has positions for %d", wish, d.window)
	case wish > 0:
		return wish, nil
	case d.window == 0:
		return 0, errors.New("neither max_position_embeddings nor model_max_length says how long a text may be: give the window")
	}
	return min(d.window, DefaultWindow), nil
}
