//! A box in a temporary directory.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT};
use tempfile::TempDir;

/// What the fake Claude does first: it writes down its arguments, its environment, what it reads from a credential's descriptor as
/// Claude does it, and the first line of its standard input. It must not disturb the terminal, so only a headless one reads.
const RECORD: &str = r#"#!/bin/sh
printf '%s\n' "$@" >DIR/arguments
tr '\0' '\n' </proc/$$/environ >DIR/environment
number=$CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR$CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR
if [ -n "$number" ]; then cat /proc/self/fd/$number >DIR/credential; fi
if [ "$1" = --print ]; then head -n 1 >DIR/input; fi
"#;

/// A result as Claude writes it.
pub(crate) const RESULT: &str = r#"{"type":"result","subtype":"success","is_error":false,"result":"Hello.","num_turns":2,"total_cost_usd":0.5,"duration_ms":1234}"#;

/// The box.
pub(crate) struct World {
    directory: TempDir,
}

impl World {
    /// A box whose Claude runs this script after it has written everything down.
    pub(crate) fn new(script: &str) -> Self {
        let world = Self {
            directory: tempfile::tempdir().expect("a directory can be made"),
        };
        for name in ["bin", "home", "secrets", "tmp", "workspace"] {
            fs::create_dir(world.path(name)).expect("a directory can be made");
        }
        let claude = world.path("bin/claude");
        let record = RECORD.replace("DIR", &world.directory.path().display().to_string());
        fs::write(&claude, format!("{record}{script}\n")).expect("a file can be written");
        fs::set_permissions(&claude, Permissions::from_mode(0o755)).expect("its mode can be set");
        world
    }

    /// With a credential file.
    pub(crate) fn with_secret(self, name: &str, content: &str) -> Self {
        fs::write(self.path("secrets").join(name), content).expect("a file can be written");
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The entrypoint in this box, with nothing but this in its environment.
    pub(crate) fn command(&self, variables: &[(&str, &str)], claude_arguments: &[&str]) -> Command {
        heed_signals();
        let mut command = Command::new(env!("CARGO_BIN_EXE_box-entrypoint"));
        command
            .arg("--secrets")
            .arg(self.path("secrets"))
            .arg("--")
            .args(claude_arguments);
        command.current_dir(self.path("workspace")).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp"));
        // Whoever runs these tests may be root, and the fake Claude does not mind.
        command.env("IS_SANDBOX", "1");
        command.envs(variables.iter().copied());
        command
    }

    /// What the fake Claude wrote down; nothing if it did not run.
    pub(crate) fn recorded(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The arguments that the fake Claude got, one a line, without the permissions in its settings, which are a table of their own.
    pub(crate) fn arguments(&self) -> String {
        let arguments = self.recorded("arguments");
        let lines = arguments
            .lines()
            .map(|line| match line.split_once(r#""permissions":{"#) {
                Some((before, _)) => format!("{before}...\n"),
                None => format!("{line}\n"),
            });
        lines.collect()
    }

    /// Whether anything was changed, or Claude was started.
    pub(crate) fn is_untouched(&self) -> bool {
        let is_empty = |path: &Path| fs::read_dir(path).expect("it is a directory").next().is_none();
        is_empty(&self.path("home")) && is_empty(&self.path("tmp")) && !self.path("arguments").exists()
    }
}

/// A shell that starts the tests in the background ignores these for them and all that they start. What is handled here
/// is at its default again in a program that is started; to this one nothing changes.
fn heed_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [SIGHUP, SIGINT, SIGQUIT] {
            signal_hook::flag::register_conditional_default(signal, Arc::new(AtomicBool::new(true)))
                .expect("the signal can be handled");
        }
    });
}

/// How it ended, and what it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the entrypoint can be started");
    Ended {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

pub(crate) const HEADLESS: [(&str, &str); 2] = [("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "Say hello.")];

/// The beginning of the settings on Claude's command line.
pub(crate) const QUIET: &str = r#""env":{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC":"1","DISABLE_TELEMETRY":"1"}"#;

/// The line in which a prompt without anything to escape gets to Claude.
pub(crate) fn prompt_line(text: &str) -> String {
    format!(r#"{{"message":{{"content":[{{"text":"{text}","type":"text"}}],"role":"user"}},"type":"user"}}"#) + "\n"
}
