//! Somebody who types `./cbox run` with a key of their own, on Docker's default network, where people's gateways are.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use verify::docker::{self, OWNER};

use crate::world::{KEY, credential_directory, root};

/// A command that was not yet started, and the scripted model that it will ask.
pub(crate) struct User {
    pub(crate) command: Command,
    _model: Removed,
    _expected: tempfile::TempDir,
}

impl User {
    /// `./cbox run PROMPT` against a script of `verify/messages-api/scripts/`; the model takes no key but [`KEY`].
    pub(crate) fn asks(script: &str, prompt: &str) -> Self {
        let script = root().join("verify/messages-api/scripts").join(script);
        let expected = credential_directory(Some(("key", KEY, 0o444))).expect("a key to expect");
        let mount = |source: &Path, target: &str| {
            format!("--mount=type=bind,source={},target={target},readonly", source.display())
        };
        let model = docker::docker([
            "run",
            "--detach",
            &format!("--label={OWNER}={}", docker::owner()),
            &mount(&script, "/script.toml"),
            &mount(expected.path(), "/expected"),
            "claude-in-a-box/messages-api:latest",
            "--script=/script.toml",
            "--listen=0.0.0.0:8080",
            "--expect-credential=/expected/key",
        ])
        .map(Removed)
        .expect("the scripted model starts");
        listens(&model);
        let address = docker::docker([
            "inspect",
            "--format",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            &model.0,
        ])
        .expect("the model has an address");
        let mut command = Command::new(root().join("cbox"));
        command
            .args(["run", prompt])
            .env_remove("CLAUDE_CODE_OAUTH_TOKEN")
            .env("ANTHROPIC_API_KEY", KEY)
            .env("ANTHROPIC_BASE_URL", format!("http://{address}:8080"));
        Self {
            command,
            _model: model,
            _expected: expected,
        }
    }
}

/// A container that is removed whatever becomes of the test.
struct Removed(String);

impl Drop for Removed {
    fn drop(&mut self) {
        // What cannot be removed now is swept up by the next run.
        let _ = docker::docker(["container", "rm", "--force", "--volumes", &self.0]);
    }
}

/// Waits until a scripted model says that it listens.
fn listens(Removed(model): &Removed) {
    const DEADLINE: Duration = Duration::from_secs(120);
    let started = Instant::now();
    loop {
        let logs = Command::new("docker")
            .args(["logs", model])
            .output()
            .expect("docker starts");
        let said = [logs.stdout, logs.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if said.contains("listening on") {
            return;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "the model does not listen within {DEADLINE:?}; it says: {said}"
        );
        thread::sleep(Duration::from_millis(100));
    }
}
