//! What the values wish for is what is there: isolation that was asked for and is left out, a limit that is not passed on, or
//! another image than the one that was named is a mistake that no linter can see.

use serde_json::{Map, Value};

use crate::container::CREDENTIALS;
use crate::posture::rule::{Finding, Rule, items, must, shown};
use crate::posture::target::{Kind, Origin, Target};

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "pod-as-wished",
        of: Kind::Pod,
        holds: "isolation, place, priority, pull secrets and the pod's labels are those of the values",
        judge: |target| {
            let mut all = each(
                target,
                &[
                    ("/runtimeClassName", "/spec/runtimeClassName"),
                    ("/priorityClassName", "/spec/priorityClassName"),
                    ("/nodeSelector", "/spec/nodeSelector"),
                    ("/tolerations", "/spec/tolerations"),
                    ("/affinity", "/spec/affinity"),
                    ("/imagePullSecrets", "/spec/imagePullSecrets"),
                    ("/terminationGracePeriodSeconds", "/spec/terminationGracePeriodSeconds"),
                ],
            );
            all.extend(holds_each(target, "/podLabels", "/metadata/labels"));
            all.extend(holds_each(target, "/podAnnotations", "/metadata/annotations"));
            all.extend(volumes(target));
            all
        },
    },
    Rule {
        name: "box-as-wished",
        of: Kind::Container,
        holds: "image, resources, variables and mounts are those of the values",
        judge: |target| {
            let mut all = each(
                target,
                &[("/resources", "/resources"), ("/image/pullPolicy", "/imagePullPolicy")],
            );
            let image = wish(target, "/image");
            let word = |key: &str| image[key].as_str().unwrap_or_default();
            let expected = match word("digest") {
                "" => format!("{}:{}", word("repository"), word("tag")),
                digest => format!("{}@{digest}", word("repository")),
            };
            all.extend(must(
                *target.at("/image") == expected,
                "/image",
                format!("image is not {expected}"),
            ));
            all.extend(variables(target));
            for (list, at) in [("/extraEnv", "/env"), ("/extraVolumeMounts", "/volumeMounts")] {
                all.extend(holds_all(target, list, at));
            }
            all
        },
    },
    Rule {
        name: "schedule-as-wished",
        of: Kind::CronJob,
        holds: "the schedule is the values'",
        judge: |target| {
            let fields = [
                "schedule",
                "timeZone",
                "concurrencyPolicy",
                "startingDeadlineSeconds",
                "successfulJobsHistoryLimit",
                "failedJobsHistoryLimit",
            ];
            let fields: Vec<(String, String)> = fields
                .iter()
                .map(|field| (format!("/headless/{field}"), format!("/spec/{field}")))
                .collect();
            let fields: Vec<(&str, &str)> = fields.iter().map(|(wish, at)| (wish.as_str(), at.as_str())).collect();
            let mut all = each(target, &fields);
            let suspend = wish(target, "/headless/suspend");
            all.extend(must(
                target.at("/spec/suspend") == suspend,
                "/spec/suspend",
                "suspend is not the values'",
            ));
            all
        },
    },
    Rule {
        name: "run-as-wished",
        of: Kind::Job,
        holds: "retries, and how long a finished run stays, are the values'",
        judge: |target| {
            let mut all = each(target, &[("/headless/backoffLimit", "/backoffLimit")]);
            if target.name.starts_with("Job/") {
                all.extend(each(
                    target,
                    &[("/headless/ttlSecondsAfterFinished", "/ttlSecondsAfterFinished")],
                ));
            }
            all
        },
    },
    Rule {
        name: "claim-as-wished",
        of: Kind::Claim,
        holds: "the claim's size, class and modes are the values'",
        judge: |target| {
            let mut all = each(
                target,
                &[
                    ("/persistence/size", "/spec/resources/requests/storage"),
                    ("/persistence/accessModes", "/spec/accessModes"),
                ],
            );
            let class = wish(target, "/persistence/storageClass").as_str().unwrap_or_default();
            let expected = match class {
                "" => Value::Null,
                "-" => Value::from(""),
                class => Value::from(class),
            };
            let at = "/spec/storageClassName";
            all.extend(must(
                *target.at(at) == expected,
                at,
                format!("storageClassName is {}", shown(target.at(at))),
            ));
            all
        },
    },
    Rule {
        name: "account-as-wished",
        of: Kind::Account,
        holds: "the account's annotations, by which clouds know it, are the values'",
        judge: |target| holds_each(target, "/serviceAccount/annotations", "/metadata/annotations"),
    },
];

