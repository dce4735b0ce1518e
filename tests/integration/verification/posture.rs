//! The static posture: one line is changed for each rule, and its cell fails and names a line; exceptions are held to.

use std::fs;
use std::path::Path;

use rstest::rstest;
use verify::engine::cell::{Cell, Verdict};
use verify::engine::run::Run;
use verify::judgement::{Judge, MORE, TIERS};
use verify::posture;

use super::hole::{change, copy};
use crate::world::root;

const POD: &str = "_pod.tpl";
const ACCESS: &str = "access.yaml";
const POLICY: &str = "network-policy.yaml";

fn judged(project: &Path, name: &str) -> Run {
    let judge = Judge::new(project).expect("the chart is read");
    let profile = TIERS.iter().chain(&MORE).find(|profile| profile.name == name);
    let profile = profile.expect("a profile");
    let values = project.join(format!("manifests/profiles/{}.yaml", profile.file));
    let subject = judge.subject(Some(name), &[values]).expect("the chart renders");
    judge
        .posture(&subject, false, "rendered.yaml")
        .expect("it can be judged")
}

/// The cell of a rule that is broken; there is one at least.
fn broken<'run>(run: &'run Run, rule: &str) -> &'run Cell {
    let mut cells = run.cells.iter();
    let of_rule = |cell: &&Cell| cell.position().column == rule && cell.verdict == Verdict::Failed;
    cells.find(of_rule).unwrap_or_else(|| panic!("{rule} holds: {run}"))
}

