//! `cbox run`: one prompt in the box, with the user's own credential.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::{env, fs};

use verify::container::Container;
use verify::docker::{OWNER, owner};

use crate::arguments;
use crate::build;
use crate::docker;
use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;
use crate::transcript;

/// Variables of the user's that decide where Claude's requests go; none is a secret.
const GATEWAY: [&str; 2] = ["ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"];

/// A credential's file name in the box, and the variable that people keep it in.
const CREDENTIALS: [(&str, &str); 3] = [
    ("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN"),
    ("api-key", "ANTHROPIC_API_KEY"),
    ("auth-token", "ANTHROPIC_AUTH_TOKEN"),
];

/// Runs the prompt and ends with the box's exit code.
pub(crate) fn command(project: &Project, options: &arguments::Run) -> Result<ExitCode, Failure> {
    if options.prompt.trim().is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "the prompt is empty: ./cbox run \"what is running here?\"",
        ));
    }
    let credentials = Credentials::of_user(options.credentials.as_deref())?;
    let workspace = options.workspace.as_deref().map(absolute).transpose()?;
    let image = build::load(project, "core", "amd64")?;
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
    let mut child = command
        .spawn()
        .map_err(|error| process::not_started(&command, &error))?;
    let broken = |error: std::io::Error| Failure::new(Code::Software, format!("cannot read the box's events: {error}"));
    if let Some(events) = child.stdout.take() {
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
    let status = child.wait().map_err(broken)?;
    // Docker passes the box's own exit code on; without one it was Docker that was killed.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(Code::Software as u8)))
}

/// Credential files in a directory that only this user and the box can look into; gone when dropped.
pub(crate) struct Credentials {
    parent: tempfile::TempDir,
}

impl Credentials {
    /// A copy of the user's: the files of a directory, else what the environment holds.
    fn of_user(directory: Option<&Path>) -> Result<Self, Failure> {
        let credentials = Self::empty()?;
        for (file, variable) in CREDENTIALS {
            let secret = match directory {
                Some(directory) => read_if_present(&directory.join(file))?,
                None => env::var(variable).ok().map(String::into_bytes),
            };
            if let Some(secret) = secret {
                credentials.write(file, &secret)?;
                return Ok(credentials);
            }
        }
        Err(Failure::new(
            Code::NoInput,
            match directory {
                Some(directory) => format!(
                    "{} holds none of oauth-token, api-key and auth-token: put the credential into one of them",
                    directory.display()
                ),
                None => "no credential: set CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY, or name a directory with --credentials; \
                         ./cbox demo needs none"
                    .to_owned(),
            },
        ))
    }

    /// One credential of that file name.
    pub(crate) fn of(file: &str, secret: &[u8]) -> Result<Self, Failure> {
        let credentials = Self::empty()?;
        credentials.write(file, secret)?;
        Ok(credentials)
    }

    /// The directory to mount.
    pub(crate) fn directory(&self) -> PathBuf {
        self.parent.path().join("anthropic")
    }

    // The box's uid is not this user's, so the file must be readable by all; the directory above it is not.
    fn empty() -> Result<Self, Failure> {
        let parent = tempfile::tempdir().map_err(cannot_keep)?;
        let credentials = Self { parent };
        fs::create_dir(credentials.directory()).map_err(cannot_keep)?;
        fs::set_permissions(credentials.directory(), fs::Permissions::from_mode(0o755)).map_err(cannot_keep)?;
        Ok(credentials)
    }

    fn write(&self, file: &str, secret: &[u8]) -> Result<(), Failure> {
        let path = self.directory().join(file);
        fs::write(&path, secret).map_err(cannot_keep)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).map_err(cannot_keep)
    }
}

fn cannot_keep(error: std::io::Error) -> Failure {
    Failure::new(
        Code::CannotCreate,
        format!("cannot keep the credential in a temporary directory: {error}"),
    )
}

fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(
            Code::NoPermission,
            format!("cannot read the credential {}: {error}", path.display()),
        )),
    }
}

/// Docker takes absolute paths only.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize()
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot use {}: {error}", path.display())))
}
