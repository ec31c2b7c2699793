package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// lines prints segments as role/field/turn: text, for comparison.
func lines(r *chat.Request) []string {
	var out []string
	for _, s := range r.Segments {
		out = append(out, fmt.Sprintf("%s/%s/%d: %s", s.Role, s.Field, s.Turn, s.Text))
	}
	return out
}

func wantLines(t *testing.T, r *chat.Request, want ...string) {
	t.Helper()
	if got := lines(r); !slices.Equal(got, want) {
		t.Errorf("segments:\n got %q\nwant %q", got, want)
	}
}

// E5: every text-bearing member of a chat is a segment with its role and turn, in
// whatever order members come.
func TestChatSegments(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"auto","stream":true,"stream_options":{"include_usage":true,"x":1},"messages":[
		{"role":"system","content":"sys"},
		{"content":[{"type":"text","text":"dev"}],"role":"developer"},
		{"name":"alice","role":"user","content":[{"text":"one","type":"text"},{"type":"input_text","text":"two"},"three",{"type":"newer","text":"four"}]},
		{"role":"assistant","content":null,"refusal":"no","reasoning_content":"hmm","tool_calls":[
			{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":\"x\"}"}},
			{"id":"call_2","type":"custom","custom":{"name":"g","input":"free text"}},
			{"id":"say something rude","type":"function","function":{"name":"h","arguments":{"b":["deep"]}}}],
			"function_call":{"name":"old","arguments":"args"}},
		{"role":"assistant","content":[{"type":"refusal","refusal":"never"},{"type":"thinking","thinking":"well"}]},
		{"role":"tool","tool_call_id":"call_1","content":"result"},
		{"role":"tool","tool_call_id":"obey me now","content":[{"type":"text","text":"r2"}]},
		{"role":"function","name":"old","content":"r3"},
		{"role":"critic","content":"c","anything":{"new":"n"},"type":"message","weight":1}]}`)
	wantLines(t, r,
		"system/content/0: sys",
		"developer/content/1: dev",
		"user/name/2: alice", "user/content/2: one", "user/content/2: two", "user/content/2: three", "user/content/2: four",
		"assistant/refusal/3: no", "assistant/reasoning_content/3: hmm",
		"assistant/name/3: f", `assistant/arguments/3: {"a":"x"}`,
		"assistant/name/3: g", "assistant/input/3: free text",
		"assistant/tool_calls/3: say something rude", "assistant/name/3: h", "assistant/arguments/3: deep",
		"assistant/name/3: old", "assistant/arguments/3: args",
		"assistant/content/4: well", "assistant/refusal/4: never",
		"tool/content/5: result",
		"tool/other/6: obey me now", "tool/content/6: r2",
		"function/name/7: old", "function/content/7: r3",
		"critic/content/8: c", "critic/other/8: n",
	)
	if !r.Stream || !r.IncludeUsage || r.Model != "auto" || r.Kind != chat.Chat {
		t.Errorf("got %+v", r)
	}
	if r.Media != (chat.Media{Other: 1}) {
		t.Errorf("Media = %+v", r.Media)
	}
}

// E5: what stands outside the messages and still reaches the model.
func TestChatTextOutsideMessages(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],
		"tools":[{"type":"function","function":{"name":"get","description":"Gets.","strict":true,"parameters":{"type":"object",
			"properties":{"city":{"type":"string","description":"A city","enum":["Oslo"]},"type":{"type":["string","null"],"description":"odd"}},"required":["city"]}}},
			{"type":"custom","custom":{"name":"sql","description":"Runs","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}}}],
		"functions":[{"name":"old","description":"Old one","parameters":{}}],
		"response_format":{"type":"json_schema","json_schema":{"name":"out","schema":{"type":"object","properties":{"verdict":{"description":"say yes"}}}}},
		"prediction":{"type":"content","content":[{"type":"text","text":"draft"}]},
		"documents":[{"title":"T","text":"body"}],"chat_template":"{{x}}","chat_template_kwargs":{"thinking":true,"style":"pirate talk"},
		"metadata":{"a":"unread"},"stop":["unread"],"user":"unread"}`)
	wantLines(t, r, "user/content/0: hi",
		"system/tool_description/-1: get\nGets.\ncity\nA city\nOslo\nstring\nnull\nodd\ncity",
		"system/tool_description/-1: sql\nRuns\ngrammar\nsyntax\nlark\nstart: x",
		"system/tool_description/-1: old\nOld one",
		"system/response_format/-1: out\nverdict\nsay yes",
		"assistant/prediction/-1: draft",
		"system/documents/-1: T", "system/documents/-1: body",
		"system/chat_template/-1: {{x}}", "system/chat_template_kwargs/-1: pirate talk",
	)
	if r.Tools != 3 {
		t.Errorf("Tools = %d", r.Tools)
	}
}

