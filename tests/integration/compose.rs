//! `manifests/compose.yaml` with the Compose of this machine: the box on Docker alone.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verify::chart::objects;
use verify::container::{CREDENTIALS, PIDS_MAX, tmpfs};
use verify::docker::{self, OWNER};

use crate::world::{KEY, Model, root};

const DEADLINE: Duration = Duration::from_secs(300);

/// A project of Compose, gone with its volumes when dropped, and swept up by a later run when that did not happen.
struct Project {
    name: String,
    model: Model,
    files: tempfile::TempDir,
}

impl Project {
    fn new(purpose: &str, model: Model) -> Self {
        let owner = docker::owner();
        let files = tempfile::tempdir().expect("a temporary directory");
        let labels = json!({"labels": {OWNER: owner}});
        // What the user's file does not say: whose everything is, and the one network that has the scripted model.
        let addition = json!({
            "services": {"box": labels, "ask": labels},
            "volumes": {"home": labels, "workspace": labels},
            "networks": {"default": {"external": true, "name": model.network()}},
        });
        std::fs::write(files.path().join("test.yaml"), addition.to_string()).expect("a file beside the user's");
        Self {
            name: format!("cbox-{owner}-{purpose}"),
            model,
            files,
        }
    }

    fn run(&self, variables: &[(&str, &str)], words: &[&str]) -> Output {
        // Debian 12 has a program of its own, others a part of Docker's client.
        let (program, first): (&str, &[&str]) = match Command::new("docker-compose").arg("version").output() {
            Ok(_) => ("docker-compose", &[]),
            Err(_) => ("docker", &["compose"]),
        };
        Command::new(program)
            .args(first)
            .arg(format!("--project-name={}", self.name))
            .arg("--file")
            .arg(compose_file())
            .arg("--file")
            .arg(self.files.path().join("test.yaml"))
            .args(words)
            .env("CBOX_IMAGE", image())
            .env("CBOX_SECRETS", self.model.credentials())
            .env("ANTHROPIC_BASE_URL", format!("http://{}:8080", self.model.host()))
            .envs(variables.iter().copied())
            .output()
            .expect("docker-compose is installed: ./cbox --install compose")
    }

    fn must(&self, variables: &[(&str, &str)], words: &[&str]) -> String {
        let output = self.run(variables, words);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{words:?}: {}\n{stdout}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        stdout
    }

    /// What Docker knows of the container of service `box`.
    fn inspect(&self) -> Value {
        let id = self.must(&[], &["ps", "--quiet", "box"]).trim().to_owned();
        assert!(!id.is_empty(), "the service has a container");
        let text = docker::docker(["container", "inspect", &id]).expect("Docker knows the container");
        serde_json::from_str::<Value>(&text).expect("Docker writes JSON")[0].clone()
    }

    fn exec(&self, words: &[&str]) -> String {
        self.must(&[], &[&["exec", "-T", "box"], words].concat())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What cannot be removed now is swept up by the next run.
        let _ = self.run(&[], &["down", "--volumes", "--timeout=1"]);
    }
}

/// The image under test; `CBOX_TEST_FLAVOUR` names another one that was built and loaded beside the gate's own.
fn image() -> String {
    let flavour = std::env::var("CBOX_TEST_FLAVOUR").unwrap_or_else(|_| "core".to_owned());
    format!("claude-in-a-box:{flavour}-amd64")
}

fn compose_file() -> PathBuf {
    root().join("manifests/compose.yaml")
}

fn wait_until(what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    while let Err(state) = holds() {
        assert!(
            started.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}; at last: {state}"
        );
        thread::sleep(Duration::from_millis(250));
    }
}

