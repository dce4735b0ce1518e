//! Pods: what the Pod Security Standard and linters want, and what the box stands on.

use serde_json::{Value, json};

use crate::container::{CREDENTIALS, UID};
use crate::pod_security;
use crate::posture::DRAIN_SECONDS;
use crate::posture::rule::{Finding, Rule, found, is_amount, items, must, must_be, must_be_absent, shown};
use crate::posture::target::{Kind, Origin, Target};

/// Where the kubelet would put a token.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How long somebody waits for a node to drain at most.
const GRACE_SECONDS_MAX: i64 = 600;

/// How long a token may be good for.
const TOKEN_SECONDS_MAX: i64 = 86_400;

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "pod-security-restricted",
        of: Kind::Pod,
        holds: "the pod is one that Pod Security \"restricted\" admits",
        judge: |target| {
            let violations = pod_security::violations(target.at("/spec")).into_iter();
            violations
                .map(|violation| found("/spec/securityContext", violation))
                .collect()
        },
    },
    Rule {
        name: "no-host-namespace",
        of: Kind::Pod,
        holds: "the pod shares no namespace with its node, nor processes between its containers",
        judge: |target| {
            let fields = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"];
            fields
                .iter()
                .flat_map(|field| {
                    let at = format!("/spec/{field}");
                    must(*target.at(&at) != true, &at, format!("{field} is true"))
                })
                .collect()
        },
    },
    Rule {
        name: "no-host-path",
        of: Kind::Pod,
        holds: "no volume is a directory of the node",
        judge: |target| {
            let volumes = items(target, "/spec/volumes").into_iter();
            let of_node = volumes.filter(|(_, volume)| !volume["hostPath"].is_null());
            of_node
                .map(|(at, volume)| {
                    found(
                        format!("{at}/hostPath"),
                        format!("volume {} is of the node", volume["name"]),
                    )
                })
                .collect()
        },
    },
    Rule {
        name: "volumes-limited",
        of: Kind::Pod,
        holds: "an emptyDir has a limit and is on a disk, so that the box cannot fill its node",
        judge: |target| {
            let volumes = items(target, "/spec/volumes").into_iter();
            let empty = volumes.filter(|(_, volume)| !volume["emptyDir"].is_null());
            empty
                .filter_map(|(at, volume)| {
                    let holds = is_amount(&volume["emptyDir"]["sizeLimit"]) && volume["emptyDir"]["medium"].is_null();
                    (!holds).then(|| {
                        found(
                            format!("{at}/emptyDir"),
                            format!("volume {} has no limit, or is memory", volume["name"]),
                        )
                    })
                })
                .collect()
        },
    },
    Rule {
        name: "no-token-by-accident",
        of: Kind::Pod,
        holds: "automountServiceAccountToken is false: the token, where the tier has one, is a volume",
        judge: |target| must_be(target, "/spec/automountServiceAccountToken", false),
    },
    Rule {
        name: "token-of-tier",
        of: Kind::Pod,
        holds: "a tier with rights mounts one token, which expires within a day, and tier none mounts none",
        judge: token_of_tier,
    },
    Rule {
        name: "own-account",
        of: Kind::Pod,
        holds: "the pod runs as the release's own account, which no other pod shares by default",
        judge: |target| match &target.whole.origin {
            Origin::Release { account, .. } => {
                let mut all = must_be(target, "/spec/serviceAccountName", account.as_str());
                all.extend(must(
                    is_made(target, account),
                    "/spec/serviceAccountName",
                    "the release makes another account",
                ));
                all.extend(must(
                    account != "default",
                    "/spec/serviceAccountName",
                    "it is the namespace's default account",
                ));
                all
            }
            Origin::Compose | Origin::Image => Vec::new(),
        },
    },
    Rule {
        name: "no-service-variables",
        of: Kind::Pod,
        holds: "enableServiceLinks is false: variables would tell the box about its neighbours",
        judge: |target| must_be(target, "/spec/enableServiceLinks", false),
    },
    Rule {
        name: "grace-above-drain",
        of: Kind::Pod,
        holds: "terminationGracePeriodSeconds is at least 5 s above the init's own deadline (25 s) and above the box's for a run",
        judge: |target| {
            let at = "/spec/terminationGracePeriodSeconds";
            let least = DRAIN_SECONDS.max(variable(target, "CLAUDE_GRACE_SECONDS").unwrap_or(0)) + 5;
            let holds = target
                .at(at)
                .as_i64()
                .is_some_and(|seconds| (least..=GRACE_SECONDS_MAX).contains(&seconds));
            must(
                holds,
                at,
                format!(
                    "terminationGracePeriodSeconds is {}, not {least} to {GRACE_SECONDS_MAX}",
                    shown(target.at(at))
                ),
            )
        },
    },
    Rule {
        name: "user-of-image",
        of: Kind::Pod,
        holds: "the pod's user and group are those of the image, and not root",
        judge: |target| {
            let mut all = must_be(target, "/spec/securityContext/runAsNonRoot", true);
            all.extend(must_be(target, "/spec/securityContext/runAsUser", UID));
            all.extend(must_be(target, "/spec/securityContext/runAsGroup", UID));
            all
        },
    },
    Rule {
        name: "volume-of-image-group",
        of: Kind::Pod,
        holds: "the volume's group is the image's, or the box could not write to it, and is not set anew at each start",
        judge: |target| {
            let mut all = must_be(target, "/spec/securityContext/fsGroup", UID);
            all.extend(must_be(
                target,
                "/spec/securityContext/fsGroupChangePolicy",
                "OnRootMismatch",
            ));
            all.extend(must_be_absent(target, "/spec/securityContext/supplementalGroups"));
            all
        },
    },
    Rule {
        name: "seccomp",
        of: Kind::Pod,
        holds: "system calls are filtered by the runtime's default profile",
        judge: |target| must_be(target, "/spec/securityContext/seccompProfile/type", "RuntimeDefault"),
    },
    Rule {
        name: "restarts-as-promised",
        of: Kind::Pod,
        holds: "a headless run is never restarted by the kubelet, and a session always is",
        judge: |target| {
            let expected = if is_headless(target) { "Never" } else { "Always" };
            let policy = target.at("/spec/restartPolicy").as_str().unwrap_or("Always");
            must(
                policy == expected,
                "/spec/restartPolicy",
                format!("restartPolicy is {policy}"),
            )
        },
    },
    Rule {
        name: "secrets-for-group-alone",
        of: Kind::Pod,
        holds: "a mounted Secret is readable by the box's group and by nobody else (0440)",
        judge: |target| {
            let volumes = items(target, "/spec/volumes").into_iter();
            let secret = volumes.filter(|(_, volume)| !volume["secret"].is_null());
            secret
                .filter_map(|(at, volume)| {
                    let mode = &volume["secret"]["defaultMode"];
                    (*mode != 0o440).then(|| {
                        found(
                            format!("{at}/secret"),
                            format!("mode of {} is {}", volume["name"], shown(mode)),
                        )
                    })
                })
                .collect()
        },
    },
    Rule {
        name: "no-other-secret",
        of: Kind::Pod,
        holds: "the only Secret in the pod is the credential",
        judge: |target| {
            let volumes = items(target, "/spec/volumes").into_iter();
            let sources = volumes.flat_map(|(at, volume)| {
                let projected = volume["projected"]["sources"].as_array().into_iter().flatten();
                let has =
                    !volume["secret"].is_null() || projected.into_iter().any(|source| !source["secret"].is_null());
                (has && !is_mounted_at(target, &volume["name"], CREDENTIALS))
                    .then(|| found(at, format!("volume {} is a Secret", volume["name"])))
            });
            sources.collect()
        },
    },
    Rule {
        name: "box-alone",
        of: Kind::Pod,
        holds: "the pod has the box and no other container",
        judge: |target| {
            let count = items(target, "/spec/containers").len() + items(target, "/spec/initContainers").len();
            let mut all = must(count == 1, "/spec/containers", format!("there are {count} containers"));
            all.extend(must_be(target, "/spec/containers/0/name", "box"));
            all
        },
    },
    Rule {
        name: "volumes-mounted",
        of: Kind::Pod,
        holds: "every volume is mounted, has a source, and nothing else is mounted",
        judge: volumes_mounted,
    },
    Rule {
        name: "labelled-by-mode",
        of: Kind::Pod,
        holds: "labels say the box's mode and tier, by which people find it",
        judge: |target| {
            let mut all = must_be(target, "/metadata/labels/claude-in-a-box.io~1tier", target.tier());
            let at = "/metadata/labels/claude-in-a-box.io~1mode";
            let mode = items(target, "/spec/containers/0/env")
                .into_iter()
                .find(|(_, variable)| variable["name"] == "CLAUDE_MODE");
            let mode = mode.map(|(_, variable)| &variable["value"]);
            all.extend(must(
                Some(target.at(at)) == mode,
                at,
                "the label is another mode than CLAUDE_MODE",
            ));
            all
        },
    },
];

