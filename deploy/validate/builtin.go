package main

import (
	"encoding/json"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// builtin decodes Kubernetes' own kinds strictly into their types. Versions that are not listed here are unknown kinds.
var builtin = func() *jsonserializer.Serializer {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme, jsonserializer.SerializerOptions{Strict: true})
}()

// schemaFindings says what an API server would hold against an object's fields.
func schemaFindings(d *definitions, o *unstructured.Unstructured) []string {
	if d.knows(o.GroupVersionKind()) {
		return d.check(o)
	}
	data, err := json.Marshal(o.Object)
	if err != nil {
		return []string{err.Error()}
	}
	if _, _, err := builtin.Decode(data, nil, nil); err != nil {
		return []string{err.Error()}
	}
	clusterWide := o.GetKind() == "Namespace" || strings.HasPrefix(o.GetKind(), "Cluster")
	if clusterWide == (o.GetNamespace() != "") {
		return []string{"its namespace is " + o.GetNamespace()}
	}
	return nil
}
