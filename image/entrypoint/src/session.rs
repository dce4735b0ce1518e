//! The conversation that an interactive box goes on with when it is started again.
//!
//! Which one that is Claude's hook tells whenever somebody submits a prompt: it may have begun another conversation meanwhile, or gone
//! back to an older one. One without a prompt holds nothing to go on with. Where Claude keeps a conversation the hook tells as well, so
//! that nothing here depends on how it is written.

use crate::environment::Environment;
use crate::error::Error;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Set for a Claude whose conversation the box goes on with; its hooks inherit it.
pub const VARIABLE_KEPT: &str = "BOX_SESSION_IS_KEPT";

/// Claude's options that name a conversation which exists, or may.
const OPTIONS: [&str; 5] = ["--continue", "--resume", "--session-id", "-c", "-r"];

/// Where Claude keeps conversations, in its configuration directory.
const PROJECTS: &str = "projects";

/// `CLAUDE_SESSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The last one on the volume, or a new one where there is none.
    Last,
    /// A new one.
    New,
}

impl Choice {
    /// Reads the choice.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        match environment.get("CLAUDE_SESSION").map(OsStr::as_bytes) {
            None | Some(b"last") => Ok(Self::Last),
            Some(b"new") => Ok(Self::New),
            Some(value) => Err(Error::UnknownSession {
                value: OsStr::from_bytes(value).into(),
            }),
        }
    }
}

/// A conversation as Claude's hooks name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identity: a UUID.
    pub id: String,
    /// The file in which Claude keeps it.
    pub transcript: PathBuf,
}

impl Session {
    /// Reads what Claude tells a hook on its standard input.
    pub fn from_hook(input: &[u8]) -> Option<Self> {
        let input: Value = serde_json::from_slice(input).ok()?;
        Self::from_texts(input["session_id"].as_str()?, input["transcript_path"].as_str()?)
    }

    /// An identity goes onto Claude's command line, so that it has to be one.
    pub fn from_texts(id: &str, transcript: &str) -> Option<Self> {
        let is_identity = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        is_identity.then(|| Self {
            id: id.into(),
            transcript: transcript.into(),
        })
    }

    /// Whether Claude will find something to go on with: it refuses to start with a conversation that is empty or gone, and a box that
    /// insisted would never come up again. What is damaged within it Claude leaves out by itself.
    pub fn can_be_resumed(&self) -> bool {
        let is_prompt = |line: &[u8]| {
            serde_json::from_slice::<Value>(line)
                .is_ok_and(|line| line["type"] == "user" && line["sessionId"] == self.id.as_str())
        };
        File::open(&self.transcript).is_ok_and(|file| {
            BufReader::new(file)
                .split(b'\n')
                .map_while(Result::ok)
                .any(|line| is_prompt(&line))
        })
    }
}

/// What goes onto Claude's command line to go on with it.
pub fn option(session: &Session) -> OsString {
    format!("--resume={}", session.id).into()
}

/// Whether somebody's own words for Claude name a conversation.
pub fn is_named_by(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| {
        let argument = argument.to_string_lossy();
        let name = argument.split_once('=').map_or(argument.as_ref(), |(name, _)| name);
        OPTIONS.contains(&name)
    })
}

/// The file in which Claude keeps a conversation; its folder is that of the directory in which the conversation began.
pub fn transcript(config: &Path, id: &str) -> Option<PathBuf> {
    let name = format!("{id}.jsonl");
    std::fs::read_dir(config.join(PROJECTS))
        .ok()?
        .filter_map(Result::ok)
        .map(|folder| folder.path().join(&name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    #[rstest]
    #[case("", Choice::Last)]
    #[case("last", Choice::Last)]
    #[case("new", Choice::New)]
    fn choices(#[case] value: &str, #[case] expected: Choice) {
        let environment = Environment::from([("CLAUDE_SESSION", value)]);
        assert_eq!(Choice::from_environment(&environment).expect("it is one"), expected);
    }

    #[test]
    fn another_choice_is_refused() {
        let error =
            Choice::from_environment(&Environment::from([("CLAUDE_SESSION", "first")])).expect_err("it is none");
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            (
                r#"CLAUDE_SESSION is "first"; set it to "last" to go on with the last session on the volume, or to "new""#,
                64
            )
        );
    }

    #[rstest]
    #[case(ID, true)]
    #[case("--dangerously-skip-permissions-now--", false)]
    #[case("0f8fad5b", false)]
    fn a_hook_names_a_session(#[case] id: &str, #[case] is_one: bool) {
        let input = format!(r#"{{"session_id":"{id}","transcript_path":"/t.jsonl","prompt":"x"}}"#);
        let expected = Session {
            id: id.into(),
            transcript: "/t.jsonl".into(),
        };
        assert_eq!(Session::from_hook(input.as_bytes()), is_one.then_some(expected));
        assert_eq!(Session::from_hook(b"no JSON"), None);
    }

    #[rstest]
    #[case(None, false)]
    #[case(Some(""), false)]
    #[case(Some("{\"type\":\"mode\",\"sessionId\":\"ID\"}\n"), false)]
    #[case(Some("{\"type\":\"user\",\"sessionId\":\"another\"}\n"), false)]
    #[case(Some("no JSON\n{\"type\":\"user\",\"sessionId\":\"ID\"}\n{\"type\":\"assis"), true)]
    fn what_holds_a_prompt_can_be_resumed(#[case] content: Option<&str>, #[case] expected: bool) {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let session = Session {
            id: ID.into(),
            transcript: directory.path().join("t.jsonl"),
        };
        if let Some(content) = content {
            std::fs::write(&session.transcript, content.replace("ID", ID)).expect("a file can be written");
        }
        assert_eq!(session.can_be_resumed(), expected);
    }

    #[rstest]
    #[case(&["--resume", "x"], true)]
    #[case(&["--model", "m", "--session-id=x"], true)]
    #[case(&["-c"], true)]
    #[case(&["--verbose"], false)]
    #[case(&[], false)]
    fn own_words_may_name_a_session(#[case] arguments: &[&str], #[case] expected: bool) {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        assert_eq!(is_named_by(&arguments), expected);
    }

    #[test]
    fn a_transcript_is_found_whatever_its_folder() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        assert_eq!(transcript(directory.path(), ID), None);
        let folder = directory.path().join("projects/-workspace");
        std::fs::create_dir_all(&folder).expect("a directory can be made");
        let path = folder.join(format!("{ID}.jsonl"));
        std::fs::write(&path, "").expect("a file can be written");
        assert_eq!(transcript(directory.path(), ID), Some(path));
    }
}
