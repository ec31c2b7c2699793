package simulate

import (
	"encoding/json"
	"strings"
)

// ask is what a request wants, whatever endpoint it came through.
type ask struct {
	question  string // text of the last user turn
	words     int    // of all text in the prompt: its size in tokens
	images    int
	afterTool bool // the last turn is a tool's result, so text is due and no further call

	tools    []tool
	choice   toolChoice
	parallel bool // more than one call at a time is welcome

	schema    any // JSON schema the answer must follow; nil for text
	maxTokens int // 0 is no limit
	stream    bool
	usage     bool // a stream shall end with its usage
}

// read takes in one turn of the conversation.
func (a *ask) read(role, text string, images int) {
	a.words += len(strings.Fields(text))
	a.images += images
	a.afterTool = role == "tool"
	if role == "user" {
		a.question = text
	}
}

type tool struct {
	name       string
	parameters any
}

// toolChoice is OpenAI's tool_choice: a mode ("auto", "none", "required") or one function by name.
type toolChoice struct{ mode, name string }

// UnmarshalJSON reads a mode, {"type":"function","function":{"name":...}} (chat) or {"type":"function","name":...}
// (responses).
func (c *toolChoice) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &c.mode) == nil {
		return nil
	}
	var named struct {
		Name     string
		Function struct{ Name string }
	}
	if err := json.Unmarshal(raw, &named); err != nil {
		return err
	}
	c.name = named.Name + named.Function.Name
	return nil
}

// content is a turn's content: a string, null or a list of parts. Parts that are neither text nor an image are passed
// over.
type content struct {
	text   string
	images int
}

// UnmarshalJSON reads the parts of both chat completions and responses.
func (c *content) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &c.text) == nil {
		return nil
	}
	var parts []struct {
		Type string
		Text string
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return err
	}
	var texts []string
	for _, part := range parts {
		switch part.Type {
		case "text", "input_text", "output_text":
			texts = append(texts, part.Text)
		case "image_url", "input_image":
			c.images++
		}
	}
	c.text = strings.Join(texts, "\n")
	return nil
}