/// The rule, the release, the template with the change, and the text of the line that is named (or nothing, where the change
/// leaves no line of the chart that could be).
#[rstest]
// Objects.
#[case("known-kind", "readonly", "service.yaml", ("kind: Service", "kind: Ingress"), "kind: Ingress")]
#[case("own-namespace", "readonly", "service.yaml", ("namespace: {{ .Release.Namespace | toJson }}", "namespace: default"), "namespace: default")]
#[case("named-labels", "readonly", "_names.tpl", ("app.kubernetes.io/name: claude-in-a-box", "app.kubernetes.io/name: box"), "app.kubernetes.io/name: box")]
#[case("no-key-in-text", "readonly", POD, ("value: {{ .Values.mode | toJson }}", "value: sk-ant-api03-x"), "")]
#[case("account-no-token", "readonly", "service-account.yaml", ("automountServiceAccountToken: false", "automountServiceAccountToken: true"), "automountServiceAccountToken: true")]
#[case("account-no-secrets", "readonly", "service-account.yaml", ("automountServiceAccountToken: false", "automountServiceAccountToken: false\nsecrets: [{name: box-token}]"), "secrets: [{name: box-token}]")]
#[case("nothing-published", "readonly", "service.yaml", ("clusterIP: None", "clusterIP: None\n  ports: [{port: 22}]"), "ports: [{port: 22}]")]
#[case("service-names-box", "readonly", "service.yaml", ("  selector:", "  selector:\n    other: label"), "selector:")]
#[case("claim-kept", "readonly", "volume.yaml", ("helm.sh/resource-policy: keep", "helm.sh/resource-policy: delete"), "helm.sh/resource-policy: delete")]
// Rights.
#[case("no-wildcard", "readonly", ACCESS, ("rules:\n  {{- include", "rules:\n  - apiGroups: [\"apps\"]\n    resources: [\"*\"]\n    verbs: [\"get\"]\n  {{- include"), "resources: [\"*\"]")]
#[case("no-secrets", "readonly", ACCESS, ("rules:\n  {{- include", "rules:\n  - apiGroups: [\"\"]\n    resources: [\"secrets\"]\n    verbs: [\"get\"]\n  {{- include"), "resources: [\"secrets\"]")]
#[case("no-dangerous-resource", "readonly", ACCESS, ("rules:\n  {{- include", "rules:\n  - apiGroups: [\"\"]\n    resources: [\"pods/attach\"]\n    verbs: [\"get\"]\n  {{- include"), "resources: [\"pods/attach\"]")]
#[case("no-escalation", "readonly", ACCESS, ("rules:\n  {{- include", "rules:\n  - apiGroups: [\"\"]\n    resources: [\"users\"]\n    verbs: [\"impersonate\"]\n  {{- include"), "verbs: [\"impersonate\"]")]
#[case("no-change-beyond-operator", "operator", ACCESS, ("rules:\n  {{- include", "rules:\n  - apiGroups: [\"apps\"]\n    resources: [\"deployments\"]\n    verbs: [\"patch\"]\n  {{- include"), "- apiGroups: [\"apps\"]")]
#[case("no-paths", "readonly", ACCESS, ("rules:\n  {{- include", "rules:\n  - nonResourceURLs: [\"/metrics\"]\n    verbs: [\"get\"]\n  {{- include"), "- nonResourceURLs: [\"/metrics\"]")]
#[case("no-aggregation", "readonly", ACCESS, ("  name: {{ $readonly | toJson }}\n  labels:", "  name: {{ $readonly | toJson }}\n  labels:\n    rbac.authorization.k8s.io/aggregate-to-view: \"true\""), "")]
#[case("binds-own-account", "readonly", ACCESS, ("  - kind: ServiceAccount\n", "  - kind: Group\n    apiGroup: rbac.authorization.k8s.io\n    name: system:serviceaccounts\n  - kind: ServiceAccount\n"), "")]
#[case("binds-own-role", "readonly", ACCESS, ("  kind: ClusterRole\n  name: {{ $readonly | toJson }}\nsubjects", "  kind: ClusterRole\n  name: cluster-admin\nsubjects"), "name: cluster-admin")]
// Network.
#[case("policy-exists", "readonly", POLICY, ("{{- if .Values.network.enabled -}}", "{{- if false -}}"), "")]
#[case("has-box", "readonly", "stateful-set.yaml", ("{{- if ne .Values.mode \"headless\" -}}", "{{- if false -}}"), "")]
#[case("selects-box", "readonly", POLICY, ("    matchLabels:\n      {{- include", "    matchLabels:\n      claude-in-a-box.io/mode: shell\n      {{- include"), "")]
#[case("isolates-both-ways", "readonly", POLICY, ("[Ingress, Egress]", "[Egress]"), "policyTypes: [Egress]")]
#[case("nothing-comes-in", "readonly", POLICY, ("  egress:\n", "  ingress:\n    - {}\n  egress:\n"), "ingress:")]
#[case("peers-and-ports-named", "readonly", POLICY, ("    # The API server, where", "    - ports:\n        - port: 25\n    # The API server, where"), "- ports:")]
#[case("metadata-closed", "readonly", "_network.tpl", ("- 169.254.0.0/16", "- 169.254.0.0/24"), "cidr: 0.0.0.0/0")]
// Workloads.
#[case("one-replica", "readonly", "stateful-set.yaml", ("replicas: 1", "replicas: 2"), "replicas: 2")]
#[case("broken-pod-replaced", "readonly", "stateful-set.yaml", ("podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady"), "podManagementPolicy: OrderedReady")]
#[case("selects-own-pods", "readonly", "stateful-set.yaml", ("    matchLabels:\n", "    matchLabels:\n      other: label\n"), "")]
#[case("named-by-service", "readonly", "stateful-set.yaml", ("serviceName: {{ include \"box.name\" . | toJson }}", "serviceName: other"), "serviceName: other")]
#[case("run-ends", "headless-job", "_job.tpl", ("{{ add (int .Values.headless.deadlineSeconds) 600 }}", "600"), "activeDeadlineSeconds: 600")]
#[case("paid-once", "headless-job", "_job.tpl", ("values: [69, 75]", "values: [1, 69, 75]"), "- action: FailJob")]
#[case("retries-end", "cronjob", "_job.tpl", ("backoffLimit: {{ int .Values.headless.backoffLimit }}", "backoffLimit: 60"), "backoffLimit: 60")]
// Pods.
#[case("pod-security-restricted", "readonly", POD, ("  runAsNonRoot: true\n", "  runAsNonRoot: true\n  sysctls: [{name: kernel.shm_rmid_forced, value: \"1\"}]\n"), "")]
#[case("no-host-namespace", "readonly", POD, ("enableServiceLinks: false", "enableServiceLinks: false\nhostPID: true"), "hostPID: true")]
#[case("no-host-path", "readonly", POD, ("\nvolumes:\n", "\nvolumes:\n  - name: node\n    hostPath: {path: /var}\n"), "hostPath: {path: /var}")]
#[case("volumes-limited", "readonly", POD, ("    emptyDir:\n      sizeLimit: {{ .Values.tmp.sizeLimit | toJson }}", "    emptyDir: {medium: Memory}"), "emptyDir: {medium: Memory}")]
#[case("no-token-by-accident", "readonly", POD, ("automountServiceAccountToken: false", "automountServiceAccountToken: true"), "automountServiceAccountToken: true")]
#[case("token-of-tier", "none", POD, ("{{- $hasToken := ne .Values.tier \"none\" -}}", "{{- $hasToken := true -}}"), "volumes:")]
#[case("token-of-tier", "readonly", POD, ("expirationSeconds: {{ int .Values.serviceAccount.tokenExpirationSeconds }}", "expirationSeconds: 864000"), "")]
#[case("own-account", "readonly", POD, ("serviceAccountName: {{ include \"box.serviceAccountName\" . | toJson }}", "serviceAccountName: default"), "serviceAccountName: default")]
#[case("no-service-variables", "readonly", POD, ("enableServiceLinks: false", "enableServiceLinks: true"), "enableServiceLinks: true")]
#[case("grace-above-drain", "readonly", POD, ("{{ int .Values.terminationGracePeriodSeconds }}", "29"), "terminationGracePeriodSeconds: 29")]
#[case("user-of-image", "readonly", POD, ("runAsUser: 10000", "runAsUser: 1000"), "runAsUser: 1000")]
#[case("volume-of-image-group", "readonly", POD, ("fsGroup: 10000", "fsGroup: 1000"), "fsGroup: 1000")]
#[case("seccomp", "readonly", POD, ("type: RuntimeDefault", "type: Unconfined"), "type: Unconfined")]
#[case("restarts-as-promised", "headless-job", "_job.tpl", ("restartPolicy: Never", "restartPolicy: OnFailure"), "restartPolicy: OnFailure")]
#[case("secrets-for-group-alone", "readonly", POD, ("defaultMode: 288", "defaultMode: 292"), "")]
#[case("no-other-secret", "readonly", POD, ("\nvolumes:\n", "\nvolumes:\n  - name: home\n    secret: {secretName: other, defaultMode: 288}\n"), "")]
#[case("box-alone", "readonly", POD, ("\ncontainers:\n", "\ncontainers:\n  - name: helper\n    image: busybox:1.37\n"), "")]
// Containers.
#[case("read-only-root", "readonly", POD, ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"), "readOnlyRootFilesystem: false")]
#[case("no-privilege-gained", "readonly", POD, ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"), "allowPrivilegeEscalation: true")]
#[case("no-capability", "readonly", POD, ("drop: [ALL]", "drop: [NET_RAW]"), "drop: [NET_RAW]")]
#[case("pod-not-overruled", "readonly", POD, ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: false\n      runAsUser: 1000"), "")]
#[case("image-pinned", "readonly", POD, ("image: {{ include \"box.image\" . | toJson }}", "image: claude-in-a-box:latest"), "image: claude-in-a-box:latest")]
#[case("image-pulled", "none", POD, ("image: {{ include \"box.image\" . | toJson }}\n    imagePullPolicy: {{ .Values.image.pullPolicy | toJson }}", "image: claude-in-a-box:core\n    imagePullPolicy: IfNotPresent"), "imagePullPolicy: IfNotPresent")]
#[case("resources", "readonly", POD, ("{{- toYaml . | nindent 6 }}\n    {{- end }}\n    volumeMounts", "requests: {cpu: 1, memory: 1Gi}\n      limits: {cpu: 1}\n    {{- end }}\n    volumeMounts"), "limits: {cpu: 1}")]
#[case("probes", "readonly", POD, ("\"liveness\" .Values.probes.liveness", ""), "")]
#[case("probes-ask-box", "readonly", POD, ("\"box-init, health\"", "\"pgrep, claude\""), "")]
#[case("terminal", "readonly", POD, ("tty: true", "tty: false"), "tty: false")]
#[case("init-is-first", "readonly", POD, ("    image: {{ include", "    command: [bash]\n    image: {{ include"), "command: [bash]")]
#[case("no-key-in-environment", "readonly", POD, ("- name: CLAUDE_MODE\n", "- name: ANTHROPIC_API_KEY\n  value: x\n- name: CLAUDE_MODE\n"), "- name: ANTHROPIC_API_KEY")]
#[case("tells-mode-and-tier", "operator", POD, ("value: {{ .Values.tier | toJson }}\n{{- end }}", "value: readonly\n{{- end }}"), "")]
#[case("no-host-port", "readonly", POD, ("    securityContext:\n      allow", "    ports: [{containerPort: 22}]\n    securityContext:\n      allow"), "ports: [{containerPort: 22}]")]
#[case("state-on-volume", "readonly", POD, ("mountPath: /home/claude", "mountPath: /app/.claude"), "")]
#[case("claim-is-used", "readonly", POD, ("claimName: {{ include \"box.claimName\" . | toJson }}", "claimName: other"), "")]
#[case("room-to-work", "readonly", POD, ("mountPath: /tmp\n", "mountPath: /tmp\n        readOnly: true\n"), "")]
#[case("credential-read-only", "readonly", POD, ("mountPath: /run/secrets/anthropic\n        readOnly: true", "mountPath: /run/secrets/anthropic"), "")]
#[case("image-not-covered", "readonly", POD, ("mountPath: /tmp\n", "mountPath: /tmp\n      - name: tmp\n        mountPath: /etc/claude-code\n"), "")]
// Names, and what the values wish for.
#[case("named-for-release", "readonly", "stateful-set.yaml", ("name: {{ include \"box.name\" . | toJson }}\n  namespace", "name: agent\n  namespace"), "name: agent")]
#[case("claim-asks", "readonly", "volume.yaml", ("storage: {{ .Values.persistence.size | toJson }}", "storage: much"), "storage: much")]
#[case("finished-runs-go", "headless-job", "_job.tpl", ("ttlSecondsAfterFinished: {{ int .Values.headless.ttlSecondsAfterFinished }}", "suspend: false"), "")]
#[case("schedule-whole", "cronjob", "cron-job.yaml", ("startingDeadlineSeconds: {{ int .Values.headless.startingDeadlineSeconds }}", "startingDeadlineSeconds: 1"), "startingDeadlineSeconds: 1")]
#[case("volumes-mounted", "readonly", POD, ("\nvolumes:\n", "\nvolumes:\n  - name: more\n    emptyDir: {sizeLimit: 1Gi}\n"), "- name: more")]
#[case("labelled-by-mode", "operator", POD, ("claude-in-a-box.io/tier: {{ .Values.tier | toJson }}", "claude-in-a-box.io/tier: readonly"), "claude-in-a-box.io/tier: readonly")]
#[case("variables-known", "readonly", POD, ("- name: CLAUDE_MODE\n", "- name: CLAUDE_MODEL_NAME\n  value: x\n- name: CLAUDE_MODE\n"), "- name: CLAUDE_MODEL_NAME")]
#[case("prompt-where-asked", "headless-job", POD, ("value: /run/prompt/prompt", "value: /run/prompt/question"), "")]
#[case("pod-as-wished", "none", POD, ("runtimeClassName: {{ . | toJson }}", ""), "")]
#[case("box-as-wished", "headless-job", POD, ("{{ .Values.headless.maxBudgetUsd | toString | toJson }}", "\"200\""), "")]
#[case("schedule-as-wished", "cronjob", "cron-job.yaml", ("schedule: {{ .Values.headless.schedule | toJson }}", "schedule: \"* * * * *\""), "schedule: \"* * * * *\"")]
#[case("run-as-wished", "headless-job", "_job.tpl", ("backoffLimit: {{ int .Values.headless.backoffLimit }}", "backoffLimit: 6"), "backoffLimit: 6")]
#[case("claim-as-wished", "cronjob", "volume.yaml", ("storage: {{ .Values.persistence.size | toJson }}", "storage: 1Gi"), "storage: 1Gi")]
#[case("account-as-wished", "none", "service-account.yaml", ("{{- toYaml . | nindent 4 }}\n  {{- end }}\n#", "other: annotation\n  {{- end }}\n#"), "")]
fn a_broken_rule_is_named(
    #[case] rule: &str,
    #[case] release: &str,
    #[case] template: &str,
    #[case] (old, new): (&str, &str),
    #[case] named: &str,
) {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    let file = format!("manifests/chart/templates/{template}");
    change(&project, &file, old, new);
    let run = judged(&project, release);
    let cell = broken(&run, rule);
    let Some(place) = &cell.place else {
        panic!("{rule} is at no line: {}", cell.evidence);
    };
    if named.is_empty() {
        return;
    }
    let text = fs::read_to_string(project.join(&place.file)).unwrap_or_else(|error| panic!("{place}: {error}"));
    let line = text.lines().nth(usize::try_from(place.line).expect("it fits") - 1);
    assert_eq!(line.map(str::trim), Some(named), "{place}: {}", cell.evidence);
}

