//! What the box notes of itself on the volume: for its probes, who was started with which credential, and which credential was refused;
//! for its next start, which conversation was the last.
//!
//! A credential is noted by its fingerprint alone. The notes help a probe to say more; nothing that guards anything depends on them.

use crate::file;
use crate::process::Process;
use crate::session::Session;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// The directory of the notes, in `HOME`.
const DIRECTORY: &str = ".box";
const STARTED: &str = "started.json";
const REFUSED: &str = "refused.json";
const SESSION: &str = "session.json";

/// The notes of one home.
#[derive(Debug)]
pub struct Notes {
    directory: PathBuf,
}

impl Notes {
    /// Those of this `HOME`.
    pub fn of(home: &Path) -> Self {
        Self {
            directory: home.join(DIRECTORY),
        }
    }

    /// Notes that this process is prepared, and becomes or starts what the box is there for, with this credential.
    ///
    /// # Errors
    ///
    /// When the note cannot be written.
    pub fn started(&self, process: &Process, credential: Option<&str>) -> io::Result<()> {
        let note = json!({"process": process.id, "ticks": process.started_ticks, "credential": credential});
        self.write(STARTED, &note)
    }

    /// Whether this process has been prepared.
    pub fn has_started(&self, process: &Process) -> bool {
        self.read(STARTED).is_some_and(|note| is_of(&note, process))
    }

    /// The credential that this process was given, if it has been prepared and needs one.
    pub fn credential_of(&self, process: &Process) -> Option<String> {
        let note = self.read(STARTED).filter(|note| is_of(note, process))?;
        note["credential"].as_str().map(str::to_owned)
    }

    /// Notes that the API refused a credential: this one, or, if it is not known here, the one of the last start.
    ///
    /// # Errors
    ///
    /// When the note cannot be written.
    pub fn refused(&self, credential: Option<&str>) -> io::Result<()> {
        let started = self.read(STARTED).unwrap_or_default();
        let credential = credential.or_else(|| started["credential"].as_str());
        self.write(REFUSED, &json!({"credential": credential}))
    }

    /// Forgets a refusal.
    ///
    /// # Errors
    ///
    /// When the note cannot be removed.
    pub fn accepted(&self) -> io::Result<()> {
        match std::fs::remove_file(self.directory.join(REFUSED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether this credential is known to be refused.
    pub fn is_refused(&self, credential: &str) -> bool {
        self.read(REFUSED).is_some_and(|note| note["credential"] == credential)
    }

    /// Notes the conversation in which somebody submitted a prompt.
    ///
    /// # Errors
    ///
    /// When the note cannot be written.
    pub fn prompted(&self, session: &Session) -> io::Result<()> {
        if self.last_session().as_ref() == Some(session) {
            return Ok(());
        }
        let note = json!({"session_id": session.id, "transcript": session.transcript.to_string_lossy()});
        self.write(SESSION, &note)
    }

    /// The last conversation in which somebody submitted a prompt.
    pub fn last_session(&self) -> Option<Session> {
        let note = self.read(SESSION)?;
        Session::from_texts(note["session_id"].as_str()?, note["transcript"].as_str()?)
    }

    fn write(&self, name: &str, note: &Value) -> io::Result<()> {
        file::make_directory(&self.directory)?;
        file::replace(&self.directory.join(name), note.to_string().as_bytes())
    }

    /// A note that is damaged is none.
    fn read(&self, name: &str) -> Option<Value> {
        let content = file::read_if_there(&self.directory.join(name)).ok()??;
        serde_json::from_slice(&content).ok()
    }
}

fn is_of(note: &Value, process: &Process) -> bool {
    note["process"] == process.id && note["ticks"] == process.started_ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u32, started_ticks: u64) -> Process {
        Process {
            id,
            started_ticks,
            parent: 1,
            name: "claude".into(),
            state: 'S',
        }
    }

    #[test]
    fn a_start_is_that_of_one_process() {
        let home = tempfile::tempdir().expect("a directory can be made");
        let notes = Notes::of(home.path());
        assert!(!notes.has_started(&process(7, 100)));
        notes
            .started(&process(7, 100), Some("f"))
            .expect("a note can be written");
        assert!(notes.has_started(&process(7, 100)));
        assert_eq!(notes.credential_of(&process(7, 100)).as_deref(), Some("f"));
        // The container was started again, and the number is the same.
        assert!(!notes.has_started(&process(7, 200)));
        assert_eq!(notes.credential_of(&process(7, 200)), None);
    }

    #[test]
    fn a_refusal_holds_until_the_credential_is_accepted_or_another() {
        let home = tempfile::tempdir().expect("a directory can be made");
        let notes = Notes::of(home.path());
        notes.accepted().expect("there is nothing to forget");
        notes
            .started(&process(7, 100), Some("f"))
            .expect("a note can be written");
        notes.refused(None).expect("a note can be written");
        assert!(notes.is_refused("f") && !notes.is_refused("g"));
        notes.refused(Some("g")).expect("a note can be written");
        assert!(notes.is_refused("g") && !notes.is_refused("f"));
        notes.accepted().expect("a note can be removed");
        assert!(!notes.is_refused("g"));
    }
}
