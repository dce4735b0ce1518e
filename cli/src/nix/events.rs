//! Nix's own progress events: `--log-format internal-json`, one JSON object a line behind `@nix `.
//!
//! The numbers are those of `ActivityType` and `ResultType` in Nix's `src/libutil/logging.hh`.

use serde::Deserialize;
use serde_json::Value;

use super::plan;
use crate::failure::{self, Code};

const ACTIVITY_BUILD: u64 = 105;
const RESULT_BUILD_LOG_LINE: u64 = 101;
const LEVEL_ERROR: u64 = 0;
const LOG_LINES_KEPT: usize = 15;

/// What one line says, as far as it matters here.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A step started.
    Started {
        /// The activity.
        id: u64,
        /// The derivation's name.
        derivation: String,
    },
    /// An activity ended, a step or another.
    Stopped {
        /// The activity.
        id: u64,
    },
    /// A step printed a line.
    Line {
        /// The line.
        text: String,
    },
    /// Nix says that something failed.
    Message {
        /// What it says, with terminal colours.
        text: String,
    },
}

#[derive(Deserialize)]
struct Raw {
    action: String,
    #[serde(default)]
    id: u64,
    #[serde(default, rename = "type")]
    kind: u64,
    #[serde(default)]
    level: u64,
    #[serde(default)]
    fields: Vec<Value>,
    #[serde(default)]
    msg: String,
}

/// The event of one line of standard error; none when the line is of no interest.
pub(crate) fn parse(line: &str) -> Option<Event> {
    let Some(json) = line.strip_prefix("@nix ") else {
        return (!line.trim().is_empty()).then(|| Event::Message { text: line.to_owned() });
    };
    let raw: Raw = serde_json::from_str(json).ok()?;
    let field = |index: usize| raw.fields.get(index).and_then(Value::as_str);
    match raw.action.as_str() {
        "start" if raw.kind == ACTIVITY_BUILD => Some(Event::Started {
            id: raw.id,
            derivation: plan::name(field(0)?),
        }),
        "stop" => Some(Event::Stopped { id: raw.id }),
        "result" if raw.kind == RESULT_BUILD_LOG_LINE => Some(Event::Line {
            text: field(0)?.to_owned(),
        }),
        "msg" if raw.level == LEVEL_ERROR => Some(Event::Message { text: raw.msg }),
        _ => None,
    }
}

/// What is kept of a build that may fail.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    log: Vec<String>,
    messages: Vec<String>,
}

impl Failure {
    /// Keeps a line of a step's log; only the last ones matter.
    pub(crate) fn log(&mut self, line: String) {
        if self.log.len() == LOG_LINES_KEPT {
            self.log.remove(0);
        }
        self.log.push(line);
    }

    /// Keeps what Nix says.
    pub(crate) fn message(&mut self, text: String) {
        self.messages.push(without_colours(&text));
    }

    /// The sentence for a person, and the code.
    pub(crate) fn into_failure(self, what: &str) -> failure::Failure {
        let said = self.messages.join("\n");
        let (code, way_out) = if said.contains("hash mismatch") {
            (
                Code::Data,
                "what came is not what image/lock/ pins: run ./cbox lock if the pin is stale, else do not trust the source",
            )
        } else if said.contains("unable to download") || said.contains("Could not resolve") {
            (
                Code::Unavailable,
                "a server cannot be reached: run ./cbox fetch, which uses this machine's own package clients",
            )
        } else if said.contains("failed with exit code 65") {
            (
                Code::Data,
                "a project file, package or lock is wrong; the end of the step's log:",
            )
        } else {
            (Code::Failed, "the end of the step's log:")
        };
        let log = self.log.join("\n");
        failure::Failure::new(code, format!("cannot build {what}: {way_out}\n{log}\n{said}"))
    }
}

fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A sequence ends with its first letter (ECMA-48).
            for inside in characters.by_ref() {
                if inside.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_starts_prints_and_stops() {
        assert_eq!(
            parse(
                r#"@nix {"action":"start","fields":["/nix/store/zg4h-busybox.drv","",1,1],"id":7,"level":3,"text":"","type":105}"#
            ),
            Some(Event::Started {
                id: 7,
                derivation: "busybox".to_owned()
            })
        );
        assert_eq!(
            parse(r#"@nix {"action":"result","fields":["hello"],"id":7,"type":101}"#),
            Some(Event::Line {
                text: "hello".to_owned()
            })
        );
        assert_eq!(
            parse(r#"@nix {"action":"stop","id":7}"#),
            Some(Event::Stopped { id: 7 })
        );
        assert_eq!(
            parse(r#"@nix {"action":"start","id":1,"level":0,"text":"","type":104}"#),
            None
        );
    }

    #[test]
    fn a_step_that_refuses_its_data_says_so_itself() {
        let mut failure = Failure::default();
        failure.log("assemble: no rule for bash's postinst".to_owned());
        failure.message("error: builder for '/nix/store/x.drv' failed with exit code 65;".to_owned());
        let failure = failure.into_failure("the image");
        assert_eq!(failure.code, Code::Data);
        assert!(failure.to_string().contains("log:\nassemble: no rule"), "{failure}");
    }

    #[test]
    fn a_wrong_hash_is_the_data_s_fault() {
        let mut failure = Failure::default();
        failure.message("\u{1b}[31;1merror:\u{1b}[0m hash mismatch in fixed-output derivation".to_owned());
        let failure = failure.into_failure("the image");
        assert_eq!(failure.code, Code::Data);
        assert!(failure.to_string().contains("error: hash mismatch"), "{failure}");
    }
}
