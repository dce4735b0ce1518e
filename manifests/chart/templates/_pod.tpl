{{/* The pod, the same in a StatefulSet, a Job and a CronJob. */}}

{{/* What kubectl and whoever watches find the pod by. */}}
{{- define "box.podMetadata" -}}
labels:
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "box.selector" . | nindent 2 }}
  claude-in-a-box.io/mode: {{ .Values.mode | toJson }}
  claude-in-a-box.io/tier: {{ .Values.tier | toJson }}
{{- if or .Values.podAnnotations (include "box.createsCredentials" .) }}
annotations:
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if include "box.createsCredentials" . }}
  # The box reads its credential when it starts, so that another one has to start it again.
  claude-in-a-box.io/credentials: {{ .Values.credentials | toJson | sha256sum | trunc 16 | toJson }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "box.podSpec" -}}
{{- $hasToken := ne .Values.tier "none" -}}
serviceAccountName: {{ include "box.serviceAccountName" . | toJson }}
# The token, where there is one, is the projected volume below.
automountServiceAccountToken: false
# Every Service of the namespace as variables is of no use to the box and tells it about its neighbours.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . | toJson }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | toJson }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
# Pod Security "restricted", and no value that could loosen it.
securityContext:
  runAsNonRoot: true
  runAsUser: 10000
  runAsGroup: 10000
  fsGroup: 10000
  # A volume that is the box's already is not walked through at each start.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: box
    image: {{ include "box.image" . | toJson }}
    imagePullPolicy: {{ .Values.image.pullPolicy | toJson }}
    {{- if ne .Values.mode "headless" }}
    stdin: true
    tty: true
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    env:
      {{- include "box.env" . | trim | nindent 6 }}
    {{- if ne .Values.mode "headless" }}
    {{- range $probe, $words := dict "startup" .Values.probes.startup "liveness" .Values.probes.liveness "readiness" .Values.probes.readiness }}
    {{- if $words.enabled }}
    {{ $probe }}Probe:
      exec:
        command: [{{ get (dict "startup" "box-entrypoint, health, startup" "liveness" "box-init, health" "readiness" "box-entrypoint, health, ready") $probe }}]
      periodSeconds: {{ int $words.periodSeconds }}
      timeoutSeconds: {{ int $words.timeoutSeconds }}
      failureThreshold: {{ int $words.failureThreshold }}
    {{- end }}
    {{- end }}
    {{- end }}
    {{- with .Values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - name: home
        mountPath: /home/claude
      - name: workspace
        mountPath: /workspace
      - name: tmp
        mountPath: /tmp
      {{- if include "box.credentialsName" . }}
      - name: credentials
        mountPath: /run/secrets/anthropic
        readOnly: true
      {{- end }}
      {{- if eq .Values.mode "headless" }}
      - name: prompt
        mountPath: /run/prompt
        readOnly: true
      {{- end }}
      {{- if $hasToken }}
      - name: token
        mountPath: /var/run/secrets/kubernetes.io/serviceaccount
        readOnly: true
      {{- end }}
      {{- with .Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: home
    {{- if .Values.persistence.enabled }}
    persistentVolumeClaim:
      claimName: {{ include "box.claimName" . | toJson }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ .Values.persistence.size | toJson }}
    {{- end }}
  - name: workspace
    emptyDir:
      sizeLimit: {{ .Values.workspace.sizeLimit | toJson }}
  - name: tmp
    emptyDir:
      sizeLimit: {{ .Values.tmp.sizeLimit | toJson }}
  {{- with include "box.credentialsName" . }}
  - name: credentials
    secret:
      secretName: {{ . | toJson }}
      # 0440: for the box's group, which is the pod's fsGroup.
      defaultMode: 288
  {{- end }}
  {{- if eq .Values.mode "headless" }}
  - name: prompt
    configMap:
      name: {{ include "box.promptName" . | toJson }}
      items:
        - key: {{ ternary "prompt" .Values.headless.promptConfigMap.key (ne .Values.headless.prompt "") | toJson }}
          path: prompt
  {{- end }}
  {{- if $hasToken }}
  # What the kubelet would mount by itself, with a token that expires sooner.
  - name: token
    projected:
      sources:
        - serviceAccountToken:
            path: token
            expirationSeconds: {{ int .Values.serviceAccount.tokenExpirationSeconds }}
        - configMap:
            name: kube-root-ca.crt
            items:
              - key: ca.crt
                path: ca.crt
        - downwardAPI:
            items:
              - path: namespace
                fieldRef:
                  fieldPath: metadata.namespace
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "box.env" }}
- name: CLAUDE_MODE
  value: {{ .Values.mode | toJson }}
{{- if ne .Values.tier "none" }}
- name: CLAUDE_TIER
  value: {{ .Values.tier | toJson }}
{{- end }}
{{- with .Values.gateway.baseUrl }}
- name: ANTHROPIC_BASE_URL
  value: {{ . | toJson }}
{{- end }}
{{- with .Values.model }}
- name: CLAUDE_MODEL
  value: {{ . | toJson }}
{{- end }}
{{- if eq .Values.mode "headless" }}
- name: CLAUDE_PROMPT_FILE
  value: /run/prompt/prompt
- name: CLAUDE_OUTPUT_FORMAT
  value: {{ .Values.headless.outputFormat | toJson }}
{{- if .Values.headless.maxTurns }}
- name: CLAUDE_MAX_TURNS
  value: {{ int .Values.headless.maxTurns | toString | toJson }}
{{- end }}
{{- if .Values.headless.maxBudgetUsd }}
- name: CLAUDE_MAX_BUDGET_USD
  value: {{ .Values.headless.maxBudgetUsd | toString | toJson }}
{{- end }}
- name: CLAUDE_DEADLINE_SECONDS
  value: {{ int .Values.headless.deadlineSeconds | toString | toJson }}
- name: CLAUDE_RUN_ID
  {{- if .Values.headless.schedule }}
  # Each Job of the schedule is a run; what is tried again within a Job is the same one.
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['batch.kubernetes.io/job-name']
  {{- else }}
  value: {{ include "box.runId" . | toJson }}
  {{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
What is asked, of whom, with which rights and within which limits: all that decides how a run ends, because its end is
final, also where it is a limit's. A run of this name is done once, whatever else of the release changes: resources or a
newer image make another Job, which finds the result on the volume and tells it again. Of extraEnv the variables of Claude
Code and of the box count (CLAUDE_SILENCE_SECONDS is a limit); after a change of others headless.run makes another run.
*/}}
{{- define "box.runId" -}}
{{- $variables := list -}}
{{- range .Values.extraEnv -}}
{{- if or (hasPrefix "CLAUDE_" .name) (hasPrefix "ANTHROPIC_" .name) }}{{ $variables = append $variables . }}{{ end -}}
{{- end -}}
{{- $asked := dict
  "prompt" .Values.headless.prompt
  "promptConfigMap" (ternary (dict) .Values.headless.promptConfigMap (ne .Values.headless.prompt ""))
  "run" .Values.headless.run
  "model" .Values.model
  "baseUrl" .Values.gateway.baseUrl
  "tier" .Values.tier
  "access" (ternary (pick .Values.access "namespaces" "clusterWide") (dict) (eq .Values.tier "operator"))
  "maxTurns" (int .Values.headless.maxTurns)
  "maxBudgetUsd" (toString .Values.headless.maxBudgetUsd)
  "deadlineSeconds" (int .Values.headless.deadlineSeconds)
  "variables" $variables
-}}
{{- $asked | toJson | sha256sum | trunc 16 -}}
{{- end -}}
