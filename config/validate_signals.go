package config

import "strings"

// validate gives the defined signals as "type name".
func (s *Signals) validate(found *problems) map[string]bool {
	defined := map[string]bool{}
	names := map[string]map[string]bool{} // by type
	define := func(kind, list string, i int, name string) (path string) {
		path = index("routing.signals."+list, i)
		if names[kind] == nil {
			names[kind] = map[string]bool{}
		}
		unique(found, path+".name", name, names[kind])
		defined[kind+" "+name] = true
		return path
	}
	for i, k := range s.Keywords {
		k.validate(found, define(SignalKeyword, "keywords", i, k.Name))
	}
	for i, d := range s.Domains {
		path := define(SignalDomain, "domains", i, d.Name)
		ratio(found, path+".threshold", d.Threshold)
		if len(d.Categories) == 0 {
			found.add(path+".categories", "at least one category is needed")
		}
	}
	for i, j := range s.Jailbreak {
		ratio(found, define(SignalJailbreak, "jailbreak", i, j.Name)+".threshold", j.Threshold)
	}
	for i, p := range s.PII {
		path := define(SignalPII, "pii", i, p.Name)
		ratio(found, path+".threshold", p.Threshold)
		seen := map[string]bool{}
		for j, kind := range p.TypesAllowed {
			unique(found, index(path+".pii_types_allowed", j), kind, seen)
		}
	}
	for i, c := range s.Complexity {
		ratio(found, define(SignalComplexity, "complexity", i, c.Name)+".threshold", c.Threshold)
	}
	return defined
}

func (k *Keyword) validate(found *problems, path string) {
	oneOf(found, path+".operator", k.Operator, "OR", "AND", "NOR")
	if len(k.Keywords) == 0 {
		found.add(path+".keywords", "at least one keyword is needed")
	}
	for j, word := range k.Keywords {
		if strings.TrimSpace(word) == "" {
			found.add(index(path+".keywords", j), "empty")
		}
	}
}
