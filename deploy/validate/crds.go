package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	sigsyaml "sigs.k8s.io/yaml"
)

// definitions holds the custom kinds, and compiles one when it is first asked for.
type definitions struct {
	texts    map[runtimeschema.GroupKind][]byte
	compiled map[runtimeschema.GroupVersionKind]*definition
}

type definition struct {
	namespaced bool
	structural *schema.Structural
	fields     validation.SchemaValidator
	rules      *cel.Validator
}

// source is one line of crds.txt.
type source struct{ module, version, sum, path string }

func readSources(file string) ([]source, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var sources []source
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("%s: want module, version, hash and path: %s", file, line)
		}
		sources = append(sources, source{f[0], f[1], f[2], f[3]})
	}
	return sources, nil
}

// fetch puts the module into the cache, where it isn't yet, and gives its folder.
func (s source) fetch() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", s.module+"@"+s.version)
	cmd.Dir = os.TempDir() // outside of every module: the version stands in crds.txt
	out, err := cmd.Output()
	var got struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &got); jsonErr != nil || got.Error != "" || err != nil {
		return "", fmt.Errorf("download %s: %v %s", s.module, err, got.Error)
	}
	if got.Sum != s.sum {
		return "", fmt.Errorf("%s %s has hash %s, crds.txt says %s", s.module, s.version, got.Sum, s.sum)
	}
	return got.Dir, nil
}

func loadDefinitions(sources []source) (*definitions, error) {
	d := &definitions{map[runtimeschema.GroupKind][]byte{}, map[runtimeschema.GroupVersionKind]*definition{}}
	for _, s := range sources {
		dir, err := s.fetch()
		if err != nil {
			return nil, err
		}
		files := []string{filepath.Join(dir, s.path)}
		if info, err := os.Stat(files[0]); err != nil {
			return nil, err
		} else if info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(dir, s.path, "*.yaml")); err != nil {
				return nil, err
			}
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			if err := d.add(data); err != nil {
				return nil, fmt.Errorf("%s: %w", f, err)
			}
		}
	}
	return d, nil
}

// add takes the definitions of a file; their schemas are read when they are needed, for most are not.
func (d *definitions) add(data []byte) error {
	for _, document := range bytes.Split(data, []byte("\n---")) {
		if !bytes.Contains(document, []byte("kind: CustomResourceDefinition")) {
			continue
		}
		var head struct {
			Spec struct {
				Group string
				Names struct{ Kind string }
			}
		}
		if err := sigsyaml.Unmarshal(document, &head); err != nil {
			return err
		}
		d.texts[runtimeschema.GroupKind{Group: head.Spec.Group, Kind: head.Spec.Names.Kind}] = document
	}
	return nil
}

func (d *definitions) knows(gvk runtimeschema.GroupVersionKind) bool {
	_, ok := d.texts[gvk.GroupKind()]
	return ok
}

func (d *definitions) get(gvk runtimeschema.GroupVersionKind) (*definition, error) {
	if c := d.compiled[gvk]; c != nil {
		return c, nil
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := sigsyaml.Unmarshal(d.texts[gvk.GroupKind()], &crd); err != nil {
		return nil, err
	}
	for _, v := range crd.Spec.Versions {
		if v.Name != gvk.Version || !v.Served {
			continue
		}
		c, err := compile(v.Schema.OpenAPIV3Schema)
		if err != nil {
			return nil, fmt.Errorf("definition of %s: %w", gvk, err)
		}
		c.namespaced = crd.Spec.Scope == apiextensionsv1.NamespaceScoped
		d.compiled[gvk] = c
		return c, nil
	}
	return nil, fmt.Errorf("%s is served in no version %s", gvk.GroupKind(), gvk.Version)
}

func compile(v1 *apiextensionsv1.JSONSchemaProps) (*definition, error) {
	internal := new(apiextensions.JSONSchemaProps)
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1, internal, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(internal)
	if err != nil {
		return nil, err
	}
	fields, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, err
	}
	return &definition{structural: structural, fields: fields, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// check does to an object what an API server does before it keeps one: unknown fields, defaults, schema, CEL rules.
func (d *definitions) check(o *unstructured.Unstructured) []string {
	c, err := d.get(o.GroupVersionKind())
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	if c.namespaced != (o.GetNamespace() != "") {
		found = append(found, fmt.Sprintf("namespaced: %v, but its namespace is %q", c.namespaced, o.GetNamespace()))
	}
	object := runtime.DeepCopyJSON(o.Object)
	unknown := pruning.PruneWithOptions(object, c.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		found = append(found, "unknown field "+path)
	}
	defaulting.Default(object, c.structural)
	errs := validation.ValidateCustomResource(nil, object, c.fields)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, object)...)
	if c.rules != nil {
		more, _ := c.rules.Validate(context.Background(), nil, c.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, more...)
	}
	return append(found, messages(errs)...)
}

func messages(errs field.ErrorList) []string {
	var found []string
	for _, err := range errs {
		found = append(found, err.Error())
	}
	return found
}
