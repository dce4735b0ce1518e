//! Containers: what linters want, and what the box stands on.

use serde_json::{Value, json};

use crate::container::CREDENTIALS;
use crate::posture::rule::{Finding, Rule, found, is_amount, items, must, must_be, must_be_absent, shown, words};
use crate::posture::rules::object::KEYS;
use crate::posture::rules::pod::is_headless;
use crate::posture::target::{Kind, Target};

/// Where the box's own things are: what is mounted over them replaces what the image promises.
const OF_IMAGE: [&str; 13] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/opt", "/proc", "/root", "/run", "/sbin", "/sys", "/usr",
];

/// Of these directories the box leaves what is below to whoever deploys it, but for its own.
const SHARED: [&str; 3] = ["/etc", "/run", "/opt"];

/// What is the image's in directories that are shared.
const OWN: [&str; 5] = [
    "/etc/claude-code",
    "/etc/kubernetes-mcp-server",
    "/etc/ssl",
    "/etc/passwd",
    "/opt/claude-code",
];

/// Variables that would hold a credential.
pub(super) const SECRET_VARIABLES: [&str; 8] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GITHUB_TOKEN",
];

/// The modes of a box that lives on.
const SESSIONS: [&str; 3] = ["interactive", "remote-control", "shell"];

/// Variables that the box knows; another one that begins like them is misspelt.
pub(super) const KNOWN: [&str; 18] = [
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_DEADLINE_SECONDS",
    "CLAUDE_GRACE_SECONDS",
    "CLAUDE_MAX_BUDGET_USD",
    "CLAUDE_MAX_TURNS",
    "CLAUDE_MODE",
    "CLAUDE_MODEL",
    "CLAUDE_OUTPUT_FORMAT",
    "CLAUDE_PROMPT_FILE",
    "CLAUDE_RUN_ID",
    "CLAUDE_SESSION",
    "CLAUDE_SILENCE_SECONDS",
    "CLAUDE_TIER",
];

