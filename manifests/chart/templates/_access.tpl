{{/* The tiers of access.toml as lists of RBAC rules. */}}

{{/* The table, as JSON. */}}
{{- define "box.accessTable" -}}
{{- $table := .Files.Get "access.toml" | fromToml -}}
{{- if not (hasKey $table "tiers") -}}
{{- fail (printf "the chart's access.toml cannot be read: %s" (get $table "Error")) -}}
{{- end -}}
{{- $table | toJson -}}
{{- end -}}

{{/* The rules of .tier and of those it extends that have .scope; each with its reason. */}}
{{- define "box.rules" -}}
{{- $table := include "box.accessTable" .root | fromJson -}}
{{- $tier := index $table.tiers .tier -}}
{{- range $tier.rules }}
{{- if eq .scope $.scope }}
# {{ .why }}
- apiGroups: {{ .groups | toJson }}
  resources: {{ .resources | toJson }}
  verbs: {{ .verbs | toJson }}
{{- end }}
{{- end }}
{{- if $tier.extends }}
{{- include "box.rules" (dict "root" .root "tier" $tier.extends "scope" .scope) }}
{{- end }}
{{- end -}}

{{/* The namespaces where tier operator may change things, as JSON. */}}
{{- define "box.accessNamespaces" -}}
{{- .Values.access.namespaces | uniq | toJson -}}
{{- end -}}
