//! `cbox run`: one prompt in the box, with the user's own credential.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};

use verify::container::{self, Container, UID};
use verify::docker::{OWNER, owner};

use crate::arguments;
use crate::build;
use crate::credentials::{self, Credentials};
use crate::docker;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::process;
use crate::project::Project;
use crate::transcript;

/// Variables of the user's that decide where Claude's requests go; none is a secret.
const GATEWAY: [&str; 2] = ["ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"];

/// Runs the prompt and ends with the box's exit code.
pub(crate) fn command(project: &Project, options: &arguments::Run) -> Result<ExitCode, Failure> {
    if options.prompt.trim().is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "the prompt is empty: ./cbox run \"what is running here?\"",
        ));
    }
    interrupt::tidily(|| run(project, options))
}

fn run(project: &Project, options: &arguments::Run) -> Result<ExitCode, Failure> {
    credentials::sweep()?;
    let credentials = Credentials::of_user(options.credentials.as_deref())?;
    let workspace = options.workspace.as_deref().map(absolute).transpose()?;
    if let Some(folder) = workspace.as_deref().filter(|folder| !is_writable_in_the_box(folder)) {
        eprintln!(
            "cbox: Claude can read {} but not write to it, since its user there is {UID}: chown {UID} lets it",
            folder.display()
        );
    }
    let image = build::load(project, "core", "amd64")?;
    verify::docker::sweep()?;
    let mut environment = headless(&options.prompt);
    for name in GATEWAY {
        if let Ok(value) = env::var(name) {
            environment.push((name.to_owned(), value));
        }
    }
    let container = Container {
        image,
        labels: vec![(OWNER.to_owned(), owner())],
        environment,
        credentials: Some(credentials.directory()),
        workspace,
        ..Container::default()
    };
    show(&container, options.json)
}

/// By owner, group and mode; an access list may say more.
fn is_writable_in_the_box(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|found| {
        let mode = found.mode();
        (found.uid() == UID && mode & 0o200 != 0) || (found.gid() == UID && mode & 0o020 != 0) || mode & 0o002 != 0
    })
}

/// The environment of a headless run whose events are read as they come.
pub(crate) fn headless(prompt: &str) -> Vec<(String, String)> {
    [
        ("CLAUDE_MODE", "headless"),
        ("CLAUDE_PROMPT", prompt),
        ("CLAUDE_OUTPUT_FORMAT", "stream-json"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Runs a container whose Claude prints its events, shows them, and returns its exit code.
pub(crate) fn show(container: &Container, json: bool) -> Result<ExitCode, Failure> {
    let mut command = docker::docker();
    command
        .args(container.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut running = Running {
        client: command
            .spawn()
            .map_err(|error| process::not_started(&command, &error))?,
        ended: false,
    };
    let broken = |error: std::io::Error| Failure::new(Code::Software, format!("cannot read the box's events: {error}"));
    if let Some(events) = running.client.stdout.take() {
        let mut output = std::io::stdout().lock();
        for line in BufReader::new(events).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(broken)?).into_owned();
            let text = if json { Some(line) } else { transcript::render(&line) };
            if let Some(text) = text {
                writeln!(output, "{text}").map_err(|error| {
                    Failure::new(Code::CannotCreate, format!("cannot write to standard output: {error}"))
                })?;
            }
        }
    }
    let status = running.client.wait().map_err(broken)?;
    running.ended = true;
    // Docker passes the box's own exit code on; without one it was Docker that was killed.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(Code::Software as u8)))
}

/// A box that ends with whoever reads its events, whatever they stumble over.
struct Running {
    client: Child,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // The container does not end with its client. What cannot be removed now is swept up by the next run.
            let _ = self.client.kill();
            let _ = self.client.wait();
            let _ = verify::docker::remove_own();
        }
    }
}

/// Docker takes absolute paths only, and none that its options cannot hold.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = path
        .canonicalize()
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot use {}: {error}", path.display())))?;
    if container::is_mountable(&path) {
        return Ok(path);
    }
    Err(Failure::new(
        Code::Usage,
        format!(
            "Docker cannot mount {}: use a path without commas, double quotes and line breaks",
            path.display()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_path_with_a_comma_is_a_wrong_argument() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a,readonly");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(absolute(folder.path()).unwrap(), folder.path().canonicalize().unwrap());
        assert_eq!(absolute(&path).unwrap_err().code, Code::Usage);
    }

    #[test]
    fn a_folder_of_somebody_else_is_writable_when_all_may_write() {
        let folder = tempfile::tempdir().unwrap();
        let check = |mode, expected| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_writable_in_the_box(folder.path()), expected, "{mode:o}");
        };
        check(0o755, false);
        check(0o777, true);
    }
}