/// The probes with the commands that they run.
const PROBES: [(&str, &[&str]); 3] = [
    ("livenessProbe", &["box-init", "health"]),
    ("readinessProbe", &["box-entrypoint", "health", "ready"]),
    ("startupProbe", &["box-entrypoint", "health", "startup"]),
];

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "read-only-root",
        of: Kind::Container,
        holds: "readOnlyRootFilesystem is true",
        judge: |target| must_be(target, "/securityContext/readOnlyRootFilesystem", true),
    },
    Rule {
        name: "no-privilege-gained",
        of: Kind::Container,
        holds: "allowPrivilegeEscalation is false, and the container is not privileged",
        judge: |target| {
            let mut all = must_be(target, "/securityContext/allowPrivilegeEscalation", false);
            let at = "/securityContext/privileged";
            all.extend(must(*target.at(at) != true, at, "privileged is true"));
            all
        },
    },
    Rule {
        name: "no-capability",
        of: Kind::Container,
        holds: "every capability is dropped, and none is added",
        judge: |target| {
            let mut all = must_be(target, "/securityContext/capabilities/drop", json!(["ALL"]));
            all.extend(must_be_absent(target, "/securityContext/capabilities/add"));
            all
        },
    },
    Rule {
        name: "pod-not-overruled",
        of: Kind::Container,
        holds: "the container does not overrule its pod's user, group or seccomp profile",
        judge: |target| {
            let fields = ["runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "procMount"];
            fields
                .iter()
                .flat_map(|field| must_be_absent(target, &format!("/securityContext/{field}")))
                .collect()
        },
    },
    Rule {
        name: "image-pinned",
        of: Kind::Container,
        holds: "the image has a digest, or a tag that is not latest",
        judge: |target| {
            must(
                is_pinned(target.at("/image")),
                "/image",
                format!("image is {}", shown(target.at("/image"))),
            )
        },
    },
    Rule {
        name: "image-pulled",
        of: Kind::Container,
        holds: "an image without a digest is pulled at each start, so that every node has the same one",
        judge: |target| {
            let image = target.at("/image").as_str().unwrap_or_default();
            let policy = target.at("/imagePullPolicy");
            let holds = image.contains("@sha256:") || *policy == "Always";
            must(
                holds,
                "/imagePullPolicy",
                format!("imagePullPolicy is {}", shown(policy)),
            )
        },
    },
    Rule {
        name: "resources",
        of: Kind::Container,
        holds: "memory and processor are asked for, and limited",
        judge: |target| {
            let places = ["requests/cpu", "requests/memory", "limits/cpu", "limits/memory"];
            places
                .iter()
                .flat_map(|place| {
                    let at = format!("/resources/{place}");
                    must(
                        is_amount(target.at(&at)),
                        &at,
                        format!("resources.{} is {}", place.replace('/', "."), shown(target.at(&at))),
                    )
                })
                .collect()
        },
    },
    Rule {
        name: "probes",
        of: Kind::Container,
        holds: "the box is asked whether it has started, lives, and is ready",
        judge: |target| {
            let missing = PROBES.iter().filter(|(probe, _)| target.value[*probe].is_null());
            missing
                .map(|(probe, _)| found("", format!("there is no {probe}")))
                .collect()
        },
    },
    Rule {
        name: "probes-ask-box",
        of: Kind::Container,
        holds: "probes run `box-init health` and `box-entrypoint health`, which start no Claude, and give them seconds",
        judge: |target| {
            PROBES
                .iter()
                .flat_map(|(probe, command)| probe_asks(target, probe, command))
                .collect()
        },
    },
    Rule {
        name: "terminal",
        of: Kind::Container,
        holds: "a session has a terminal and standard input, and a headless run has neither",
        judge: |target| {
            let wanted = !is_headless(target);
            ["stdin", "tty"]
                .iter()
                .flat_map(|field| {
                    let at = format!("/{field}");
                    must(
                        (*target.at(&at) == true) == wanted,
                        &at,
                        format!("{field} is {}", shown(target.at(&at))),
                    )
                })
                .chain(must_be_absent(target, "/stdinOnce"))
                .collect()
        },
    },
    Rule {
        name: "init-is-first",
        of: Kind::Container,
        holds: "the image's own entrypoint is not replaced: its init is process 1, and reaps and drains",
        judge: |target| {
            ["/command", "/args", "/lifecycle"]
                .iter()
                .flat_map(|at| must_be_absent(target, at))
                .collect()
        },
    },
    Rule {
        name: "no-key-in-environment",
        of: Kind::Container,
        holds: "no variable holds a credential, or comes from a Secret: the environment is read by everybody in the box",
        judge: no_key_in_environment,
    },
    Rule {
        name: "tells-mode-and-tier",
        of: Kind::Container,
        holds: "CLAUDE_TIER is the release's tier and CLAUDE_MODE the pod's, so that Claude is told what holds",
        judge: |target| {
            let wanted = Some(target.tier()).filter(|tier| *tier != "none");
            let told = variable(target, "CLAUDE_TIER");
            let mut all = must(
                told == wanted,
                "/env",
                format!("CLAUDE_TIER is {told:?}, and the tier {wanted:?}"),
            );
            let mode = variable(target, "CLAUDE_MODE");
            let modes: &[&str] = if is_headless(target) { &["headless"] } else { &SESSIONS };
            let holds = mode.is_some_and(|mode| modes.contains(&mode));
            all.extend(must(holds, "/env", format!("CLAUDE_MODE is {mode:?}")));
            all
        },
    },
    Rule {
        name: "no-host-port",
        of: Kind::Container,
        holds: "no port is opened: nothing listens in the box",
        judge: |target| must_be_absent(target, "/ports"),
    },
    Rule {
        name: "state-on-volume",
        of: Kind::Container,
        holds: "/home/claude is a writable volume of its own, and the claim where there is one",
        judge: |target| mounted(target, "/home/claude", false, &["persistentVolumeClaim", "emptyDir"]),
    },
    Rule {
        name: "claim-is-used",
        of: Kind::Container,
        holds: "the claim that the release makes is the one that is mounted",
        judge: |target| {
            let volume = volume_at(target, "/home/claude").map(|volume| &volume["persistentVolumeClaim"]["claimName"]);
            let unused = target
                .whole
                .of_kind("PersistentVolumeClaim")
                .find(|claim| Some(&claim["metadata"]["name"]) != volume);
            unused
                .map(|claim| {
                    found(
                        "/volumeMounts",
                        format!("claim {} is not mounted", claim["metadata"]["name"]),
                    )
                })
                .into_iter()
                .collect()
        },
    },
    Rule {
        name: "room-to-work",
        of: Kind::Container,
        holds: "/workspace and /tmp are writable volumes that go with the pod",
        judge: |target| {
            ["/workspace", "/tmp"]
                .iter()
                .flat_map(|path| mounted(target, path, false, &["emptyDir"]))
                .collect()
        },
    },
    Rule {
        name: "credential-read-only",
        of: Kind::Container,
        holds: "the credential, token and prompt are mounted read-only, each where the box looks for it",
        judge: credential_read_only,
    },
    Rule {
        name: "image-not-covered",
        of: Kind::Container,
        holds: "nothing is mounted over what the image promises: programs, settings that no repository can undo, accounts",
        judge: image_not_covered,
    },
    Rule {
        name: "variables-known",
        of: Kind::Container,
        holds: "every variable has a value, one that begins like the box's is one of them, and a run has those that it needs",
        judge: variables_known,
    },
    Rule {
        name: "prompt-where-asked",
        of: Kind::Container,
        holds: "the prompt is the file that the box is told of, and the ConfigMap that the release makes where it makes one",
        judge: prompt_where_asked,
    },
];