/// A project that has what no values change as well.
fn whole_copy(folder: &Path) -> std::path::PathBuf {
    let project = copy(folder);
    for file in ["README.md", "image/tools.toml", "image/nix/config.nix"] {
        let path = project.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        fs::copy(root().join(file), path).expect("a copy");
    }
    project
}

const COMPOSE: &str = "manifests/compose.yaml";
const CONFIG: &str = "image/nix/config.nix";
const TOOLS: &str = "image/tools.toml";

/// The same for Compose's file and the image's declaration.
#[rstest]
#[case("read-only-root", COMPOSE, ("read_only: true\n  cap", "read_only: false\n  cap"))]
#[case("no-capability", COMPOSE, ("cap_drop: [ALL]", "cap_drop: [NET_RAW]"))]
#[case("no-privilege-gained", COMPOSE, ("no-new-privileges:true", "seccomp=unconfined"))]
#[case("no-host-namespace", COMPOSE, ("pids_limit: 512", "pids_limit: 512\n  pid: host"))]
#[case("nothing-published", COMPOSE, ("pids_limit: 512", "pids_limit: 512\n  ports: [\"22:22\"]"))]
#[case("user-of-image", COMPOSE, ("pids_limit: 512", "pids_limit: 512\n  user: \"0\""))]
#[case("image-pinned", COMPOSE, ("claude-in-a-box:core}", "claude-in-a-box:latest}"))]
#[case("resources", COMPOSE, ("  mem_limit: 2g\n", ""))]
#[case("grace-above-drain", COMPOSE, ("stop_grace_period: 60s", "stop_grace_period: 10s"))]
#[case("init-is-first", COMPOSE, ("pids_limit: 512", "pids_limit: 512\n  init: true"))]
#[case("no-key-in-environment", COMPOSE, ("- CLAUDE_PROMPT\n", "- CLAUDE_PROMPT\n      - ANTHROPIC_API_KEY\n"))]
#[case("volumes", COMPOSE, ("read_only: true\n\nservices", "read_only: false\n\nservices"))]
#[case("room-to-work", COMPOSE, ("exec,nosuid", "exec"))]
#[case("restarts-as-promised", COMPOSE, ("restart: \"no\"", "restart: always"))]
#[case("passes-variables", COMPOSE, ("      - CLAUDE_PROMPT\n", ""))]
#[case("session-and-question", COMPOSE, ("  ask:\n", "  question:\n"))]
#[case("image-user", CONFIG, ("User = \"10000:10000\"", "User = \"0:0\""))]
#[case("image-init", CONFIG, ("      \"/usr/bin/box-init\"\n      \"--\"\n", ""))]
#[case("image-stops", CONFIG, ("StopSignal = \"SIGTERM\"", "StopSignal = \"SIGKILL\""))]
#[case("image-surroundings", CONFIG, ("\"HOME=/home/claude\"", "\"HOME=/root\""))]
#[case("tools-declared", TOOLS, ("[tools.jq]", "[tools.jaq]"))]
#[case("tool-promised", TOOLS, ("[tools.jq]\nlayer = \"shell\"", "[tools.jq]\nlayer = \"editing\""))]
#[case("tool-works", TOOLS, ("probe.expect = '(?m)^pod=3 node=1 in bash 5$'", "probe.expect = '.*'"))]
#[case("tool-needs", TOOLS, ("[tools.tcpdump.needs]", "[tools.jq.needs]"))]
fn a_broken_rule_beside_the_chart_is_named(#[case] rule: &str, #[case] file: &str, #[case] (old, new): (&str, &str)) {
    let folder = tempfile::tempdir().expect("a directory");
    let project = whole_copy(folder.path());
    change(&project, file, old, new);
    let judge = Judge::new(&project).expect("the chart is read");
    let run = judge.posture_beside().expect("it can be judged");
    let place = broken(&run, rule).place.as_ref().expect("a line");
    let expected = if rule == "tools-declared" { "README.md" } else { file };
    assert_eq!(place.file, expected, "{place}");
}

