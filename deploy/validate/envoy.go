package main

import (
	"encoding/json"
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3" // typed_config is looked up by name
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Istio takes a patch it can't read without a word to whoever applied it, so it is read here, by Envoy's own types of the
// oldest version that the manifests are for.

// patched says what a patch's value is, by applyTo.
var patched = map[string]func() proto.Message{
	"LISTENER":       func() proto.Message { return new(listenerv3.Listener) },
	"NETWORK_FILTER": func() proto.Message { return new(listenerv3.Filter) },
	"HTTP_FILTER":    func() proto.Message { return new(hcmv3.HttpFilter) },
	"HTTP_ROUTE":     func() proto.Message { return new(routev3.Route) },
	"VIRTUAL_HOST":   func() proto.Message { return new(routev3.VirtualHost) },
	"CLUSTER":        func() proto.Message { return new(clusterv3.Cluster) },
}

// envoyPatch is one patch with its value read.
type envoyPatch struct {
	fields map[string]any
	value  proto.Message
}

func (p envoyPatch) operation() string { return text(p.fields, "patch", "operation") }

func readPatches(o *unstructured.Unstructured) (patches []envoyPatch, found []string) {
	for i, fields := range list(o.Object, "spec", "configPatches") {
		at := fmt.Sprintf("configPatches[%d]: ", i)
		kind := text(fields, "applyTo")
		if patched[kind] == nil {
			found = append(found, at+"no type is known for applyTo "+kind)
			continue
		}
		data, err := json.Marshal(table(fields, "patch", "value"))
		if err != nil {
			return nil, []string{at + err.Error()}
		}
		value := patched[kind]()
		if err := protojson.Unmarshal(data, value); err != nil {
			found = append(found, at+err.Error())
			continue
		}
		patches = append(patches, envoyPatch{fields, value})
	}
	return patches, found
}

func envoyFindings(o *unstructured.Unstructured) []string {
	patches, found := readPatches(o)
	for _, p := range patches {
		// What is merged is a part of a message; what is inserted is a whole one.
		if p.operation() != "MERGE" {
			found = append(found, valid(p.value)...)
		}
		walk(p.value.ProtoReflect(), func(inner proto.Message) {
			if _, manager := inner.(*hcmv3.HttpConnectionManager); !manager || p.operation() != "MERGE" {
				found = append(found, valid(inner)...)
			}
		})
	}
	return found
}

func valid(m proto.Message) []string {
	if v, ok := m.(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			return []string{err.Error()}
		}
	}
	return nil
}

// walk calls back for every message packed into an Any, however deep.
func walk(m protoreflect.Message, visit func(proto.Message)) {
	if packed, ok := m.Interface().(*anypb.Any); ok {
		if inner, err := packed.UnmarshalNew(); err == nil {
			visit(inner)
			walk(inner.ProtoReflect(), visit)
		}
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { walk(v.Message(), visit); return true })
			}
		case f.IsList():
			for i := range v.List().Len() {
				if f.Message() != nil {
					walk(v.List().Get(i).Message(), visit)
				}
			}
		case f.Message() != nil:
			walk(v.Message(), visit)
		}
		return true
	})
}

// inserted is an HTTP filter that an EnvoyFilter adds.
type inserted struct {
	by      *unstructured.Unstructured
	name    string
	next    string // the filter that it is put before
	process *extprocv3.ExternalProcessor
	matched *matchingv3.ExtensionWithMatcher // what says which requests skip it, if anything does
}

// processorIn looks into a filter's configuration, and behind a matcher that says which requests skip it.
func processorIn(config *anypb.Any) (*extprocv3.ExternalProcessor, *matchingv3.ExtensionWithMatcher) {
	if config == nil {
		return nil, nil
	}
	m, err := config.UnmarshalNew()
	if err != nil {
		return nil, nil
	}
	switch m := m.(type) {
	case *extprocv3.ExternalProcessor:
		return m, nil
	case *matchingv3.ExtensionWithMatcher:
		inner, _ := processorIn(m.GetExtensionConfig().GetTypedConfig())
		return inner, m
	}
	return nil, nil
}

func (s *set) insertedFilters() []inserted {
	var all []inserted
	for _, o := range s.ofKind("EnvoyFilter") {
		patches, _ := readPatches(o)
		for _, p := range patches {
			filter, ok := p.value.(*hcmv3.HttpFilter)
			if !ok || p.operation() == "MERGE" {
				continue
			}
			in := inserted{by: o, name: filter.GetName()}
			if p.operation() == "INSERT_BEFORE" {
				in.next = text(p.fields, "match", "listener", "filterChain", "filter", "subFilter", "name")
			}
			in.process, in.matched = processorIn(filter.GetTypedConfig())
			all = append(all, in)
		}
	}
	return all
}