/// The file says what `cbox run` and every test say.
#[test]
fn the_file_hardens_as_the_command_does() {
    let text = std::fs::read_to_string(compose_file()).expect("the file is there");
    let file = objects(&text).expect("the file is YAML").remove(0);
    let common = &file["x-box"];
    assert_eq!(common["read_only"], true);
    assert_eq!(common["cap_drop"], json!(["ALL"]));
    assert_eq!(common["security_opt"], json!(["no-new-privileges:true"]));
    assert_eq!(common["pids_limit"], PIDS_MAX);
    assert_eq!(common["tmpfs"], json!([format!("/tmp:{}", tmpfs("1777"))]));
    assert_eq!(common["volumes"][2]["target"], CREDENTIALS);
    assert_eq!(common["volumes"][2]["read_only"], true);
    for service in file["services"].as_object().expect("there are services").values() {
        for field in ["ports", "init", "privileged", "cap_add", "user", "network_mode"] {
            assert!(service[field].is_null() && common[field].is_null(), "{field}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_session_stays_with_its_volume() {
    let project = Project::new("session", Model::start("probe-headless.toml").await);
    let healthy = |project: &Project| {
        wait_until("the box is healthy", || {
            let health = project.inspect()["State"]["Health"].clone();
            if health["Status"] == "healthy" {
                Ok(())
            } else {
                Err(health.to_string())
            }
        });
    };
    project.must(&[], &["up", "--detach"]);
    healthy(&project);

    let container = project.inspect();
    let host = &container["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]));
    assert_eq!(host["PidsLimit"], PIDS_MAX);
    assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
    assert_ne!(host["Init"], true, "the image has an init");
    let ports = host["PortBindings"].as_object();
    assert!(
        ports.is_none_or(serde_json::Map::is_empty),
        "no port is published: {host}"
    );
    assert!(!container.to_string().contains(KEY), "the key stands nowhere");
    assert_eq!(project.exec(&["cat", "/proc/1/comm"]).trim(), "box-init");
    assert_eq!(project.exec(&["cat", "/run/secrets/anthropic/api-key"]), KEY);

    for place in ["/home/claude", "/workspace", "/tmp"] {
        project.exec(&["bash", "-c", &format!("echo kept >{place}/marker")]);
    }
    for place in ["/usr", "/run/secrets/anthropic"] {
        let refused = project.run(&[], &["exec", "-T", "box", "touch", &format!("{place}/marker")]);
        let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && stderr.contains("Read-only file system"),
            "{place}: {stderr}"
        );
    }

    // Claude dies: Docker starts the box again.
    project.exec(&["bash", "-c", "kill -KILL $(pgrep --parent 1 | head -n 1)"]);
    wait_until("Docker has restarted the box", || {
        let container = project.inspect();
        let (count, running) = (&container["RestartCount"], &container["State"]["Running"]);
        if count == 1 && running == true {
            Ok(())
        } else {
            Err(format!("{count} restarts, running: {running}"))
        }
    });

    // Another container, the same volumes.
    project.must(&[], &["down", "--timeout=10"]);
    project.must(&[], &["up", "--detach"]);
    for (place, there) in [("/home/claude", true), ("/workspace", true), ("/tmp", false)] {
        let found = project.run(&[], &["exec", "-T", "box", "cat", &format!("{place}/marker")]);
        assert_eq!(found.stdout == b"kept\n", there, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_once() {
    let project = Project::new("question", Model::start("probe-headless.toml").await);
    let variables = [("CLAUDE_PROMPT", "What is 40 + 2?"), ("CLAUDE_RUN_ID", "once")];
    let ask = || -> Value {
        let answer = project.must(&variables, &["run", "--rm", "-T", "ask"]);
        serde_json::from_str(answer.trim()).expect("the answer is one JSON document")
    };
    let first = ask();
    assert!(
        first["result"].as_str().is_some_and(|text| text.contains("box-42")),
        "{first}"
    );
    let requests = project.model.requests().len();
    assert!(requests > 0, "the model was asked");
    assert_eq!(ask(), first, "the kept answer is told again");
    assert_eq!(
        project.model.requests().len(),
        requests,
        "and the model is not asked again"
    );
}

/// Volumes outlive their containers, so that a killed run leaves them: a later one sweeps them up, and no others.
#[test]
fn a_volume_of_a_killed_run_is_swept_up() {
    let own = docker::owner();
    let (_, here) = own
        .split_once('-')
        .and_then(|(_, rest)| rest.split_once('-'))
        .expect("an owner has parts");
    // Process 1 of this machine did not start at tick 1.
    let dead = format!("1-1-{here}");
    let make = |owner: &str| {
        let name = format!("cbox-{own}-of-{owner}");
        docker::docker(["volume", "create", &format!("--label={OWNER}={owner}"), &name]).expect("Docker makes a volume")
    };
    let (left, kept) = (make(&dead), make(&own));
    docker::sweep().expect("Docker removes what is left");
    let volumes = docker::docker(["volume", "ls", "--quiet"]).expect("Docker lists volumes");
    docker::docker(["volume", "rm", &kept]).expect("the volume was there");
    assert!(!volumes.lines().any(|volume| volume == left), "{volumes}");
    assert!(volumes.lines().any(|volume| volume == kept), "{volumes}");
}
