{{/* What objects are called. Everything comes from the release's name and namespace, so that no two releases meet. */}}

{{/*
The release's name, where it may stand in every kind of name: a Service's begins with a letter, a CronJob's has at most
52 characters and a Job's hash follows it. Any other name is told by its hash.
*/}}
{{- define "box.name" -}}
{{- if regexMatch "^[a-z][-a-z0-9]{0,39}$" .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "box-%s-%s" (.Release.Name | replace "." "-" | trunc 26 | trimSuffix "-") (.Release.Name | sha256sum | trunc 8) -}}
{{- end -}}
{{- end -}}

{{/*
The name of an access object of a role, also in other namespaces and of the cluster. RBAC allows colons in names, and
neither namespaces nor releases have any, so that namespace `a-b` with release `c` is not `a` with `b-c`.
*/}}
{{- define "box.roleName" -}}
{{- printf "claude-in-a-box:%s:%s:%s" .root.Release.Namespace .root.Release.Name .role -}}
{{- end -}}

{{- define "box.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "box.name" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "box.claimName" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-home" (include "box.name" .)) -}}
{{- end -}}

{{- define "box.createsCredentials" -}}
{{- with .Values.credentials -}}
{{- if or .apiKey .oauthToken .authToken -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- define "box.credentialsName" -}}
{{- if include "box.createsCredentials" . -}}
{{- printf "%s-credentials" (include "box.name" .) -}}
{{- else -}}
{{- .Values.credentials.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* A prompt's ConfigMap never changes: a run that is tried again asks what it asked before. */}}
{{- define "box.promptName" -}}
{{- if .Values.headless.prompt -}}
{{- printf "%s-prompt-%s" (include "box.name" .) (.Values.headless.prompt | sha256sum | trunc 10) -}}
{{- else -}}
{{- .Values.headless.promptConfigMap.name -}}
{{- end -}}
{{- end -}}

{{- define "box.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* By these a StatefulSet knows its pods: they can never change. */}}
{{- define "box.selector" -}}
app.kubernetes.io/name: claude-in-a-box
app.kubernetes.io/instance: {{ include "box.name" . | toJson }}
{{- end -}}

{{- define "box.labels" -}}
{{ include "box.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | toJson }}
app.kubernetes.io/managed-by: {{ .Release.Service | toJson }}
app.kubernetes.io/component: {{ .Values.mode | toJson }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | toJson }}
{{- end -}}
