//! What became of a task, kept as files on the volume, so that a container that is started again never does a finished task twice.
//!
//! ```text
//! $HOME/runs/<id>/run.json      which prompt, since when; written before Claude is started
//!                 result.json   the result as Claude wrote it
//!                 outcome.json  what became of it; what it calls final is never run again
//!                 lock          held by the box that is at it
//! ```
//!
//! A run's name is `CLAUDE_RUN_ID`, or else the host's name and the hash of the prompt with its settings: Docker and Kubernetes give a
//! container that they start again its old host name, and a new container or pod a new one.
//!
//! A run that was cancelled, that crashed, or that the API turned away before it cost anything, is not final, and a start with its name
//! does it again from the beginning, whatever half of the work was done.

use crate::environment::Environment;
use crate::error::Error;
use crate::file;
use crate::message::Report;
use crate::outcome::{Outcome, Reason};
use crate::task::{Task, hexadecimal};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The directory of all runs, in `HOME`.
const DIRECTORY: &str = "runs";
const VERSION: u64 = 1;

/// What is kept of a run that is final.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub id: String,
    /// What the box ended with, and ends with again.
    pub exit_code: u8,
    /// Why, in one word.
    pub reason: String,
    /// The result as Claude wrote it, if there was one.
    pub result: Option<Vec<u8>>,
}

/// A run that is under way here and nowhere else.
#[derive(Debug)]
pub struct Run {
    id: String,
    directory: PathBuf,
    prompt_sha256: String,
    started_unix_ms: u64,
    /// Unlocked when it is closed; Claude does not inherit it.
    _lock: File,
}

/// The name of the task's run.
pub fn id(task: &Task, environment: &Environment) -> String {
    task.run_id.clone().unwrap_or_else(|| {
        let mut hash = Sha256::new();
        hash.update(&task.prompt);
        for setting in [
            format!("{:?}", task.limits),
            format!("{:?}", environment.get("CLAUDE_MODEL")),
        ] {
            hash.update([0]);
            hash.update(setting);
        }
        let hash: String = hexadecimal(&hash.finalize()).chars().take(12).collect();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("{}-{hash}", as_word(&host))
    })
}

/// Host names are words already, and at most 64 characters long; this is for those that are not.
fn as_word(host: &str) -> String {
    let word: String = host
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || *character == '-')
        .take(40)
        .collect();
    if word.is_empty() { "box".into() } else { word }
}