/// Is the account the one that the release makes, if it makes one?
fn is_made(target: &Target<'_>, account: &str) -> bool {
    let mut made = target.whole.of_kind("ServiceAccount");
    made.next().is_none_or(|known| known["metadata"]["name"] == account)
}

/// Is this the pod of a Job?
pub(super) fn is_headless(target: &Target<'_>) -> bool {
    !target.name.starts_with("StatefulSet/")
}

/// The number in a variable of the box.
fn variable(target: &Target<'_>, name: &str) -> Option<i64> {
    let variables = items(target, "/spec/containers/0/env").into_iter();
    let mut of_name = variables.filter(|(_, variable)| variable["name"] == name);
    of_name.next()?.1["value"].as_str()?.parse().ok()
}

fn is_mounted_at(target: &Target<'_>, volume: &Value, path: &str) -> bool {
    let mounts = items(target, "/spec/containers/0/volumeMounts").into_iter();
    let of_volume = mounts.filter(|(_, mount)| mount["name"] == *volume);
    of_volume.into_iter().all(|(_, mount)| mount["mountPath"] == path)
}

fn token_of_tier(target: &Target<'_>) -> Vec<Finding> {
    let volumes = items(target, "/spec/volumes");
    let tokens: Vec<(String, &Value)> = volumes
        .iter()
        .flat_map(|(at, volume)| {
            let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
            sources.map(move |source| (format!("{at}/projected"), &source["serviceAccountToken"]))
        })
        .filter(|(_, token)| !token.is_null())
        .collect();
    let wanted = usize::from(target.tier() != "none");
    let mut all = must(
        tokens.len() == wanted,
        "/spec/volumes",
        format!(
            "tier {} has {} tokens, and should have {wanted}",
            target.tier(),
            tokens.len()
        ),
    );
    for (at, token) in tokens {
        let seconds = token["expirationSeconds"].as_i64();
        let holds = seconds.is_some_and(|seconds| (600..=TOKEN_SECONDS_MAX).contains(&seconds));
        all.extend(must(holds, &at, format!("the token is good for {seconds:?} s")));
        all.extend(must(
            token["audience"].is_null(),
            &at,
            "the token is for another audience than the API server",
        ));
        let expected = json!([
            { "serviceAccountToken": { "path": "token", "expirationSeconds": seconds } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [{ "path": "namespace", "fieldRef": { "fieldPath": "metadata.namespace" } }] } },
        ]);
        let is_whole = *target.at(&format!("{at}/sources")) == expected;
        all.extend(must(
            is_whole,
            &at,
            "the token is not beside what the kubelet would put there",
        ));
        all.extend(must(
            token["path"] == "token",
            &at,
            "the token is not where clients look for it",
        ));
        let mounts = items(target, "/spec/containers/0/volumeMounts");
        let mount = mounts.iter().find(|(_, mount)| mount["mountPath"] == TOKEN);
        all.extend(must(
            mount.is_some(),
            &at,
            format!("the token is not mounted at {TOKEN}"),
        ));
    }
    all
}

