//! Nix as this command uses it: a plan, a build with progress, a value.

mod events;
mod plan;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::failure::{Code, Failure};
use crate::process;
use crate::progress::Progress;
use crate::project::Project;
use events::Event;
pub(crate) use plan::{Kind, kind};

/// What a build made and where its time went.
#[derive(Debug)]
pub(crate) struct Built {
    /// One store path for each output asked for, in that order.
    pub(crate) paths: Vec<PathBuf>,
    /// The seconds of each step that ran, added up by kind; steps run side by side, so this is more than the wall time.
    pub(crate) seconds: BTreeMap<Kind, f64>,
    /// The wall time.
    pub(crate) elapsed: Duration,
}

/// Builds outputs of the flake, shows progress, and keeps each result from the garbage collector.
///
/// # Errors
///
/// A hash that does not match is `Data`; a source that cannot be reached is `Unavailable`; any other failed step is
/// `Failed`, with the end of its log.
pub(crate) fn build(project: &Project, attributes: &[&str], what: &str) -> Result<Built, Failure> {
    let started = Instant::now();
    let references: Vec<String> = attributes.iter().map(|attribute| project.output(attribute)).collect();
    let planned = plan::parse(&dry_run(&references)?);
    let mut progress = Progress::new(project, what, &planned);
    let mut steps = Steps::default();
    let mut failure = events::Failure::default();

    let roots = project.cache.join("roots");
    std::fs::create_dir_all(&roots).map_err(|error| {
        Failure::new(
            Code::CannotCreate,
            format!("cannot create {}: {error}", roots.display()),
        )
    })?;
    let mut command = nix();
    command
        .args(["build", "--log-format", "internal-json", "--out-link"])
        .arg(roots.join(attributes.first().copied().unwrap_or("none")))
        .args(&references)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| process::not_started(&command, &error))?;
    let broken = |error: std::io::Error| Failure::new(Code::Software, format!("cannot read what nix says: {error}"));
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = line.map_err(broken)?;
            match events::parse(&String::from_utf8_lossy(&line)) {
                Some(Event::Started { id, derivation }) => {
                    progress.started(&derivation);
                    steps.running.insert(id, (derivation, Instant::now()));
                }
                Some(Event::Stopped { id }) => {
                    if let Some((derivation, since)) = steps.running.remove(&id) {
                        let took = since.elapsed();
                        progress.finished(&derivation, took);
                        *steps.seconds.entry(plan::kind(&derivation)).or_default() += took.as_secs_f64();
                    }
                }
                Some(Event::Line { text }) => failure.log(text),
                Some(Event::Message { text }) => failure.message(text),
                None => {}
            }
        }
    }
    let status = child.wait().map_err(broken)?;
    progress.end();
    if !status.success() {
        return Err(failure.into_failure(what));
    }
    Ok(Built {
        paths: references
            .iter()
            .map(|reference| path(reference))
            .collect::<Result<_, _>>()?,
        seconds: steps.seconds,
        elapsed: started.elapsed(),
    })
}

/// The value of an attribute of the flake.
pub(crate) fn value<T: serde::de::DeserializeOwned>(project: &Project, attribute: &str) -> Result<T, Failure> {
    let mut command = nix();
    command.args(["eval", "--json"]).arg(project.output(attribute));
    // Evaluation asks nobody but the project's files.
    let text = process::read(&mut command).map_err(|error| Failure::new(Code::Data, error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(Code::Software, format!("cannot read the flake's {attribute}: {error}")))
}

/// The `nix` command with the features that a flake needs.
pub(crate) fn nix() -> Command {
    let mut command = Command::new("nix");
    command.args(["--extra-experimental-features", "nix-command flakes"]);
    command
}

#[derive(Default)]
struct Steps {
    running: BTreeMap<u64, (String, Instant)>,
    seconds: BTreeMap<Kind, f64>,
}

fn dry_run(references: &[String]) -> Result<String, Failure> {
    let mut command = nix();
    command.args(["build", "--dry-run", "--no-link"]).args(references);
    let output = process::output(&mut command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let error = process::ended(&command, &output);
    Err(Failure::new(Code::Data, error.to_string()))
}

/// The store path of what was built. One at a time: of several, Nix does not say which is which.
fn path(reference: &str) -> Result<PathBuf, Failure> {
    #[derive(Deserialize)]
    struct Outcome {
        outputs: BTreeMap<String, PathBuf>,
    }
    let json = process::read(nix().args(["build", "--json", "--no-link", reference]))?;
    let outcomes: Vec<Outcome> = serde_json::from_str(&json)
        .map_err(|error| Failure::new(Code::Software, format!("cannot read what nix built: {error}")))?;
    outcomes
        .into_iter()
        .find_map(|mut outcome| outcome.outputs.remove("out"))
        .ok_or_else(|| Failure::new(Code::Software, format!("{reference} has no output named out")))
}