/// Looks for what is kept of a run; nothing if it is to be run, or run again.
///
/// # Errors
///
/// When the name is that of a run of another prompt, or what is kept cannot be read: rather not run than run twice.
pub fn look(home: &Path, id: &str, task: &Task) -> Result<Option<Kept>, Error> {
    let directory = home.join(DIRECTORY).join(id);
    if let Some(run) = read_json(&directory.join("run.json"))?
        && run["prompt_sha256"] != task.prompt_sha256()
    {
        return Err(Error::OtherPrompt {
            id: id.into(),
            directory,
        });
    }
    let path = directory.join("outcome.json");
    let Some(outcome) = read_json(&path)? else {
        return Ok(None);
    };
    let exit_code = outcome["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok());
    match (outcome["version"].as_u64(), outcome["final"].as_bool(), exit_code) {
        (Some(VERSION), Some(false), _) => Ok(None),
        (Some(VERSION), Some(true), Some(exit_code)) => {
            let path = directory.join("result.json");
            Ok(Some(Kept {
                id: id.into(),
                exit_code,
                reason: outcome["reason"].as_str().unwrap_or_default().into(),
                result: file::read_if_there(&path).map_err(|source| Error::RunUnreadable { path, source })?,
            }))
        }
        _ => Err(Error::RunDamaged { path }),
    }
}

fn read_json(path: &Path) -> Result<Option<Value>, Error> {
    let content = file::read_if_there(path).map_err(|source| Error::RunUnreadable {
        path: path.into(),
        source,
    })?;
    content
        .map(|content| serde_json::from_slice(&content).map_err(|_| Error::RunDamaged { path: path.into() }))
        .transpose()
}

/// Begins a run, or finds that it was finished while we waited for nothing.
///
/// # Errors
///
/// When another box is at it, or nothing can be written.
pub fn begin(home: &Path, id: &str, task: &Task) -> Result<Result<Run, Kept>, Error> {
    let directory = home.join(DIRECTORY).join(id);
    let not_writable = |source| crate::state::not_writable(&directory, source);
    file::make_directory(&directory).map_err(not_writable)?;
    let lock = File::create(directory.join("lock")).map_err(not_writable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::RunUnderWay {
                id: id.into(),
                directory,
            });
        }
        Err(TryLockError::Error(source)) => return Err(not_writable(source)),
    }
    if let Some(kept) = look(home, id, task)? {
        return Ok(Err(kept));
    }
    if directory.join("run.json").exists() {
        eprintln!(
            "box-entrypoint: the run {id} was begun before and did not finish; it is run again from the beginning"
        );
    }
    let run = Run {
        id: id.into(),
        prompt_sha256: task.prompt_sha256(),
        started_unix_ms: now_unix_ms(),
        directory: directory.clone(),
        _lock: lock,
    };
    let note = json!({
        "version": VERSION,
        "id": id,
        "prompt_sha256": run.prompt_sha256,
        "started_unix_ms": run.started_unix_ms,
    });
    // What an earlier try left would otherwise be taken for this one's.
    for name in ["outcome.json", "result.json"] {
        match std::fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(not_writable(error)),
            _ => {}
        }
    }
    file::replace(&directory.join("run.json"), format!("{note}\n").as_bytes()).map_err(not_writable)?;
    Ok(Ok(run))
}

impl Run {
    /// What became of it, as one JSON object. Of a run without a result there still is a session, and its transcript.
    pub fn document(
        &self,
        outcome: &Outcome,
        report: Option<&Report>,
        session_id: Option<&str>,
        transcript: Option<&Path>,
    ) -> Value {
        json!({
            "version": VERSION,
            "id": self.id,
            "reason": outcome.reason.as_str(),
            "exit_code": outcome.exit_code,
            "final": is_final(outcome, report),
            "sentence": outcome.sentence,
            "prompt_sha256": self.prompt_sha256,
            "session_id": session_id.or(report.map(|report| report.session_id.as_str())),
            "transcript": transcript.map(Path::to_string_lossy),
            "turns": report.map(|report| report.turns),
            "cost_usd": report.map(|report| report.cost_usd),
            "duration_ms": report.map(|report| report.duration_ms),
            "started_unix_ms": self.started_unix_ms,
            "ended_unix_ms": now_unix_ms(),
        })
    }

    /// Keeps the result and then what became of it, each whole or not at all.
    ///
    /// # Errors
    ///
    /// When one of them cannot be written; the run then counts as not finished.
    pub fn end(&self, document: &Value, report: Option<&Report>) -> io::Result<()> {
        if let Some(report) = report {
            let line = [report.line.as_slice(), b"\n"].concat();
            file::replace(&self.directory.join("result.json"), &line)?;
        }
        file::replace(&self.directory.join("outcome.json"), format!("{document}\n").as_bytes())
    }
}

