//! The commands of the README: each one stands in this list, with where it is run, and the list holds no other.

use std::fs;
use std::process::Command;

use verify::docker::{self, OWNER};

use crate::world::{KEY, Model, root};

/// The commands, and where each is run: a test of this suite, or a step of the gate.
const COMMANDS: [(&str, &str); 14] = [
    ("./cbox demo", "command::demo_shows_claude_at_work"),
    (
        "ANTHROPIC_API_KEY=... ./cbox run \"Which Kubernetes client is in this box?\"",
        "run_asks_with_the_users_own_credential",
    ),
    ("./cbox run \"PROMPT\"", "run_asks_with_the_users_own_credential"),
    ("./cbox build", "build_prints_where_the_image_is"),
    ("./cbox test", "a step of the gate"),
    (
        "./cbox doctor",
        "command::doctor_finds_everything_that_the_gate_installed",
    ),
    ("./cbox lock", "lock_check_agrees"),
    ("./cbox fetch", "fetch_has_nothing_left_to_do"),
    ("./cbox bench", "a step of the gate"),
    ("nix build .#image", "build_prints_where_the_image_is"),
    ("nix run .#load-core", "the_image_runs_as_the_readme_runs_it"),
    ("nix flake check", "a step of the gate"),
    ("cargo test --test integration", "a step of the gate"),
    ("docker run", "the_image_runs_as_the_readme_runs_it"),
];

/// The commands of the README: the lines of its shell blocks, and the first column of its table.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let mut commands = Vec::new();
    let mut block = false;
    for line in readme.replace("\\\n", "").lines() {
        match line.trim() {
            "```sh" => block = true,
            "```" => block = false,
            "" => {}
            command if block => commands.push(command.to_owned()),
            row => commands.extend(
                row.strip_prefix("| `./cbox")
                    .and_then(|rest| rest.split_once("` |"))
                    .map(|(rest, _)| format!("./cbox{rest}")),
            ),
        }
    }
    commands
}

#[test]
fn every_command_of_the_readme_is_run_somewhere() {
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for command in &commands {
        let known = COMMANDS
            .iter()
            .any(|(known, _)| command == known || (*known == "docker run" && command.starts_with(known)));
        assert!(
            known,
            "the README's `{command}` is run nowhere: add it to COMMANDS, with a test"
        );
    }
}

fn cbox(arguments: &[&str]) -> (String, String) {
    let output = Command::new(root().join("cbox"))
        .args(arguments)
        .output()
        .expect("./cbox starts");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn build_prints_where_the_image_is() {
    let (stdout, _) = cbox(&["build"]);
    let layout = stdout.trim();
    assert!(fs::metadata(format!("{layout}/index.json")).is_ok(), "{layout}");
    let nix = Command::new("nix")
        .args([
            "--extra-experimental-features",
            "nix-command flakes",
            "build",
            "--no-link",
            "--json",
        ])
        .arg(format!("{}#image", root().display()))
        .output()
        .expect("nix starts");
    assert!(String::from_utf8_lossy(&nix.stdout).contains(layout));
}

#[test]
fn lock_check_agrees() {
    let (stdout, _) = cbox(&["lock", "--check"]);
    assert_eq!(stdout, "image/lock/ is what tools.toml and scripts.toml ask for\n");
}

#[test]
fn fetch_has_nothing_left_to_do() {
    let (stdout, _) = cbox(&["fetch"]);
    assert_eq!(
        stdout,
        "everything that a build takes from outside is in the Nix store\n"
    );
}

/// `./cbox run` joins Docker's default network, where people's own gateways are; so does this model.
#[test]
fn run_asks_with_the_users_own_credential() {
    let script = root().join("verify/messages-api/scripts/probe-headless.toml");
    let model = docker::docker([
        "run",
        "--detach",
        &format!("--label={OWNER}={}", docker::owner()),
        &format!(
            "--mount=type=bind,source={},target=/script.toml,readonly",
            script.display()
        ),
        "claude-in-a-box/messages-api:latest",
        "--script=/script.toml",
        "--listen=0.0.0.0:8080",
    ])
    .expect("the scripted model starts");
    let address = docker::docker(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", &model])
        .expect("the model has an address");
    let output = Command::new(root().join("cbox"))
        .args(["run", "Which Kubernetes client is in this box?"])
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", format!("http://{address}:8080"))
        .output()
        .expect("./cbox starts");
    docker::docker(["container", "rm", "--force", &model]).expect("the model is removed");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(stdout.contains("box-42"), "{stdout}");
}

/// The README's own `docker run`, with the test's credential and model in the place of the user's.
#[tokio::test]
async fn the_image_runs_as_the_readme_runs_it() {
    let load = Command::new("nix")
        .args(["--extra-experimental-features", "nix-command flakes", "run"])
        .arg(format!("{}#load-core", root().display()))
        .output()
        .expect("nix starts");
    assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));

    let model = Model::start("probe-headless.toml").await;
    let command = commands()
        .into_iter()
        .find(|command| command.starts_with("docker run"))
        .expect("the README runs the image")
        .replace("/etc/anthropic", &model.credentials().to_string_lossy())
        .replacen(
            "docker run",
            &format!(
                "docker run --network={} --env=ANTHROPIC_BASE_URL=http://{}:8080 --label={OWNER}={}",
                model.network(),
                model.host(),
                docker::owner()
            ),
            1,
        );
    let output = Command::new("sh").args(["-c", &command]).output().expect("sh starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command}\n{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(stdout.contains("box-42"), "{stdout}");
}