/// Every rule was broken above; a rule more is a case more.
#[test]
fn each_rule_has_its_case() {
    let own = fs::read_to_string(root().join("tests/integration/verification/posture.rs")).expect("this file");
    for rule in posture::rule::ALL.iter().flat_map(|rules| rules.iter()) {
        let case = format!("#[case(\"{}\", ", rule.name);
        assert!(own.contains(&case), "no case breaks rule {}", rule.name);
    }
}

/// The rules hold of every profile, of Compose and of the image.
#[test]
pub(crate) fn the_posture_holds() {
    let output = super::verify(&["posture"]);
    let said = super::said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let count = said
        .strip_prefix("posture: ")
        .and_then(|said| said.split(' ').next()?.parse::<usize>().ok());
    assert!(count.is_some_and(|count| count >= 700), "{said}");
}

/// What is excepted on purpose must be broken: else the exception is taken back, or it would outlive its reason.
#[test]
fn an_exception_that_nothing_needs_is_an_error() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    let stale = "\n[[exceptions]]\nrule = \"one-replica\"\nof = \"StatefulSet/box\"\nin = [\"readonly\"]\nwhy = \"it was two once\"\n";
    let path = project.join(posture::exception::FILE);
    let text = fs::read_to_string(&path).expect("the exceptions");
    let count = text.matches("[[exceptions]]").count();
    fs::write(&path, text + stale).expect("it is written");
    let output = super::command_of(&project, &["posture", "--tier", "readonly"]);
    let said = super::said(&output);
    assert_eq!(output.status.code(), Some(65), "{said}");
    let words = format!(
        "manifests/posture.toml: exceptions[{count}].in: 'readonly': there 'StatefulSet/box' does not break rule 'one-replica'"
    );
    assert!(said.contains(&words), "{said}");
}

/// Without its exception a cell fails that passes with it, and says why it may.
#[test]
fn an_exception_says_why() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    let excepted = |run: &Run| {
        let id = "headless-job/probes Job/box/box";
        run.cells.iter().find(|cell| cell.id == id).expect("the cell").clone()
    };
    let with = excepted(&judged(&project, "headless-job"));
    assert_eq!((with.verdict, with.expected.as_str()), (Verdict::Passed, "broken"));
    assert!(
        with.evidence.contains("excepted: a headless run ends by itself"),
        "{}",
        with.evidence
    );
    fs::write(project.join(posture::exception::FILE), "version = 1\n").expect("it is written");
    assert_eq!(excepted(&judged(&project, "headless-job")).verdict, Verdict::Failed);
}

/// The rules stand on the init's own deadline.
#[test]
fn the_inits_deadline_is_the_rules() {
    let own = fs::read_to_string(root().join("image/init/src/personality/native.rs")).expect("the init");
    let line = format!("pub const GRACE_SECONDS_DEFAULT: u32 = {};", posture::DRAIN_SECONDS);
    assert!(own.contains(&line), "the init has another default than {line}");
}
