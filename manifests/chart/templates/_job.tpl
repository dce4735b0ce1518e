{{/* The Job of a headless run, also as a CronJob makes them. */}}
{{- define "box.jobSpec" -}}
backoffLimit: {{ int .Values.headless.backoffLimit }}
{{- /* The box ends itself at its own deadline and says so; this is for a pod that never got so far. */}}
activeDeadlineSeconds: {{ add (int .Values.headless.deadlineSeconds) 600 }}
{{- if not .Values.headless.schedule }}
ttlSecondsAfterFinished: {{ int .Values.headless.ttlSecondsAfterFinished }}
{{- end }}
podFailurePolicy:
  rules:
    # A node that is drained or lost is not the run's fault.
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
    # The API could not be reached (69) or was overloaded (75): nothing was answered, so the Job may try again. Every
    # other end is an end; a second run would be paid for again.
    - action: FailJob
      onExitCodes:
        containerName: box
        operator: NotIn
        values: [69, 75]
template:
  metadata:
    {{- include "box.podMetadata" . | nindent 4 }}
  spec:
    restartPolicy: Never
    {{- include "box.podSpec" . | nindent 4 }}
{{- end -}}