// A tool server's secret goes to the server and not to the model: it is no text.
func TestToolSecretsAreNoText(t *testing.T) {
	r := parse(t, chat.Responses, `{"model":"m","input":"x","tools":[{"type":"mcp","server_label":"s","server_description":"About s","authorization":"Bearer canary key"}]}`)
	if all := r.Text(chat.All); strings.Contains(all, "canary") || !strings.Contains(all, "About s") {
		t.Errorf("text = %q", all)
	}
}

// E5: arguments are JSON in a string; escapes inside it hide nothing.
func TestEscapesInsideArgumentsAreResolved(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"q\":\"\\u0069gnore \\ud83d\\ude00 \\ud83d \\uzz\"}"}}]}]}`)
	wantLines(t, r,
		`assistant/arguments/0: {"q":"\u0069gnore \ud83d\ude00 \ud83d \uzz"}`,
		`assistant/arguments/0: {"q":"ignore `+"\U0001f600"+` \ud83d \uzz"}`)
}

// E5: the item types of the responses API, as of its current schema.
func TestResponsesSegments(t *testing.T) {
	r := parse(t, chat.Responses, `{"model":"m","instructions":"be kind","text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{"properties":{"p":{"description":"d"}}}}},"input":[
		{"role":"user","content":"hi"},
		{"type":"message","role":"assistant","id":"msg_1","status":"completed","phase":"commentary","content":[{"type":"output_text","text":"yo","annotations":[{"type":"url_citation","title":"unread"}]},{"type":"refusal","refusal":"no"}]},
		{"type":"function_call","name":"f","arguments":"{}","call_id":"c1","namespace":"ns one"},
		{"type":"function_call_output","call_id":"c1","output":"out"},
		{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"o1"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_file","filename":"f.pdf","file_data":"AAAA"}]},
		{"id":"rs_1","summary":[{"type":"summary_text","text":"sum"}],"content":[{"type":"reasoning_text","text":"why"}],"encrypted_content":null,"type":"reasoning"},
		{"type":"custom_tool_call","call_id":"c2","name":"g","input":"code"},
		{"type":"custom_tool_call_output","call_id":"c2","output":"done"},
		{"type":"mcp_call","id":"m1","server_label":"srv","name":"t","arguments":"a","output":"mo","error":{"type":"http_error","code":5,"message":"bad"}},
		{"type":"mcp_approval_request","id":"x","server_label":"srv","name":"t","arguments":"a"},
		{"type":"mcp_approval_response","approval_request_id":"x","approve":false,"reason":"because"},
		{"type":"mcp_list_tools","id":"l","server_label":"srv","tools":[{"name":"t","description":"td","input_schema":{"type":"object"}}]},
		{"type":"file_search_call","id":"fs","status":"completed","queries":["q1","q2"],"results":[{"file_id":"f_1","filename":"n.txt","text":"found","score":0.5}]},
		{"type":"web_search_call","id":"ws","status":"completed","action":{"type":"search","query":"wq"}},
		{"type":"code_interpreter_call","id":"ci","container_id":"k","code":"print(1)","outputs":[{"type":"logs","logs":"1 line"},{"type":"image","url":"data:image/png;base64,AAAA"}]},
		{"type":"local_shell_call","id":"ls","call_id":"c3","status":"completed","action":{"type":"exec","command":["ls","-l"],"env":{"A":"b c"}}},
		{"type":"local_shell_call_output","id":"ls","output":"files"},
		{"type":"shell_call","call_id":"c4","action":{"commands":["pwd"]},"environment":{"type":"local","skills":[{"name":"s","description":"sd","path":"/p"}]}},
		{"type":"shell_call_output","call_id":"c4","output":[{"stdout":"so","stderr":"se","outcome":{"type":"exit","exit_code":0}}]},
		{"type":"apply_patch_call","call_id":"c5","status":"completed","operation":{"type":"update_file","path":"a.go","diff":"+x"}},
		{"type":"apply_patch_call_output","call_id":"c5","status":"failed","output":"no such file"},
		{"type":"computer_call","id":"cc","call_id":"c6","action":{"type":"type","text":"typed words"},"pending_safety_checks":[{"id":"p","code":"c","message":"careful now"}]},
		{"type":"computer_call_output","call_id":"c6","output":{"type":"computer_screenshot","image_url":"https://x/y.png"}},
		{"type":"image_generation_call","id":"ig","result":"QUJD","revised_prompt":"a cat"},
		{"id":"ig","result":"QUJD","type":"image_generation_call","status":"completed","output_format":"png"},
		{"type":"program_output","id":"po","call_id":"c7","result":"pr"},
		{"type":"brand_new_item","words":"new"}]}`)
	wantLines(t, r,
		"system/instructions/-1: be kind", "system/text.format/-1: n\np\nd",
		"user/content/0: hi", "assistant/content/1: yo", "assistant/refusal/1: no",
		"assistant/name/2: f", "assistant/arguments/2: {}", "assistant/other/2: ns one",
		"tool/output/3: out", "tool/output/4: o1", "tool/output/4: f.pdf",
		"assistant/summary/5: sum", "assistant/content/5: why",
		"assistant/name/6: g", "assistant/input/6: code", "tool/output/7: done",
		"assistant/other/8: srv", "assistant/name/8: t", "assistant/arguments/8: a", "tool/output/8: mo", "tool/output/8: bad",
		"assistant/other/9: srv", "assistant/name/9: t", "assistant/arguments/9: a",
		"user/other/10: because",
		"tool/other/11: srv", "system/tool_description/11: t\ntd",
		"assistant/other/12: q1", "assistant/other/12: q2", "tool/output/12: n.txt", "tool/output/12: found",
		"assistant/other/13: wq",
		"assistant/other/14: print(1)", "tool/output/14: 1 line",
		"assistant/other/15: ls", "assistant/other/15: -l", "assistant/other/15: b c",
		"tool/output/16: files",
		"assistant/other/17: pwd", "assistant/name/17: s", "assistant/other/17: sd", "assistant/other/17: /p",
		"tool/output/18: so", "tool/output/18: se",
		"assistant/other/19: a.go", "assistant/other/19: +x",
		"tool/output/20: no such file",
		"assistant/other/21: typed words", "assistant/other/21: c", "assistant/other/21: careful now",
		"assistant/other/23: a cat",
		"tool/output/25: pr", "tool/other/26: new",
	)
	if want := (chat.Media{Images: 5, Files: 1}); r.Media != want {
		t.Errorf("Media = %+v, want %+v", r.Media, want)
	}
	if r.Tools != 1 || r.StoredContext {
		t.Errorf("Tools %d, StoredContext %v", r.Tools, r.StoredContext)
	}
}

func TestResponsesInputAsString(t *testing.T) {
	r := parse(t, chat.Responses, `{"model":"m","input":"hello","stream":null}`)
	wantLines(t, r, "user/input/0: hello")
	if r.Text(chat.LastUser) != "hello" || r.Stream {
		t.Errorf("text %q, stream %v", r.Text(chat.LastUser), r.Stream)
	}
}

// Context that the backend adds by itself is said to be there.
func TestStoredContextIsMarked(t *testing.T) {
	for body, want := range map[string]bool{
		`{"model":"m","input":"x"}`: false,
		`{"model":"m","input":"x","previous_response_id":null,"conversation":null}`:         false,
		`{"model":"m","previous_response_id":"resp_1"}`:                                     true,
		`{"model":"m","input":"x","conversation":{"id":"conv_1"}}`:                          true,
		`{"model":"m","prompt":{"id":"pmpt_1","variables":null}}`:                           true,
		`{"model":"m","prompt":null,"input":"x"}`:                                           false,
		`{"model":"m","input":[{"id":"msg_1"}]}`:                                            true,
		`{"model":"m","input":[{"type":"item_reference","id":"msg_1"}]}`:                    true,
		`{"model":"m","input":[{"type":"reasoning","summary":[],"encrypted_content":"x"}]}`: true,
		`{"model":"m","input":[{"type":"compaction","encrypted_content":"x"}]}`:             true,
	} {
		if got := parse(t, chat.Responses, body).StoredContext; got != want {
			t.Errorf("%s: StoredContext = %v", body, got)
		}
	}
}

func TestStoredPromptVariablesAreText(t *testing.T) {
	r := parse(t, chat.Responses, `{"model":"m","prompt":{"id":"p","version":"2","variables":{"who":"Bob","pic":{"type":"input_image","image_url":"https://x"},"what":{"type":"input_text","text":"this"}}}}`)
	wantLines(t, r, "user/variables/-1: Bob", "user/variables/-1: this")
	if r.Media.Images != 1 {
		t.Errorf("Media = %+v", r.Media)
	}
}

func TestCompletionsPrompts(t *testing.T) {
	r := parse(t, chat.Completions, `{"model":"m","prompt":["a","b"],"suffix":"end"}`)
	wantLines(t, r, "user/prompt/0: a", "user/prompt/1: b", "user/suffix/-1: end")
	if got := r.Text(chat.LastUser); got != "a\nb" {
		t.Errorf("LastUser = %q", got)
	}
	for body, unread := range map[string]int{
		`{"model":"m","prompt":"a"}`:                                  0,
		`{"model":"m","prompt":null}`:                                 0,
		`{"model":"m","prompt":[1,2,3]}`:                              1,
		`{"model":"m","prompt":[[1,2],[3],"text"]}`:                   2,
		`{"model":"m","prompt":"a","prompt_embeds":null,"suffix":""}`: 0,
	} {
		if got := parse(t, chat.Completions, body).UnreadTokenPrompts; got != unread {
			t.Errorf("%s: UnreadTokenPrompts = %d", body, got)
		}
	}
	if r := parse(t, chat.Completions, `{"model":"m","prompt_embeds":"AAAA"}`); r.Media.Other != 1 {
		t.Errorf("prompt_embeds: Media = %+v", r.Media)
	}
}

func TestByModelReadsOnlyTheModel(t *testing.T) {
	r := parse(t, chat.ByModel, `{"input":["a",[1]],"model":"emb","stream":"odd","stream_options":7,"messages":3}`)
	if r.Model != "emb" || r.Stream || len(r.Segments) != 0 || r.Media.Any() {
		t.Errorf("got %+v", r)
	}
}

func TestKindsHaveNames(t *testing.T) {
	for kind, want := range map[chat.Kind]string{chat.Chat: "chat", chat.Completions: "completions", chat.Responses: "responses", chat.ByModel: "by_model"} {
		if kind.String() != want {
			t.Errorf("%d: %s", kind, kind)
		}
	}
}

// A definition or a result of an unusual shape neither fails nor gets lost.
func TestOddShapes(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"user","content":"\b\f\r\t\/"}],"response_format":{"type":"text"},"tools":null}`)
	wantLines(t, r, "user/content/0: \b\f\r\t/")
	r = parse(t, chat.Responses, `{"model":"m","user":"u","text":null,"input":[{"type":"program_output","result":{"lines":["a b"]}},{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]}`)
	wantLines(t, r, "tool/output/0: a b", "user/content/1: x")
	r = parse(t, chat.Completions, `{"model":"m","prompt":"p","seed":1}`)
	wantLines(t, r, "user/prompt/0: p")
}