/// Does a reference name one image?
pub(super) fn is_pinned(image: &Value) -> bool {
    let image = image.as_str().unwrap_or_default();
    if image.contains("@sha256:") {
        return true;
    }
    // A colon before the last slash is a registry's port.
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split_once(':')
        .is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest")
}

fn probe_asks(target: &Target<'_>, probe: &str, command: &[&str]) -> Vec<Finding> {
    let value = &target.value[probe];
    if value.is_null() {
        return Vec::new();
    }
    let at = format!("/{probe}/exec/command");
    let asked = words(target.at(&at));
    let mut all = must(
        asked == command,
        &at,
        format!("{probe} runs {asked:?}, not {command:?}"),
    );
    let seconds = value["timeoutSeconds"].as_i64();
    let holds = seconds.is_some_and(|seconds| (2..=30).contains(&seconds));
    all.extend(must(
        holds,
        &format!("/{probe}"),
        format!("{probe} has {seconds:?} seconds"),
    ));
    let least = if probe == "livenessProbe" { 2 } else { 1 };
    for (field, least, most) in [("failureThreshold", least, 120), ("periodSeconds", 1, 60)] {
        let number = value[field].as_i64();
        let holds = number.is_some_and(|number| (least..=most).contains(&number));
        all.extend(must(
            holds,
            &format!("/{probe}/{field}"),
            format!("{field} of {probe} is {number:?}"),
        ));
    }
    all
}

fn variable<'value>(target: &Target<'value>, name: &str) -> Option<&'value str> {
    let mut variables = items(target, "/env").into_iter();
    variables.find(|(_, variable)| variable["name"] == name)?.1["value"].as_str()
}

fn no_key_in_environment(target: &Target<'_>) -> Vec<Finding> {
    let mut all = must_be_absent(target, "/envFrom");
    for (at, variable) in items(target, "/env") {
        let name = variable["name"].as_str().unwrap_or_default();
        let value = variable["value"].as_str().unwrap_or_default();
        let is_secret = SECRET_VARIABLES.contains(&name)
            || KEYS.iter().any(|key| value.contains(key))
            || !variable["valueFrom"]["secretKeyRef"].is_null();
        all.extend(must(!is_secret, &at, format!("variable {name} holds a secret")));
    }
    all
}

/// The volume that is mounted at a path.
fn volume_at<'value>(target: &Target<'value>, path: &str) -> Option<&'value Value> {
    let mounts = items(target, "/volumeMounts");
    let (_, mount) = mounts.iter().find(|(_, mount)| mount["mountPath"] == path)?;
    let volumes = target.pod.pointer("/spec/volumes")?.as_array()?;
    volumes.iter().find(|volume| volume["name"] == mount["name"])
}

fn mounted(target: &Target<'_>, path: &str, is_read_only: bool, kinds: &[&str]) -> Vec<Finding> {
    let mounts = items(target, "/volumeMounts");
    let Some((at, mount)) = mounts.iter().find(|(_, mount)| mount["mountPath"] == path) else {
        return vec![found("/volumeMounts", format!("nothing is mounted at {path}"))];
    };
    let is_of_kind = volume_at(target, path).is_some_and(|volume| kinds.iter().any(|kind| !volume[*kind].is_null()));
    let mut all = must(
        is_of_kind,
        at,
        format!("what is mounted at {path} is none of {kinds:?}"),
    );
    let is_so = (mount["readOnly"] == true) == is_read_only;
    all.extend(must(
        is_so,
        at,
        format!("{path} is mounted with readOnly {}", shown(&mount["readOnly"])),
    ));
    all.extend(must(
        mount["subPath"].is_null(),
        at,
        format!("{path} is a part of a volume"),
    ));
    all
}

