# What every manifest of ours keeps to, beside what the schemas and kube-score say. Each rule refuses the manifest of its name in ../refused.
package main

pod := input.spec.template.spec if input.kind in {"Deployment", "WorkerDeployment"}

scaled := input.spec if input.kind == "ScaledObject"

scaled := input.spec.template.spec if {
	input.kind == "WorkerResourceTemplate"
	input.spec.template.kind == "ScaledObject"
}

containers := array.concat(pod.containers, object.get(pod, "initContainers", []))

env(container, name) := e.value if {
	some e in container.env
	e.name == name
}

deny contains sprintf("no-latest: %s has the image %s, which names no build", [c.name, c.image]) if {
	some c in containers
	not regex.match(`(:[^/:]+|@sha256:[0-9a-f]{64})$`, c.image)
}

deny contains sprintf("no-latest: %s has the image %s, which is another one tomorrow", [c.name, c.image]) if {
	some c in containers
	endswith(c.image, ":latest")
}

deny contains sprintf("limits-set: %s has no %s of %s", [c.name, side, what]) if {
	some c in containers
	some side in ["requests", "limits"]
	some what in ["cpu", "memory", "ephemeral-storage"]
	not c.resources[side][what]
}

deny contains sprintf("no-root: %s may run as root, or become it", [c.name]) if {
	some c in containers
	not unprivileged(c.securityContext)
}

unprivileged(context) if {
	context.runAsNonRoot == true
	context.runAsUser >= 10000
	context.allowPrivilegeEscalation == false
	context.readOnlyRootFilesystem == true
	context.capabilities.drop == ["ALL"]
}

deny contains sprintf("no-token: the pod of %s is given a token of the cluster, which it has no use for", [input.metadata.name]) if {
	pod
	not pod.automountServiceAccountToken == false
}

deny contains sprintf("no-secret-in-env: %s has %s in its manifest: take it from a secret", [c.name, e.name]) if {
	some c in containers
	some e in c.env
	regex.match(`KEY$|KEY_DATA$|TOKEN|PASSWORD|SECRET`, e.name)
	not startswith(object.get(e, "value", "/"), "/")
}

deny contains sprintf("health-asked: %s has no %s on %s", [c.name, probe, path]) if {
	some c in pod.containers
	some probe, path in {"livenessProbe": "/healthz", "readinessProbe": "/readyz", "startupProbe": "/healthz"}
	not c[probe].httpGet.path == path
}

# A worker ends within HILLOCK_DRAIN and 4 seconds more; the rest is for its pools.
deny contains sprintf("drains: %s drains for %s s, and is killed after %d", [c.name, env(c, "HILLOCK_DRAIN"), pod.terminationGracePeriodSeconds]) if {
	some c in containers
	pod.terminationGracePeriodSeconds < to_number(env(c, "HILLOCK_DRAIN")) + 10
}

deny contains sprintf("drains-on-spot: %s may run where it is taken back with 15 s notice, and drains for %s s", [c.name, env(c, "HILLOCK_DRAIN")]) if {
	some c in containers
	pod.nodeSelector["cloud.google.com/gke-spot"]
	to_number(env(c, "HILLOCK_DRAIN")) > 5
}

deny contains sprintf("waits-to-scale-down: %s takes pods away while they work", [input.metadata.name]) if {
	scaled
	not waits
}

waits if {
	scaled.triggers[_].type == "cpu"
	some t in scaled.triggers
	t.metadata.includeRunningWorkflowCount == "true"
	t.metadata.workflowTaskQueueForCount == "hillock"
	scaled.cooldownPeriod >= 3600
	scaled.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds >= 300
}
