{{/* What several objects say alike: names, labels, environment, the pod of a process. */}}

{{- define "hillock.image" -}}
{{- $tag := required "image.tag: name one build" .Values.image.tag -}}
{{- if eq $tag "latest" }}{{ fail "image.tag is latest: name one build, which runs can stay with" }}{{ end -}}
{{- required "image.repository: say where the image lies" .Values.image.repository }}:{{ $tag }}
{{- end }}

{{/* @param root, name: the component */}}
{{- define "hillock.selector" -}}
app.kubernetes.io/name: hillock
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "hillock.labels" -}}
{{ include "hillock.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* Where Temporal is. The worker controller says it to its pods by itself, all but the CA. @param root, controlled */}}
{{- define "hillock.temporal" -}}
{{- with .root.Values.temporal }}
{{- if not $.controlled }}
- { name: TEMPORAL_ADDRESS, value: {{ required "temporal.address: say where Temporal is" .address | quote }} }
- { name: TEMPORAL_NAMESPACE, value: {{ .namespace | quote }} }
{{- with .tls.serverName }}
- { name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }} }
{{- end }}
{{- if .tls.secret }}
- { name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /etc/temporal/tls/tls.crt }
- { name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /etc/temporal/tls/tls.key }
{{- end }}
{{- if .apiKey.secret }}
- name: TEMPORAL_API_KEY
  valueFrom: { secretKeyRef: { name: {{ .apiKey.secret }}, key: {{ .apiKey.key }} } }
{{- end }}
{{- end }}
{{- if .tls.ca }}
- { name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: /etc/temporal/tls/ca.crt }
{{- end }}
{{- end }}
{{- end }}

{{/*
The pod of one process, as the template of a Deployment has it.
@param root, name, args, port, probes: port of /healthz and /readyz, env: as YAML, of: resources, heapMiB and where it runs, grace, controlled, key
*/}}
{{- define "hillock.pod" -}}
{{- $v := .root.Values -}}
metadata:
  labels:
    {{- include "hillock.labels" . | nindent 4 }}
  {{- with .scrape }}
  annotations: { prometheus.io/scrape: 'true', prometheus.io/port: '{{ . }}' }
  {{- end }}
spec:
  serviceAccountName: {{ $v.serviceAccount.name | default .root.Release.Name }}
  # Of the cluster it wants nothing; workload identity has a way of its own.
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .grace }}
  {{- with $v.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: { type: RuntimeDefault }
  {{- $selector := merge dict (.of.nodeSelector | default dict) (.of.spot | default false | ternary $v.spot.nodeSelector dict) }}
  {{- with $selector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with concat (.of.tolerations | default list) (.of.spot | default false | ternary $v.spot.tolerations list) }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 1
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector: { matchLabels: { {{- include "hillock.selector" . | replace "\n" ", " -}} } }
  containers:
    - name: {{ .name }}
      image: {{ include "hillock.image" .root }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args: {{ .args | toJson }}
      env:
        - { name: HILLOCK_BUCKET, value: {{ required "bucket: say which" $v.bucket | quote }} }
        - { name: HILLOCK_REVISION, value: {{ $v.image.tag | quote }} }
        - { name: HILLOCK_LOG, value: json }
        {{- with $v.otlp.endpoint }}
        - { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
        {{- end }}
        {{- if $v.payloadKey.secret }}
        - { name: HILLOCK_PAYLOAD_KEY, value: /etc/payload/payload.key }
        {{- end }}
        - { name: NODE_OPTIONS, value: --max-old-space-size={{ .of.heapMiB }} }
        {{- with include "hillock.temporal" . | trim }}{{ . | nindent 8 }}{{ end }}
        {{- .env | nindent 8 }}
      ports:
        {{- .ports | toYaml | nindent 8 }}
      startupProbe:
        httpGet: { path: /healthz, port: {{ .probes }} }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /healthz, port: {{ .probes }} }
        periodSeconds: 20
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: {{ .probes }} }
        periodSeconds: 10
        timeoutSeconds: 5
      resources: {{- toYaml .of.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        privileged: false
        readOnlyRootFilesystem: true
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: tmp, mountPath: /tmp }
        {{- if and $v.temporal.tls.secret (not .controlled) }}
        - { name: temporal-tls, mountPath: /etc/temporal/tls, readOnly: true }
        {{- end }}
        {{- if $v.payloadKey.secret }}
        - { name: payload-key, mountPath: /etc/payload, readOnly: true }
        {{- end }}
        {{- if .key }}
        - { name: signing-key, mountPath: /etc/hillock, readOnly: true }
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if and $v.temporal.tls.secret (not .controlled) }}
    - name: temporal-tls
      secret: { secretName: {{ $v.temporal.tls.secret }} }
    {{- end }}
    {{- if $v.payloadKey.secret }}
    - name: payload-key
      secret: { secretName: {{ $v.payloadKey.secret }}, defaultMode: 288 }
    {{- end }}
    {{- if .key }}
    - name: signing-key
      secret: { secretName: {{ $v.signingKey.secret }}, defaultMode: 288 }
    {{- end }}
{{- end }}