fn credential_read_only(target: &Target<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let volumes = target.pod.pointer("/spec/volumes").and_then(Value::as_array);
    let has = |name: &str| volumes.into_iter().flatten().any(|volume| volume["name"] == name);
    for (volume, path, kind) in [
        ("credentials", CREDENTIALS, "secret"),
        ("prompt", "/run/prompt", "configMap"),
        ("token", "/var/run/secrets/kubernetes.io/serviceaccount", "projected"),
    ] {
        if has(volume) {
            all.extend(mounted(target, path, true, &[kind]));
        }
    }
    all.extend(must(
        !is_headless(target) || has("prompt"),
        "/volumeMounts",
        "there is no prompt",
    ));
    all
}

fn image_not_covered(target: &Target<'_>) -> Vec<Finding> {
    let mounts = items(target, "/volumeMounts").into_iter();
    let covering = mounts.filter_map(|(at, mount)| {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        let path = if path.len() > 1 {
            path.trim_end_matches('/')
        } else {
            path
        };
        let is_below = |above: &str| path == above || path.starts_with(&format!("{above}/"));
        let is_covering = OF_IMAGE.contains(&path)
            || OWN.iter().any(|own| is_below(own))
            || OF_IMAGE[1..]
                .iter()
                .any(|above| !SHARED.contains(above) && is_below(above));
        is_covering.then(|| found(at, format!("{path} is the image's")))
    });
    covering.collect()
}

fn variables_known(target: &Target<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, variable) in items(target, "/env") {
        let name = variable["name"].as_str().unwrap_or_default();
        let is_ours = name.starts_with("CLAUDE_") || name.starts_with("ANTHROPIC_");
        let is_known = !name.is_empty() && (!is_ours || KNOWN.contains(&name));
        all.extend(must(is_known, &at, format!("there is no variable {name}")));
        let job = "metadata.labels['batch.kubernetes.io/job-name']";
        let is_told = variable["value"].as_str().is_some_and(|value| !value.is_empty())
            || !variable["valueFrom"].is_null()
                && (name != "CLAUDE_RUN_ID" || variable["valueFrom"]["fieldRef"]["fieldPath"] == job);
        all.extend(must(is_told, &at, format!("variable {name} has no value")));
    }
    if is_headless(target) {
        let format = variable(target, "CLAUDE_OUTPUT_FORMAT").unwrap_or_default();
        let is_format = ["json", "stream-json", "text"].contains(&format);
        all.extend(must(is_format, "/env", format!("CLAUDE_OUTPUT_FORMAT is '{format}'")));
        let has_name = items(target, "/env")
            .iter()
            .any(|(_, variable)| variable["name"] == "CLAUDE_RUN_ID");
        all.extend(must(has_name, "/env", "a run without CLAUDE_RUN_ID is paid for again"));
        for limit in ["CLAUDE_MAX_TURNS", "CLAUDE_MAX_BUDGET_USD", "CLAUDE_DEADLINE_SECONDS"] {
            let is_number = variable(target, limit).is_none_or(|text| text.parse::<f64>().is_ok());
            all.extend(must(is_number, "/env", format!("{limit} is no number")));
        }
    }
    all
}

fn prompt_where_asked(target: &Target<'_>) -> Vec<Finding> {
    if !is_headless(target) {
        return Vec::new();
    }
    let asked = variable(target, "CLAUDE_PROMPT_FILE").unwrap_or_default();
    let mut all = must(
        asked == "/run/prompt/prompt",
        "/env",
        format!("CLAUDE_PROMPT_FILE is '{asked}'"),
    );
    let Some(volume) = volume_at(target, "/run/prompt").map(|volume| &volume["configMap"]) else {
        return all;
    };
    let item = &volume["items"][0];
    let holds = item["path"] == "prompt" && item["key"].is_string();
    all.extend(must(holds, "/volumeMounts", "the prompt is no file of that name"));
    let mut made = target.whole.of_kind("ConfigMap");
    let is_made = made.next().is_none_or(|map| {
        let has_key = item["key"].as_str().is_some_and(|key| map["data"][key].is_string());
        map["metadata"]["name"] == volume["name"] && has_key
    });
    all.extend(must(
        is_made,
        "/volumeMounts",
        "the prompt that the release makes is not the one that is asked",
    ));
    all
}
