//! What makes pods: StatefulSets, Jobs and CronJobs.

use serde_json::{Map, Value};

use crate::posture::rule::{Finding, Rule, found, items, must, must_be};
use crate::posture::target::{Kind, Target};

/// Exit codes with which nothing was answered, so that a run may be tried again: the API is not reached, or overloaded.
const AGAIN: [i64; 2] = [69, 75];

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "one-replica",
        of: Kind::StatefulSet,
        holds: "there is one replica: two boxes never share a volume's sessions",
        judge: |target| must_be(target, "/spec/replicas", 1),
    },
    Rule {
        name: "broken-pod-replaced",
        of: Kind::StatefulSet,
        holds: "podManagementPolicy is Parallel, so that an upgrade mends a pod that was never ready",
        judge: |target| must_be(target, "/spec/podManagementPolicy", "Parallel"),
    },
    Rule {
        name: "selects-own-pods",
        of: Kind::StatefulSet,
        holds: "the StatefulSet selects the pods that it makes",
        judge: |target| {
            let at = "/spec/selector/matchLabels";
            let selects = selects(target.at(at), &labels(target.value));
            must(selects, at, "the selector is not of the template's labels")
        },
    },
    Rule {
        name: "named-by-service",
        of: Kind::StatefulSet,
        holds: "serviceName names a Service of the release",
        judge: |target| {
            let name = target.at("/spec/serviceName");
            let is_there = target
                .whole
                .of_kind("Service")
                .any(|service| service["metadata"]["name"] == *name);
            must(is_there, "/spec/serviceName", format!("there is no Service {name}"))
        },
    },
    Rule {
        name: "run-ends",
        of: Kind::Job,
        holds: "activeDeadlineSeconds is above the box's own deadline, by an hour at most, so that the box ends first and says why",
        judge: |target| {
            let limit = target.at("/activeDeadlineSeconds").as_i64();
            let own = deadline(target);
            let holds = limit
                .zip(own)
                .is_some_and(|(limit, own)| limit > own && limit <= own + 3600);
            let text = format!("activeDeadlineSeconds is {limit:?}, CLAUDE_DEADLINE_SECONDS is {own:?}");
            must(holds, "/activeDeadlineSeconds", text)
        },
    },
    Rule {
        name: "paid-once",
        of: Kind::Job,
        holds: "only what was not answered (exit codes 69 and 75) is tried again: anything else would be paid for twice",
        judge: paid_once,
    },
    Rule {
        name: "retries-end",
        of: Kind::Job,
        holds: "backoffLimit is set, and to no more than 6, which is Kubernetes' own default",
        judge: |target| {
            let limit = target.at("/backoffLimit").as_i64();
            must(
                limit.is_some_and(|limit| (0..=6).contains(&limit)),
                "/backoffLimit",
                format!("backoffLimit is {limit:?}"),
            )
        },
    },
    Rule {
        name: "finished-runs-go",
        of: Kind::Job,
        holds: "a finished Job goes by itself: after its time, or because its CronJob keeps only so many",
        judge: |target| {
            let is_scheduled = target.name.starts_with("CronJob/");
            let at = "/ttlSecondsAfterFinished";
            must(
                is_scheduled || target.at(at).is_i64() || target.at(at).is_u64(),
                at,
                "ttlSecondsAfterFinished is not set",
            )
        },
    },
    Rule {
        name: "schedule-whole",
        of: Kind::CronJob,
        holds: "a schedule says when, what becomes of runs that meet, how late is too late, and how many finished ones stay",
        judge: schedule_whole,
    },
];

/// Does a selector name the box, by both of its labels?
pub(super) fn selects(selector: &Value, labels: &Map<String, Value>) -> bool {
    let wanted = ["app.kubernetes.io/name", "app.kubernetes.io/instance"];
    let Some(selector) = selector.as_object() else {
        return false;
    };
    wanted.iter().all(|key| selector.contains_key(*key))
        && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The template of the pods that an object makes.
pub(super) fn template(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "StatefulSet" | "Job" => object.pointer("/spec/template"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// The labels of the pods that an object makes.
pub(super) fn labels(object: &Value) -> Map<String, Value> {
    template(object).map(labels_of_template).unwrap_or_default()
}

/// The labels of a template.
pub(super) fn labels_of_template(template: &Value) -> Map<String, Value> {
    template["metadata"]["labels"].as_object().cloned().unwrap_or_default()
}

fn deadline(target: &Target<'_>) -> Option<i64> {
    let variables = items(target, "/template/spec/containers/0/env").into_iter();
    let mut values = variables.filter(|(_, variable)| variable["name"] == "CLAUDE_DEADLINE_SECONDS");
    values.next()?.1["value"].as_str()?.parse().ok()
}

fn paid_once(target: &Target<'_>) -> Vec<Finding> {
    let rules = items(target, "/podFailurePolicy/rules");
    let ends = rules.iter().find(|(_, rule)| rule["action"] == "FailJob");
    let Some((at, rule)) = ends else {
        return vec![found("/podFailurePolicy", "no rule ends the Job when a run has ended")];
    };
    let codes = &rule["onExitCodes"];
    let holds = codes["operator"] == "NotIn" && codes["values"] == serde_json::json!(AGAIN);
    let name = &target.at("/template/spec/containers/0/name");
    let mut all = must(holds, at, "the codes that end the Job are not all but 69 and 75");
    all.extend(must(
        codes["containerName"] == **name,
        at,
        format!("the codes are not those of container {name}"),
    ));
    let is_ignored = rules.iter().any(|(_, rule)| {
        rule["action"] == "Ignore"
            && rule["onPodConditions"] == serde_json::json!([{ "type": "DisruptionTarget", "status": "True" }])
    });
    all.extend(must(
        is_ignored,
        "/podFailurePolicy/rules",
        "a drained node counts as a run that failed",
    ));
    all
}

fn schedule_whole(target: &Target<'_>) -> Vec<Finding> {
    let schedule = target.at("/spec/schedule").as_str().unwrap_or_default();
    let is_cron = schedule.split(' ').count() == 5 && schedule.chars().all(|letter| "0123456789*/,- ".contains(letter));
    let mut all = must(is_cron, "/spec/schedule", format!("schedule is '{schedule}'"));
    let policy = target.at("/spec/concurrencyPolicy").as_str().unwrap_or_default();
    let is_known = ["Allow", "Forbid", "Replace"].contains(&policy);
    all.extend(must(
        is_known,
        "/spec/concurrencyPolicy",
        format!("concurrencyPolicy is '{policy}'"),
    ));
    for (field, least, most) in [
        // The controller looks every ten seconds: less is never.
        ("startingDeadlineSeconds", 10, 86_400),
        ("successfulJobsHistoryLimit", 0, 100),
        ("failedJobsHistoryLimit", 0, 100),
    ] {
        let at = format!("/spec/{field}");
        let number = target.at(&at).as_i64();
        let holds = number.is_some_and(|number| (least..=most).contains(&number));
        all.extend(must(holds, &at, format!("{field} is {number:?}")));
    }
    all.extend(must(
        target.at("/spec/suspend").is_boolean(),
        "/spec/suspend",
        "suspend is not set",
    ));
    all
}