fn volumes_mounted(target: &Target<'_>) -> Vec<Finding> {
    let mounts = items(target, "/spec/containers/0/volumeMounts");
    let volumes = items(target, "/spec/volumes");
    let mut all = Vec::new();
    for (at, volume) in &volumes {
        let is_mounted = mounts.iter().any(|(_, mount)| mount["name"] == volume["name"]);
        all.extend(must(
            is_mounted,
            at,
            format!("volume {} is mounted nowhere", volume["name"]),
        ));
        let has_name = |part: &str, key: &str| volume[part].is_null() || volume[part][key].is_string();
        let has_source = has_name("secret", "secretName")
            && has_name("configMap", "name")
            && has_name("persistentVolumeClaim", "claimName")
            && volume.as_object().is_some_and(|volume| volume.len() == 2);
        all.extend(must(
            has_source,
            at,
            format!("volume {} names no source", volume["name"]),
        ));
    }
    for (at, mount) in &mounts {
        let is_path = mount["mountPath"].as_str().is_some_and(|path| path.starts_with('/'));
        all.extend(must(is_path, at, format!("{} is mounted nowhere", mount["name"])));
        let is_there = volumes.iter().any(|(_, volume)| volume["name"] == mount["name"]);
        all.extend(must(is_there, at, format!("there is no volume {}", mount["name"])));
    }
    all
}
