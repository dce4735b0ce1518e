//! Boxes that live on, on Docker: made, looked at, rolled over and taken down by the command, as a person would.

use std::process::{Command, Output};

use serde_json::Value;
use verify::docker::{self, docker};

use crate::leftovers;
use crate::world::{Model, root};

/// A box of this test's own, in a cache of its own, gone with its volume when dropped.
struct Boxed {
    name: String,
    cache: tempfile::TempDir,
}

impl Boxed {
    fn new(purpose: &str) -> Self {
        Self {
            name: leftovers::name_on_docker(purpose),
            cache: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    fn cbox(&self, words: &[&str]) -> Output {
        let mut command = Command::new(root().join("cbox"));
        command.arg(words[0]).args(["--name", &self.name]).args(&words[1..]);
        command.env("XDG_RUNTIME_DIR", self.cache.path());
        for variable in ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
            command.env_remove(variable);
        }
        command.output().expect("./cbox starts")
    }

    /// Runs a verb that must succeed; returns what it printed.
    fn must(&self, words: &[&str]) -> String {
        let output = self.cbox(words);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{words:?}: {}\n{stdout}\n{stderr}",
            output.status
        );
        stdout
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.cbox(&["status", "--json"]).stdout).expect("status prints JSON")
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        // A test that went well has taken it down already, and the command says so.
        let _ = self.cbox(&["down", "--volume"]);
    }
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

/// The volume outlives the container, and only `--volume` takes it away.
#[test]
pub(crate) fn a_box_keeps_its_volume_until_it_is_to_go() {
    let boxed = Boxed::new("shell");
    boxed.must(&["up", "--mode", "shell"]);
    let first = boxed.status();
    assert_eq!(first["is_up"], true, "{first}");
    assert_eq!(first["mode"], "shell");
    let attached = boxed.cbox(&["attach"]);
    assert_eq!(attached.status.code(), Some(64));
    assert_eq!(
        last_line(&attached),
        "cbox: attach joins a terminal with a terminal, and standard input is none: ./cbox logs shows what the box said"
    );
    boxed.must(&["exec", "--", "bash", "-c", "echo kept >$HOME/mark"]);

    boxed.must(&["redeploy"]);
    assert_eq!(boxed.must(&["exec", "--", "cat", "/home/claude/mark"]), "kept\n");

    boxed.must(&["down"]);
    assert_eq!(boxed.cbox(&["status"]).status.code(), Some(66));
    boxed.must(&["up", "--mode", "shell"]);
    assert_eq!(boxed.must(&["exec", "--", "cat", "/home/claude/mark"]), "kept\n");

    boxed.must(&["down", "--volume"]);
    let volumes = docker(["volume", "ls", "--quiet"]).expect("Docker lists volumes");
    assert!(!volumes.contains(&boxed.name), "{volumes}");
}

/// What the box may do on Docker is what it may do everywhere.
#[test]
fn a_box_that_lives_on_is_as_hardened_as_any() {
    let boxed = Boxed::new("hard");
    boxed.must(&["up", "--mode", "shell"]);
    let found = docker(["container", "inspect", &format!("cbox-{}", boxed.name)]).expect("the container is there");
    let found: Value = serde_json::from_str(&found).expect("Docker prints JSON");
    let host = &found[0]["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]));
    assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
    assert_eq!(host["SecurityOpt"], serde_json::json!(["no-new-privileges"]));
    // The probe of Docker's own finds what ours found.
    assert!(
        found[0]["Config"]["Healthcheck"]["Test"]
            .to_string()
            .contains("box-init health")
    );
}

/// A prompt is answered once, whatever Docker or a person does to the container afterwards.
#[tokio::test]
pub(crate) async fn a_headless_box_answers_once() {
    let model = Model::start("probe-headless.toml").await;
    let boxed = Boxed::new("ask");
    let credentials = model.credentials();
    let gateway = format!("http://{}:8080", model.host());
    let words = [
        "up",
        "--mode=headless",
        "--prompt=Which client?",
        &format!("--network={}", model.network()),
        &format!("--gateway={gateway}"),
        &format!("--credentials={}", credentials.display()),
    ];
    boxed.must(&words);
    let name = format!("cbox-{}", boxed.name);
    docker(["wait", &name]).expect("the box ends");
    let asked = model.requests().len();
    let said = boxed.must(&["logs"]);
    assert!(said.contains("box-42"), "{said}");
    assert_eq!(boxed.status()["is_up"], true);

    docker(["start", &name]).expect("the box starts again");
    assert_eq!(docker(["wait", &name]).expect("the box ends"), "0");
    assert_eq!(model.requests().len(), asked, "the prompt was not asked again");
}

/// Wrong wishes end with one sentence, before anything is touched.
#[rstest::rstest]
#[case::headless_without_prompt(&["up", "--mode=headless"], 64)]
#[case::prompt_without_headless(&["up", "--prompt=x"], 64)]
#[case::operate_on_docker(&["up", "--operate-in=shop"], 64)]
#[case::context_without_image(&["up", "--context=nowhere"], 64)]
#[case::no_credential(&["up"], 66)]
#[case::no_such_box(&["status"], 66)]
#[case::values_that_are_not_there(&["up", "--mode=shell", "--values=/no/such/file"], 66)]
fn wrong_wishes_are_said(#[case] words: &[&str], #[case] code: i32) {
    let boxed = Boxed {
        name: "t-wrong".to_owned(),
        cache: tempfile::tempdir().expect("a temporary directory"),
    };
    let output = boxed.cbox(words);
    assert_eq!(output.status.code(), Some(code), "{}", last_line(&output));
    // Which other boxes there are is not this test's matter.
    let sentence = last_line(&output);
    let sentence = match (sentence.split_once(", only "), sentence.rsplit_once(": ./cbox up")) {
        (Some((start, _)), Some((_, end))) => format!("{start}: ./cbox up{end}"),
        _ => sentence,
    };
    insta::assert_snapshot!(words.join(" "), sentence);
    let containers = docker::docker(["ps", "--all", "--format={{.Names}}"]).expect("Docker lists containers");
    assert!(!containers.lines().any(|name| name == "cbox-t-wrong"));
}
