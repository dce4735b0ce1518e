//! A script: an ordered list of replies, of which the first that fits a request is given.

use std::collections::HashMap;

use serde::Deserialize;
use thiserror::Error;

use crate::reply::{Reply, ReplyError, ReplyTable};
use crate::request::MessagesRequest;

/// The replies of one scripted API. `README.md` describes the format.
#[derive(Debug)]
pub struct Script {
    name: String,
    replies: Vec<Reply>,
}

/// Why a text is no script.
#[derive(Debug, Error)]
pub enum ScriptError {
    /// It is no TOML, or a key or a value is not one of a script.
    #[error("{script}, line {line}, `{source_line}`: {reason}; see the script format in verify/messages-api/README.md")]
    Format {
        /// The script's name.
        script: String,
        /// Counted from 1.
        line: usize,
        /// The whole line.
        source_line: String,
        /// What the parser says.
        reason: String,
    },
    /// It is of another version.
    #[error("{script}: `version = {version}` is not known, write `version = 1`")]
    Version {
        /// The script's name.
        script: String,
        /// The version that it claims.
        version: i64,
    },
    /// It holds no reply.
    #[error("{script}: there is no `[[reply]]`, add one")]
    Empty {
        /// The script's name.
        script: String,
    },
    /// One of its replies makes no sense.
    #[error("{script}, line {line}: reply {reply} {source}")]
    Reply {
        /// The script's name.
        script: String,
        /// The line of the reply's header, counted from 1.
        line: usize,
        /// The reply's number, counted from 1.
        reply: usize,
        /// What is wrong with it.
        source: ReplyError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptTable {
    version: i64,
    #[serde(default)]
    reply: Vec<toml::Spanned<ReplyTable>>,
}

/// How often each reply was given to each session: what `times` limits.
#[derive(Debug, Default)]
pub(crate) struct Spent(HashMap<(String, usize), u32>);

/// What a script has for a request.
#[derive(Debug)]
pub(crate) enum Choice<'a> {
    /// The reply of this number, counted from 1.
    Reply(usize, &'a Reply),
    /// A request beside the conversation, for which the script has no reply of its own.
    Side,
    Nothing,
}

impl Script {
    /// Reads a script; `name` is the file's, for the messages.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the way out.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScriptError> {
        let table: ScriptTable = toml::from_str(text).map_err(|error| format_error(name, text, &error))?;
        if table.version != 1 {
            return Err(ScriptError::Version {
                script: name.to_owned(),
                version: table.version,
            });
        }
        if table.reply.is_empty() {
            return Err(ScriptError::Empty {
                script: name.to_owned(),
            });
        }

        let mut replies: Vec<Reply> = Vec::new();
        for table in table.reply {
            let line = line_of(text, table.span().start);
            let error = |source| ScriptError::Reply {
                script: name.to_owned(),
                line,
                reply: replies.len() + 1,
                source,
            };
            let reply = Reply::try_from(table.into_inner()).map_err(error)?;
            let hidden_by = replies.iter().position(|earlier| {
                earlier.answers_everything() && earlier.when.wants_tools() == reply.when.wants_tools()
            });
            if let Some(index) = hidden_by {
                return Err(error(ReplyError::Unreachable(index + 1)));
            }
            replies.push(reply);
        }
        Ok(Script {
            name: name.to_owned(),
            replies,
        })
    }

    /// The name it was parsed with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Chooses the reply to a request, and counts it.
    pub(crate) fn choose(&self, request: &MessagesRequest, spent: &mut Spent) -> Choice<'_> {
        for (number, reply) in (1..).zip(&self.replies) {
            if reply.when.holds(request) && spent.allows(request.session(), number, reply) {
                return Choice::Reply(number, reply);
            }
        }
        if request.tools.is_empty() {
            Choice::Side
        } else {
            Choice::Nothing
        }
    }
}

impl Spent {
    fn allows(&mut self, session: &str, number: usize, reply: &Reply) -> bool {
        let Some(times) = reply.times else { return true };
        let given = self.0.entry((session.to_owned(), number)).or_default();
        let allowed = *given < times.get();
        *given += u32::from(allowed);
        allowed
    }
}

fn format_error(name: &str, text: &str, error: &toml::de::Error) -> ScriptError {
    let line = line_of(text, error.span().map_or(0, |span| span.start));
    let source_line = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
    let reason = error.message().replace('\n', " ");
    ScriptError::Format {
        script: name.to_owned(),
        line,
        source_line,
        reason,
    }
}

/// Counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
