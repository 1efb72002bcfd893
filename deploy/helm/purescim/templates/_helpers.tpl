{{- define "purescim.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "purescim.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "purescim.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "purescim.selector" . }}
{{- end }}

{{- define "purescim.image" -}}
{{ required "image: say which one, such as registry.example.org/purescim:1.2.3; deploy/Dockerfile builds it" .Values.image }}
{{- end }}

{{/* Whether a Secret of the chart's own holds what the values say. */}}
{{- define "purescim.ownSecret" -}}
{{- if or (not .Values.database.existingSecret) (and .Values.encryption.keys (not .Values.encryption.existingSecret)) }}yes{{ end }}
{{- end }}

{{/* What a Secret of the chart's own holds. */}}
{{- define "purescim.secrets" -}}
{{- if not .Values.database.existingSecret }}
url: {{ required "database.url: say where PostgreSQL is, or set database.existingSecret" .Values.database.url | quote }}
{{- if .Values.database.migrationUrl }}
migrationUrl: {{ .Values.database.migrationUrl | quote }}
{{- end }}
{{- if .Values.database.readUrls }}
readUrls: {{ .Values.database.readUrls | quote }}
{{- end }}
{{- end }}
{{- if and .Values.encryption.keys (not .Values.encryption.existingSecret) }}
keys: {{ .Values.encryption.keys | quote }}
{{- end }}
{{- end }}

{{/* Whether standbys answer what is only read. */}}
{{- define "purescim.reads" -}}
{{- if ternary .Values.database.readKey .Values.database.readUrls (not (empty .Values.database.existingSecret)) }}yes{{ end }}
{{- end }}

{{/* A volume of secrets, as files. Of .own is the Secret of the chart's own, .url whether it is that of migrations. */}}
{{- define "purescim.secretsVolume" -}}
{{- $v := .root.Values -}}
name: secrets
projected:
  defaultMode: 0440
  sources:
    - secret:
        {{- if $v.database.existingSecret }}
        name: {{ $v.database.existingSecret }}
        items: [{key: {{ ternary ($v.database.migrationKey | default $v.database.key) $v.database.key .migrates | quote }}, path: database-url}]
        {{- else }}
        name: {{ .own }}
        items: [{key: {{ ternary "migrationUrl" "url" (and .migrates (not (empty $v.database.migrationUrl))) }}, path: database-url}]
        {{- end }}
    {{- if and (include "purescim.reads" .root) (not .migrates) }}
    - secret:
        name: {{ $v.database.existingSecret | default .own }}
        items: [{key: {{ ternary $v.database.readKey "readUrls" (not (empty $v.database.existingSecret)) }}, path: read-urls}]
    {{- end }}
    {{- if $v.encryption.existingSecret }}
    - secret:
        name: {{ $v.encryption.existingSecret }}
        items: [{key: {{ $v.encryption.key | quote }}, path: keys}]
    {{- else if $v.encryption.keys }}
    - secret:
        name: {{ .own }}
        items: [{key: keys, path: keys}]
    {{- end }}
{{- end }}

{{- define "purescim.secretsEnv" -}}
- {name: DATABASE_URL_FILE, value: /run/secrets/purescim/database-url}
{{- if or .Values.encryption.keys .Values.encryption.existingSecret }}
- {name: PURESCIM_KEY_FILE, value: /run/secrets/purescim/keys}
{{- end }}
- {name: PURESCIM_LOG_FORMAT, value: json}
{{- end }}

{{- define "purescim.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "purescim.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "purescim.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}