/// What the values say.
fn wish<'whole>(target: &Target<'whole>, pointer: &str) -> &'whole Value {
    static NOTHING: Value = Value::Null;
    match &target.whole.origin {
        Origin::Release { values, .. } => values.pointer(pointer).unwrap_or(&NOTHING),
        Origin::Compose | Origin::Image => &NOTHING,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Values with the places that they go to.
fn each(target: &Target<'_>, pairs: &[(&str, &str)]) -> Vec<Finding> {
    let findings = pairs.iter().flat_map(|(wished, at)| {
        let (wished, value) = (wish(target, wished), target.at(at));
        let holds = if is_nothing(wished) {
            value.is_null()
        } else {
            value == wished
        };
        must(
            holds,
            at,
            format!("{} is {}, and the values say {}", &at[1..], shown(value), shown(wished)),
        )
    });
    findings.collect()
}

/// Entries of a map that are to be among others.
fn holds_each(target: &Target<'_>, wished: &str, at: &str) -> Vec<Finding> {
    let empty = Map::new();
    let found = target.at(at).as_object().unwrap_or(&empty);
    let wished = wish(target, wished).as_object().unwrap_or(&empty);
    let missing = wished.iter().find(|(key, value)| found.get(*key) != Some(value));
    must(missing.is_none(), at, format!("{missing:?} of the values is not there"))
}

/// Elements of a list that are to be among others.
fn holds_all(target: &Target<'_>, wished: &str, at: &str) -> Vec<Finding> {
    let found = items(target, at);
    let mut wished = wish(target, wished).as_array().into_iter().flatten();
    let missing = wished.find(|wished| !found.iter().any(|(_, item)| item == wished));
    must(
        missing.is_none(),
        at,
        format!(
            "{} of the values is not there",
            missing.map_or(String::new(), Value::to_string)
        ),
    )
}

/// Variables that say a value of the chart.
fn variables(target: &Target<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let is_headless = wish(target, "/mode") == "headless";
    for (name, wished, is_of_run) in [
        ("CLAUDE_MODE", "/mode", false),
        ("CLAUDE_MODEL", "/model", false),
        ("ANTHROPIC_BASE_URL", "/gateway/baseUrl", false),
        ("CLAUDE_MAX_TURNS", "/headless/maxTurns", true),
        ("CLAUDE_MAX_BUDGET_USD", "/headless/maxBudgetUsd", true),
        ("CLAUDE_DEADLINE_SECONDS", "/headless/deadlineSeconds", true),
        ("CLAUDE_OUTPUT_FORMAT", "/headless/outputFormat", true),
    ] {
        let wished = match wish(target, wished) {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.as_f64() != Some(0.0) => number.to_string(),
            _ => String::new(),
        };
        let wished = if is_of_run && !is_headless {
            String::new()
        } else {
            wished
        };
        let variables = items(target, "/env");
        let told = variables.iter().find(|(_, variable)| variable["name"] == name);
        let told = told
            .and_then(|(_, variable)| variable["value"].as_str())
            .unwrap_or_default();
        let is_extra = wish(target, "/extraEnv")
            .as_array()
            .into_iter()
            .flatten()
            .any(|variable| variable["name"] == name);
        all.extend(must(
            is_extra || told == wished,
            "/env",
            format!("{name} is '{told}', and the values say '{wished}'"),
        ));
    }
    all
}

/// The Secret, claim and ConfigMap of the values' own.
fn volumes(target: &Target<'_>) -> Vec<Finding> {
    let mut all = holds_all(target, "/extraVolumes", "/spec/volumes");
    let mounts = items(target, "/spec/containers/0/volumeMounts");
    let volumes = items(target, "/spec/volumes");
    for (wished, path, source) in [
        ("/credentials/existingSecret", CREDENTIALS, "/secret/secretName"),
        (
            "/persistence/existingClaim",
            "/home/claude",
            "/persistentVolumeClaim/claimName",
        ),
        ("/headless/promptConfigMap/name", "/run/prompt", "/configMap/name"),
    ] {
        let wished = wish(target, wished);
        if is_nothing(wished) {
            continue;
        }
        let mount = mounts.iter().find(|(_, mount)| mount["mountPath"] == path);
        let volume = mount.and_then(|(_, mount)| volumes.iter().find(|(_, volume)| volume["name"] == mount["name"]));
        let holds = volume.is_some_and(|(_, volume)| volume.pointer(source) == Some(wished));
        all.extend(must(
            holds,
            "/spec/volumes",
            format!("{wished} of the values is not mounted at {path}"),
        ));
    }
    let key = wish(target, "/headless/promptConfigMap/key");
    let prompt = volumes.iter().find(|(_, volume)| volume["name"] == "prompt");
    if !is_nothing(wish(target, "/headless/promptConfigMap/name")) {
        let holds = prompt.is_some_and(|(_, volume)| volume.pointer("/configMap/items/0/key") == Some(key));
        all.extend(must(
            holds,
            "/spec/volumes",
            format!("the prompt is not the key {key} of the values"),
        ));
    }
    all
}
