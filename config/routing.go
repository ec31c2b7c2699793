package config

// Signals are the facts about a request that decisions are made of.
type Signals struct {
	Keywords   []Keyword    `mapstructure:"keywords"`
	Domains    []Domain     `mapstructure:"domains"`
	Jailbreak  []Jailbreak  `mapstructure:"jailbreak"`
	PII        []PII        `mapstructure:"pii"`
	Complexity []Complexity `mapstructure:"complexity"`
}

// The types of signals, as rules name them.
const (
	SignalKeyword    = "keyword"
	SignalDomain     = "domain"
	SignalJailbreak  = "jailbreak"
	SignalPII        = "pii"
	SignalComplexity = "complexity"
)

// Keyword matches words or phrases in the text.
type Keyword struct {
	Name string `mapstructure:"name"`
	// Operator is OR (any), AND (all) or NOR (none).
	Operator      string   `mapstructure:"operator"`
	Keywords      []string `mapstructure:"keywords"`
	CaseSensitive bool     `mapstructure:"case_sensitive"`
}

// Domain matches when the classifier's best label is one of Categories and
// their probabilities sum to at least Threshold.
type Domain struct {
	Name       string   `mapstructure:"name"`
	Categories []string `mapstructure:"categories"`
	Threshold  float64  `mapstructure:"threshold"` // 0 to 1
}

// Jailbreak matches when an attempt to talk a model out of its instructions is
// at least as probable as Threshold.
type Jailbreak struct {
	Name      string  `mapstructure:"name"`
	Threshold float64 `mapstructure:"threshold"` // 0 to 1; 0 is the classifier's own
	// IncludeHistory reads every turn and every field instead of Routing.Scope;
	// never nil once loaded.
	IncludeHistory *bool `mapstructure:"include_history"`
}

// PII matches when personal data of a type that is not allowed is found with a
// score of at least Threshold.
type PII struct {
	Name           string   `mapstructure:"name"`
	Threshold      float64  `mapstructure:"threshold"` // 0 to 1
	TypesAllowed   []string `mapstructure:"pii_types_allowed"`
	IncludeHistory *bool    `mapstructure:"include_history"` // as Jailbreak's
}

// Complexity matches when the need for a strong model is at least as probable as
// Threshold.
type Complexity struct {
	Name      string  `mapstructure:"name"`
	Threshold float64 `mapstructure:"threshold"` // 0 to 1; 0 is the classifier's own
}

// The actions of a decision.
const (
	ActionRoute = ""      // to Model
	ActionBlock = "block" // refuse the request
	ActionMask  = "mask"  // to Model or where it would go anyway, without personal data
)

// Decision sends requests that match Rules to Model, or does with them what
// Action says; one of the two is given, or both to mask. Decisions are tried by descending
// Priority, then in their order in the file; the first match wins.
type Decision struct {
	Name        string `mapstructure:"name"`
	Description string `mapstructure:"description"`
	Priority    int    `mapstructure:"priority"`
	Rules       Rule   `mapstructure:"rules"`
	Model       string `mapstructure:"model"`
	Action      string `mapstructure:"action"`
}

// Rule is a node of a decision's tree: either Operator over Conditions, or a
// leaf that names a signal by Type and Name.
type Rule struct {
	Operator   string `mapstructure:"operator"` // AND, OR or NOT
	Conditions []Rule `mapstructure:"conditions"`
	Type       string `mapstructure:"type"` // keyword, domain, jailbreak, pii or complexity
	Name       string `mapstructure:"name"`
}

// Names are those of all signals, whatever their types.
func (s *Signals) Names() []string {
	var out []string
	for _, one := range s.Keywords {
		out = append(out, one.Name)
	}
	for _, one := range s.Domains {
		out = append(out, one.Name)
	}
	for _, one := range s.Jailbreak {
		out = append(out, one.Name)
	}
	for _, one := range s.PII {
		out = append(out, one.Name)
	}
	for _, one := range s.Complexity {
		out = append(out, one.Name)
	}
	return out
}

// complete gives the signals' flags their defaults.
func (s *Signals) complete() {
	for i := range s.Jailbreak {
		orTrue(&s.Jailbreak[i].IncludeHistory)
	}
	for i := range s.PII {
		orTrue(&s.PII[i].IncludeHistory)
	}
}

func orTrue(flag **bool) {
	if *flag == nil {
		yes := true
		*flag = &yes
	}
}