/// Whether it is never to be run again. What was stopped half way by others than its own limits is not; nor what cost nothing because
/// the API turned it away.
fn is_final(outcome: &Outcome, report: Option<&Report>) -> bool {
    match outcome.reason {
        Reason::Done | Reason::Error | Reason::Budget | Reason::Timeout => true,
        Reason::Auth | Reason::Api => report.is_some_and(|report| report.cost_usd > 0.0),
        Reason::Cancelled | Reason::Crash => false,
    }
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Limits, OutputFormat};
    use rstest::rstest;

    fn task(prompt: &str) -> Task {
        Task {
            prompt: prompt.into(),
            output_format: OutputFormat::Json,
            run_id: None,
            limits: Limits::default(),
        }
    }

    fn outcome(reason: Reason) -> Outcome {
        Outcome {
            exit_code: 3,
            reason,
            sentence: "because".into(),
        }
    }

    fn begun(home: &Path) -> Run {
        begin(home, "a", &task("x"))
            .expect("it can be begun")
            .expect("it is not finished")
    }

    #[rstest]
    #[case(Reason::Done, 0.0, true)]
    #[case(Reason::Error, 0.0, true)]
    #[case(Reason::Budget, 1.0, true)]
    #[case(Reason::Timeout, 0.0, true)]
    #[case(Reason::Auth, 0.0, false)]
    #[case(Reason::Api, 0.0, false)]
    // In the middle of the work.
    #[case(Reason::Api, 0.1, true)]
    #[case(Reason::Cancelled, 0.1, false)]
    #[case(Reason::Crash, 0.0, false)]
    fn what_is_final_is_found_again(#[case] reason: Reason, #[case] cost_usd: f64, #[case] is_final: bool) {
        let home = tempfile::tempdir().expect("a directory can be made");
        let report = Report {
            line: b"{}".to_vec(),
            cost_usd,
            ..Report::default()
        };
        let run = begun(home.path());
        let document = run.document(&outcome(reason), Some(&report), None, None);
        run.end(&document, Some(&report)).expect("it can be written");
        drop(run);
        let expected = is_final.then(|| Kept {
            id: "a".into(),
            exit_code: 3,
            reason: reason.as_str().into(),
            result: Some(b"{}\n".to_vec()),
        });
        assert_eq!(look(home.path(), "a", &task("x")).expect("it can be read"), expected);
        // And if it is done again, nothing is left of the first time.
        if !is_final {
            let _run = begun(home.path());
            assert!(!home.path().join("runs/a/result.json").exists());
        }
    }

    #[test]
    fn one_box_at_a_time() {
        let home = tempfile::tempdir().expect("a directory can be made");
        let run = begun(home.path());
        let error = begin(home.path(), "a", &task("x")).expect_err("it is under way");
        assert_eq!(error.exit_code(), 75);
        assert!(
            error.to_string().starts_with("the run a is under way in another box"),
            "{error}"
        );
        drop(run);
        begun(home.path());
    }

    #[test]
    fn a_name_is_for_one_prompt() {
        let home = tempfile::tempdir().expect("a directory can be made");
        drop(begun(home.path()));
        let error = look(home.path(), "a", &task("y")).expect_err("it is another prompt");
        assert_eq!(error.exit_code(), 64);
        assert!(
            error
                .to_string()
                .starts_with("CLAUDE_RUN_ID is \"a\", the name of a run of another prompt"),
            "{error}"
        );
    }

    #[rstest]
    #[case("")]
    #[case("{}")]
    #[case(r#"{"version":2,"final":true,"exit_code":0}"#)]
    fn what_cannot_be_understood_is_not_run_again(#[case] content: &str) {
        let home = tempfile::tempdir().expect("a directory can be made");
        drop(begun(home.path()));
        std::fs::write(home.path().join("runs/a/outcome.json"), content).expect("a file can be written");
        let error = look(home.path(), "a", &task("x")).expect_err("it is damaged");
        assert_eq!(error.exit_code(), 65);
    }

    #[test]
    fn a_run_without_a_name_is_the_hosts_and_the_prompts() {
        let name = |task: &Task, model: &str| id(task, &Environment::from([("CLAUDE_MODEL", model)]));
        let host = as_word(&rustix::system::uname().nodename().to_string_lossy());
        let first = name(&task("x"), "opus");
        assert!(first.starts_with(&host), "{first}");
        assert_eq!(first, name(&task("x"), "opus"));
        assert_ne!(first, name(&task("y"), "opus"));
        assert_ne!(first, name(&task("x"), "haiku"));
        assert_eq!(as_word("../ü"), "box");
    }
}
