{{/* The name of everything in the release's namespace: the release's, if that says what it is. */}}
{{- define "vsr-proxy.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "vsr-proxy.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "vsr-proxy.labels" -}}
{{ include "vsr-proxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "vsr-proxy.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What the mode says, under what the values say. */}}
{{- define "vsr-proxy.config" -}}
{{- $base := dict "admin" (dict "listen" "0.0.0.0:8802" "insecure" true) "server" (dict "limits" (dict "body_memory" "256MiB")) -}}
{{- if eq .Values.mode "extproc" -}}
{{- $_ := set $base.server "enabled" false -}}
{{- $door := dict "enabled" true "listen" "0.0.0.0:50051" "message_timeout" .Values.extproc.messageTimeout -}}
{{- $_ := set $door "insecure" true -}}
{{- $_ := set $base "extproc" $door -}}
{{- /* The router wants a classification, 1 s unless given, to end within three quarters of it; here in milliseconds. */ -}}
{{- $most := floor (mulf (trimSuffix "s" .Values.extproc.messageTimeout | float64) 750.0) -}}
{{- if lt $most 1000.0 -}}
{{- $_ := set $base "classify" (dict "deadline" (printf "%.0fms" $most)) -}}
{{- end -}}
{{- else -}}
{{- $_ := set $base.server "listen" "0.0.0.0:8801" -}}
{{- $_ := set $base.server "api_keys" (list (dict "name" "apps" "file" "../keys/apps")) -}}
{{- end -}}
{{- if eq .Values.mode "gateway" -}}
{{- $url := printf "http://%s-istio.%s.svc/v1" .Values.gateway.name .Values.gateway.namespace -}}
{{- $_ := set $base "upstream" (dict "mode" "gateway" "gateway" (dict "url" $url)) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $base (deepCopy .Values.config)) -}}
{{- end -}}

{{/* Not empty if the configuration reads a key from the Secret, which only then is mounted: a pod waits for a volume's Secret. */}}
{{- define "vsr-proxy.keys" -}}
{{- if and (ne .Values.mode "extproc") (contains "../keys/" (include "vsr-proxy.config" .)) -}}true{{- end -}}
{{- end -}}

{{/* The file of the first key that apps may use, in the Secret; empty without one. */}}
{{- define "vsr-proxy.firstKey" -}}
{{- $server := get (include "vsr-proxy.config" . | fromYaml) "server" -}}
{{- with get $server "api_keys" -}}
{{- $file := get (first .) "file" -}}
{{- if hasPrefix "../keys/" $file -}}{{- trimPrefix "../keys/" $file -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" if requests pass while the router is down, else "false". */}}
{{- define "vsr-proxy.failOpen" -}}
{{- $protects := false -}}
{{- range (get .Values.config.routing "decisions") -}}{{- if get . "action" -}}{{- $protects = true -}}{{- end -}}{{- end -}}
{{- $signals := get .Values.config.routing "signals" | default dict -}}
{{- if or (get $signals "jailbreak") (get $signals "pii") -}}{{- $protects = true -}}{{- end -}}
{{- if eq .Values.extproc.failureMode "auto" -}}{{ not $protects }}{{- else -}}{{ eq .Values.extproc.failureMode "open" }}{{- end -}}
{{- end -}}

{{/* The name that a model's objects have: what Kubernetes doesn't take in one becomes a dash. */}}
{{- define "vsr-proxy.objectName" -}}
{{- $name := lower . | replace "/" "-" | replace ":" "-" | replace "_" "-" -}}
{{- if or (gt (len $name) 253) (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $name)) -}}
{{- fail (printf "config.models: %q makes no name for an HTTPRoute (%q): set routes.create=false, and make the routes yourself" . $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* The name of a model's pool; takes a list of the root and the model. */}}
{{- define "vsr-proxy.pool" -}}
{{- $model := index . 1 -}}
{{- $pool := "" -}}
{{- range (index . 0).Values.routes.pools -}}{{- if eq .model $model -}}{{- $pool = .pool -}}{{- end -}}{{- end -}}
{{- $pool | default (include "vsr-proxy.objectName" $model) -}}
{{- end -}}

{{- define "vsr-proxy.onGateway" -}}
workloadSelector:
  labels: {gateway.networking.k8s.io/gateway-name: {{ .Values.gateway.name }}}
{{- end -}}

{{- define "vsr-proxy.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "vsr-proxy.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}
