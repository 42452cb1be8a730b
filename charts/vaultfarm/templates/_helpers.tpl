{{- define "vaultfarm.name" -}}
{{- if contains "vaultfarm" .Release.Name }}{{ .Release.Name | trunc 48 | trimSuffix "-" }}{{ else }}{{ printf "%s-vaultfarm" .Release.Name | trunc 48 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "vaultfarm.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{- define "vaultfarm.selector" -}}
app.kubernetes.io/name: vaultfarm
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "vaultfarm.labels" -}}
{{ include "vaultfarm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "vaultfarm.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "vaultfarm.name" .) }}{{ else }}{{ required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}{{ end -}}
{{- end }}

{{/* Further labels, of the value that is named; one that the chart sets itself would have pods that nothing of it chooses. */}}
{{- define "vaultfarm.furtherLabels" -}}
{{- $own := include "vaultfarm.labels" .root | fromYaml }}
{{- range $key, $_ := .labels }}{{ if hasKey $own $key }}{{ fail (printf "%s: %s is the chart's own" $.value $key) }}{{ end }}{{ end }}
{{- toYaml .labels }}
{{- end }}

{{/* Gateways of the first farm; unsaid there are some. */}}
{{- define "vaultfarm.gateways" -}}
{{ dig "gateway" "replicas" 1 .Values.farm.spec | int }}
{{- end }}
