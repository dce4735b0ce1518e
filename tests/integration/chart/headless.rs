//! A headless run: asked once, kept, and never asked again by accident.

use rstest::rstest;
use serde_json::{Value, json};

use super::{headless, of_kind, only, pod, profile, release, rendered, variable};

/// The Job's name and the run's.
fn job(more: Value) -> (String, String) {
    let objects = rendered(&release(headless(more)));
    let name = only(&objects, "Job")["metadata"]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    let run = &variable(&objects, "CLAUDE_RUN_ID").expect("the run has a name")["value"];
    (name, run.as_str().expect("a word").to_owned())
}

/// A Job cannot change, so that each change makes another one; but the same question, with the same rights and limits, is
/// the same run, which the box answers from the volume. Whoever raises a limit that a run ended at wants another end.
#[rstest]
#[case::nothing(json!({}), true, true)]
#[case::the_question(json!({"headless": {"prompt": "Say goodbye."}}), false, false)]
#[case::the_model(json!({"model": "another"}), false, false)]
#[case::the_limit(json!({"headless": {"maxTurns": 3}}), false, false)]
#[case::the_budget(json!({"headless": {"maxBudgetUsd": 2.5}}), false, false)]
#[case::deadline(json!({"headless": {"deadlineSeconds": 60}}), false, false)]
#[case::the_gateway(json!({"gateway": {"baseUrl": "https://models.example.com"}}), false, false)]
#[case::the_tier(json!({"tier": "none"}), false, false)]
#[case::where_it_may_repair(json!({"tier": "operator", "access": {"namespaces": ["shop"]}}), false, false)]
#[case::a_limit_of_claudes(json!({"extraEnv": [{"name": "CLAUDE_SILENCE_SECONDS", "value": "60"}]}), false, false)]
#[case::a_variable_of_others(json!({"extraEnv": [{"name": "EDITOR", "value": "nano"}]}), false, true)]
#[case::again(json!({"headless": {"run": "again"}}), false, false)]
#[case::resources(json!({"resources": {"limits": {"memory": "4Gi"}}}), false, true)]
#[case::image(json!({"image": {"tag": "newer"}}), false, true)]
#[case::labels_of_the_account(json!({"serviceAccount": {"annotations": {"a": "b"}}}), true, true)]
fn a_change_makes_another_job(#[case] change: Value, #[case] same_job: bool, #[case] same_run: bool) {
    let (one, other) = (job(json!({})), job(change));
    assert_eq!(
        (one.0 == other.0, one.1 == other.1),
        (same_job, same_run),
        "{one:?} {other:?}"
    );
}

#[test]
fn another_place_to_repair_is_another_run() {
    let run = |namespace: &str| job(json!({"tier": "operator", "access": {"namespaces": [namespace]}})).1;
    assert_eq!(run("shop"), run("shop"));
    assert_ne!(run("shop"), run("warehouse"));
}

#[test]
fn only_what_was_not_answered_is_tried_again() {
    let objects = rendered(&release(profile("headless-job")));
    let spec = &only(&objects, "Job")["spec"];
    assert_eq!(pod(&objects)["spec"]["restartPolicy"], "Never");
    assert_eq!(spec["backoffLimit"], 2);
    assert_eq!(
        spec["podFailurePolicy"]["rules"],
        json!([
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailJob", "onExitCodes": {"containerName": "box", "operator": "NotIn", "values": [69, 75]}},
        ])
    );
    // The box ends itself first, and says that it was the deadline.
    assert_eq!(
        variable(&objects, "CLAUDE_DEADLINE_SECONDS").expect("a deadline")["value"],
        "1800"
    );
    assert_eq!(spec["activeDeadlineSeconds"], 2400);
    assert_eq!(variable(&objects, "CLAUDE_MAX_TURNS").expect("a limit")["value"], "30");
    assert_eq!(
        variable(&objects, "CLAUDE_MAX_BUDGET_USD").expect("a limit")["value"],
        "2"
    );
    assert!(of_kind(&objects, "StatefulSet").is_empty() && of_kind(&objects, "Service").is_empty());
}

#[test]
fn each_job_of_a_schedule_is_a_run() {
    let objects = rendered(&release(profile("cronjob")));
    let spec = &only(&objects, "CronJob")["spec"];
    assert_eq!(spec["schedule"], "0 6 * * 1-5");
    assert_eq!(spec["timeZone"], "Europe/Prague");
    assert_eq!(spec["concurrencyPolicy"], "Forbid");
    assert_eq!(
        variable(&objects, "CLAUDE_RUN_ID").expect("the run has a name")["valueFrom"]["fieldRef"]["fieldPath"],
        "metadata.labels['batch.kubernetes.io/job-name']"
    );
    assert!(
        of_kind(&objects, "ConfigMap").is_empty(),
        "the prompt is somebody else's"
    );
    assert!(
        pod(&objects)["spec"]["volumes"]
            .to_string()
            .contains(r#""key":"prompt.txt""#)
    );
}

/// A prompt is data, whatever stands in it: it adds no key, no object and no template.
#[rstest]
#[case("quotes: \"a\" 'b' \\ and a tab\t")]
#[case("lines\n  - name: X\n    value: \"1\"\n---\nkind: Secret\n")]
#[case("{{ .Values.credentials }} ${HOME} $(id) %s <b>&</b>")]
#[case("# no comment\n\n\n  leading and trailing  \n\n")]
#[case("日本語 \u{1F980} caf\u{e9}\u{a0}")]
fn a_prompt_arrives_as_it_was_written(#[case] prompt: &str) {
    let objects = rendered(&release(headless(json!({"headless": {"prompt": prompt}}))));
    let kinds = |objects: &[Value]| objects.iter().map(|object| object["kind"].clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&objects), kinds(&rendered(&release(headless(json!({}))))));
    let map = only(&objects, "ConfigMap");
    assert_eq!(map["data"], json!({"prompt": prompt}));
    assert_eq!(map["immutable"], true);
    let volumes = &pod(&objects)["spec"]["volumes"];
    let name = map["metadata"]["name"].as_str().expect("a name");
    assert!(volumes.to_string().contains(name), "{volumes}");
}
