//! A headless run is done once, its outcome is kept and has a reason, and what does not end by itself is ended.

use std::path::Path;
use std::process::Command;

use catalogue::Architecture;
use rstest::rstest;
use serde_json::Value;
use testcontainers::{ContainerAsync, GenericImage};
use verify::docker;

use crate::condition::becomes;
use crate::world::{Box, Ended, Model, exec, home};

const PROMPT: &str = "What is 40 + 2?";
/// `printf %s "$PROMPT" | sha256sum`
const PROMPT_SHA256: &str = "8594d74061229f68935e693265ba62fa07f4544c9d4e31830126e13d35d8c37a";

fn named(model: &Model, home: &Path, id: &str) -> Box {
    Box::new(Architecture::Amd64)
        .headless(PROMPT, model)
        .home(home)
        .set("CLAUDE_RUN_ID", id)
}

fn kept(home: &Path, id: &str, file: &str) -> Value {
    let path = home.join("runs").join(id).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("it is JSON")
}

/// The one JSON line on standard error.
fn told(ended: &Ended) -> Value {
    let lines: Vec<Value> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    lines.into_iter().next().unwrap_or_default()
}

#[tokio::test]
async fn a_finished_run_is_kept_and_told_again() {
    let (model, home) = (Model::start("probe-headless.toml").await, home());
    let first = named(&model, home.path(), "one").run().await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(
        kept(home.path(), "one", "result.json"),
        first.stdout.parse::<Value>().expect("JSON")
    );
    let outcome = kept(home.path(), "one", "outcome.json");
    for (key, value) in [
        ("id", Value::from("one")),
        ("reason", "done".into()),
        ("exit_code", 0.into()),
        ("final", true.into()),
        ("turns", 2.into()),
        ("prompt_sha256", PROMPT_SHA256.into()),
    ] {
        assert_eq!(outcome[key], value, "{key} in {outcome}");
    }
    assert!(outcome["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{outcome}");
    assert!(
        outcome["session_id"].as_str().is_some_and(|id| id.len() == 36),
        "{outcome}"
    );
    assert!(
        outcome["started_unix_ms"].as_u64() < outcome["ended_unix_ms"].as_u64(),
        "{outcome}"
    );

    let lines = transcript(home.path(), &outcome);
    assert!(
        lines.iter().any(|line| line.to_string().contains("box-42")),
        "{lines:?}"
    );

    let asked = model.requests().len();
    let second = named(&model, home.path(), "one").run().await;
    assert_eq!((second.code, &second.stdout), (0, &first.stdout), "{}", second.stderr);
    assert!(
        second
            .stderr
            .contains("the run one is finished (done), and is not run again"),
        "{}",
        second.stderr
    );
    let text = named(&model, home.path(), "one")
        .set("CLAUDE_OUTPUT_FORMAT", "text")
        .run()
        .await;
    assert_eq!(text.stdout, "The box says box-42.\n", "{}", text.stderr);
    assert_eq!(model.requests().len(), asked, "the model was not asked again");

    // The other side: under another name it is.
    let other = named(&model, home.path(), "two").run().await;
    assert_eq!(other.code, 0, "{}", other.stderr);
    assert!(model.requests().len() > asked, "the model was asked again");
}

#[tokio::test]
async fn a_run_that_failed_for_good_is_kept_as_well() {
    let (model, home) = (Model::start("probe-headless.toml").await, home());
    let run = || named(&model, home.path(), "short").set("CLAUDE_MAX_TURNS", "1").run();
    let first = run().await;
    assert_eq!(
        (first.code, told(&first)["reason"].as_str()),
        (1, Some("budget")),
        "{}",
        first.stderr
    );
    let asked = model.requests().len();
    let second = run().await;
    assert_eq!((second.code, second.stdout), (1, first.stdout), "{}", second.stderr);
    assert_eq!(model.requests().len(), asked, "the model was not asked again");
}

/// Docker restarts a container under its old host name; somebody who asks the same question tomorrow starts a new one.
#[tokio::test]
async fn without_a_name_a_restart_is_no_new_run_and_a_new_box_is() {
    let (model, home) = (Model::start("probe-headless.toml").await, home());
    let this = || Box::new(Architecture::Amd64).headless(PROMPT, &model).home(home.path());
    let container = this().start("done; 2 turns").await;
    let asked = model.requests().len();
    let output = Command::new("docker")
        .args(["start", "--attach", container.id()])
        .output()
        .expect("docker starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("is finished (done), and is not run again"), "{stderr}");
    assert_eq!(model.requests().len(), asked, "the model was not asked again");

    assert_eq!(this().run().await.code, 0);
    assert!(model.requests().len() > asked, "the model was asked again");
}

#[tokio::test]
async fn a_run_that_was_killed_half_way_is_run_again_and_says_so() {
    let (model, home) = (Model::start("hang.toml").await, home());
    let container = named(&model, home.path(), "killed")
        .set("CLAUDE_OUTPUT_FORMAT", "stream-json")
        .start("\"subtype\":\"init\"")
        .await;

    // As long as it is under way, nobody else does it.
    let other = named(&model, home.path(), "killed").run().await;
    assert_eq!(other.code, 75, "{}", other.stderr);
    assert!(
        other.stderr.contains("the run killed is under way in another box"),
        "{}",
        other.stderr
    );

    docker::docker(["kill", "--signal=KILL", container.id()]).expect("Docker kills the box");
    docker::docker(["wait", container.id()]).expect("the box ends");
    let model = Model::start("probe-headless.toml").await;
    let again = named(&model, home.path(), "killed").run().await;
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(
        again
            .stderr
            .contains("the run killed was begun before and did not finish; it is run again from the beginning"),
        "{}",
        again.stderr
    );
    assert_eq!(kept(home.path(), "killed", "outcome.json")["reason"], "done");
}

#[tokio::test]
async fn a_name_is_for_one_prompt() {
    let (model, home) = (Model::start("probe-headless.toml").await, home());
    assert_eq!(named(&model, home.path(), "one").run().await.code, 0);
    let other = named(&model, home.path(), "one")
        .set("CLAUDE_PROMPT", "Another.")
        .run()
        .await;
    assert_eq!(other.code, 64, "{}", other.stderr);
    insta::assert_snapshot!(other.stderr);
}

/// What ends a run, and how: the script of the model, the setting, the exit code, the reason, and whether it may be run again.
#[rstest]
#[case::deadline("hang.toml", ("CLAUDE_DEADLINE_SECONDS", "5"), 124, "timeout", true)]
#[case::silence("hang.toml", ("CLAUDE_SILENCE_SECONDS", "5"), 124, "timeout", true)]
// Claude itself would go on trying for hours.
#[case::refused_for_ever("error-401.toml", ("CLAUDE_CODE_MAX_RETRIES", "1000"), 77, "auth", false)]
#[case::budget("probe-headless.toml", ("CLAUDE_MAX_BUDGET_USD", "0.001"), 1, "budget", true)]
#[case::turns("probe-headless.toml", ("CLAUDE_MAX_TURNS", "1"), 1, "budget", true)]
#[case::refused_request("error-400.toml", ("CLAUDE_CODE_MAX_RETRIES", "0"), 65, "api", false)]
#[case::overloaded("error-529.toml", ("CLAUDE_CODE_MAX_RETRIES", "0"), 75, "api", false)]
#[tokio::test]
async fn a_run_ends_with_a_reason(
    #[case] script: &str,
    #[case] (name, value): (&str, &str),
    #[case] code: i64,
    #[case] reason: &str,
    #[case] is_final: bool,
) {
    let (model, home) = (Model::start(script).await, home());
    let ended = named(&model, home.path(), "one").set(name, value).run().await;
    assert_eq!(ended.code, code, "{}\n{}", ended.stdout, ended.stderr);
    let told = told(&ended);
    assert_eq!(told["reason"], reason, "{told}");
    assert_eq!(told["final"], is_final, "{told}");
    assert_eq!(kept(home.path(), "one", "outcome.json"), told);
    assert!(!model.requests().is_empty(), "the model was asked");
}

/// A turn is paid for, and then the model is silent, or a tool goes on for ever.
const SILENT: &str = r#"
version = 1
[[reply]]
when = { turn = 0 }
tools = [{ name = "Bash", input = { description = "begin", command = "echo begun-$((40+2))" } }]
[[reply]]
fault = { hang-after-events = 0 }
"#;
const ENDLESS_TOOL: &str = r#"
version = 1
[[reply]]
when = { turn = 0 }
tools = [{ name = "Bash", input = { description = "begin", command = "echo begun-$((40+2))" } }]
[[reply]]
tools = [{ name = "Bash", input = { description = "go on", command = "touch /home/claude/goes-on; tail -f /dev/null" } }]
"#;

/// A run in the middle of its second turn.
async fn in_its_second_turn(model: &Model, home: &Path, grace: &str) -> ContainerAsync<GenericImage> {
    named(model, home, "one")
        .set("CLAUDE_OUTPUT_FORMAT", "stream-json")
        .set("CLAUDE_GRACE_SECONDS", grace)
        .start("begun-42")
        .await
}

/// The lines of the transcript that the outcome names, each of which has to be whole.
fn transcript(home: &Path, outcome: &Value) -> Vec<Value> {
    let path = outcome["transcript"]
        .as_str()
        .unwrap_or_else(|| panic!("no transcript: {outcome}"));
    let path = path.replace("/home/claude", &home.display().to_string());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(text.ends_with('\n'), "the last line is cut: {text}");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// Claude is interrupted, and says what it cost up to there; the grace, which is long, has no part in it.
#[rstest]
#[case::the_model_is_silent(SILENT, false)]
#[case::a_tool_goes_on(ENDLESS_TOOL, true)]
#[tokio::test]
async fn a_run_that_somebody_ends_is_cancelled_and_its_cost_is_kept(#[case] script: &str, #[case] is_in_a_tool: bool) {
    let (model, home) = (Model::with(script).await, home());
    let container = in_its_second_turn(&model, home.path(), "3600").await;
    becomes("the second turn", || model.requests().len() > 1);
    if is_in_a_tool {
        becomes("the tool", || home.path().join("goes-on").exists());
    }
    container
        .stop_with_timeout(Some(120))
        .await
        .expect("Docker stops the box");
    let ended = crate::world::ended(&container).await;
    let outcome = kept(home.path(), "one", "outcome.json");
    assert_eq!(ended.code, 143, "{}", ended.stderr);
    for (key, value) in [
        ("reason", Value::from("cancelled")),
        ("exit_code", 143.into()),
        ("final", false.into()),
    ] {
        assert_eq!(outcome[key], value, "{key} in {outcome}");
    }
    assert!(outcome["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{outcome}");
    assert_eq!(
        kept(home.path(), "one", "result.json")["session_id"],
        outcome["session_id"]
    );
    let lines = transcript(home.path(), &outcome);
    for words in [PROMPT, "begun-42"] {
        assert!(
            lines.iter().any(|line| line.to_string().contains(words)),
            "{words}: {lines:?}"
        );
    }
}

/// A Claude that hears nothing is killed when the grace is over, long before Docker would do it.
#[tokio::test]
async fn a_claude_that_does_not_end_is_cut_at_the_end_of_the_grace() {
    let (model, home) = (Model::with(SILENT).await, home());
    let container = in_its_second_turn(&model, home.path(), "2").await;
    becomes("the second turn", || model.requests().len() > 1);
    let (code, said) = exec(&container, &["pkill", "-STOP", "-x", "claude"]).await;
    assert_eq!(code, 0, "{said}");
    container
        .stop_with_timeout(Some(600))
        .await
        .expect("Docker stops the box");
    let ended = crate::world::ended(&container).await;
    assert_eq!(ended.code, 143, "{}", ended.stderr);
    let outcome = kept(home.path(), "one", "outcome.json");
    assert_eq!(outcome["reason"], "cancelled", "{outcome}");
    assert_eq!(outcome["cost_usd"], Value::Null, "it said nothing: {outcome}");
    assert!(!transcript(home.path(), &outcome).is_empty());
}

/// Nobody asked for this end.
#[tokio::test]
async fn a_claude_that_is_killed_has_crashed() {
    let (model, home) = (Model::with(SILENT).await, home());
    let container = in_its_second_turn(&model, home.path(), "8").await;
    becomes("the second turn", || model.requests().len() > 1);
    let (code, said) = exec(&container, &["pkill", "-KILL", "-x", "claude"]).await;
    assert_eq!(code, 0, "{said}");
    docker::docker(["wait", container.id()]).expect("the box ends");
    let ended = crate::world::ended(&container).await;
    assert_eq!(ended.code, 137, "{}", ended.stderr);
    let told = told_last(&ended);
    assert_eq!(
        (&told["reason"], &told["final"]),
        (&"crash".into(), &false.into()),
        "{told}"
    );
    assert_eq!(kept(home.path(), "one", "outcome.json"), told);
    assert!(!transcript(home.path(), &told).is_empty());
}

/// The real one stays as long as a command that it put into the background, for ever in this case, although nothing is left to be done.
#[tokio::test]
async fn a_result_without_an_exit_is_a_result() {
    const STAYS: &str = r#"
version = 1
[[reply]]
when = { turn = 0 }
tools = [{ name = "Bash", input = { description = "stay", command = "tail -f /dev/null", run_in_background = true } }]
[[reply]]
text = "Nothing is left to be done."
"#;
    let (model, home) = (Model::with(STAYS).await, home());
    let ended = named(&model, home.path(), "one").run().await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Nothing is left to be done."), "{}", ended.stdout);
    let outcome = kept(home.path(), "one", "outcome.json");
    assert_eq!(
        (&outcome["reason"], &outcome["final"]),
        (&"done".into(), &true.into()),
        "{outcome}"
    );
}

/// The outcome, of a box that also tells Claude's messages.
fn told_last(ended: &Ended) -> Value {
    let line = ended
        .stderr
        .lines()
        .rfind(|line| line.starts_with('{'))
        .expect("an outcome is told");
    serde_json::from_str(line).expect("it is JSON")
}
