//! One reply of a script: as it is written ([`ReplyTable`]), and as it is given ([`Reply`]).

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::condition::Condition;
use crate::error::{ApiError, kind_of};
use crate::message::{Block, Message};
use crate::request::MessagesRequest;
use crate::template::{MissingResult, Template};

/// A `[[reply]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ReplyTable {
    #[serde(default)]
    when: Condition,
    times: Option<NonZeroU32>,
    thinking: Option<String>,
    text: Option<Template>,
    flood: Option<Flood>,
    #[serde(default)]
    tools: Vec<ToolCall>,
    usage: Option<Usage>,
    error: Option<ErrorTable>,
    #[serde(default)]
    pace: Pace,
    fault: Option<Fault>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) when: Condition,
    pub(crate) times: Option<NonZeroU32>,
    pub(crate) content: ReplyContent,
    pub(crate) pace: Pace,
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug)]
pub(crate) enum ReplyContent {
    Message(ScriptedMessage),
    Error(ApiError),
}

#[derive(Debug)]
pub(crate) struct ScriptedMessage {
    thinking: Option<String>,
    text: Option<Template>,
    flood: Option<Flood>,
    tools: Vec<ToolCall>,
    usage: Usage,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    name: String,
    #[serde(default)]
    input: toml::Table,
}

/// A text that arrives in very many pieces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flood {
    deltas: usize,
    text: String,
}

/// Tokens, written in kebab case and sent in snake case. The defaults are no zeros, so that a run always costs something.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all(deserialize = "kebab-case"))]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) cache_creation_input_tokens: u64,
    pub(crate) cache_read_input_tokens: u64,
    pub(crate) output_tokens: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Usage {
            input_tokens: 1000,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 100,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ErrorTable {
    status: u16,
    kind: Option<String>,
    message: Option<String>,
    retry_after_seconds: Option<u32>,
    should_retry: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Pace {
    before_first_byte_ms: u64,
    between_deltas_ms: u64,
}

impl Pace {
    pub(crate) fn before_first_byte(self) -> Duration {
        Duration::from_millis(self.before_first_byte_ms)
    }

    pub(crate) fn between_deltas(self) -> Duration {
        Duration::from_millis(self.between_deltas_ms)
    }
}

/// What goes wrong on the way, after so many events; after the last one at the latest.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// The connection is dropped.
    CutAfterEvents(usize),
    /// The connection stays open and silent.
    HangAfterEvents(usize),
}

impl Fault {
    pub(crate) fn after_events(self) -> usize {
        match self {
            Fault::CutAfterEvents(events) | Fault::HangAfterEvents(events) => events,
        }
    }
}

/// What is wrong with a reply that is well-formed TOML.
#[derive(Debug, Error, PartialEq)]
pub enum ReplyError {
    /// It neither says nor does anything.
    #[error("says nothing, give it `text`, `thinking`, `flood`, `tools`, `error` or `fault`")]
    Nothing,
    /// Two keys contradict each other.
    #[error("has both `{0}` and `{1}`, remove one of them")]
    Both(&'static str, &'static str),
    /// `error.status` is not one of an error.
    #[error("has `error.status = {0}`, which is no error, write a status from 400 to 599")]
    Status(u16),
    /// `error.kind` is missing, and the status does not imply it.
    #[error("has `error.status = {0}`, for which Anthropic has no name, add `error.kind`")]
    KindMissing(u16),
    /// An earlier reply, counted from 1, answers all that this one could.
    #[error("is never reached, since reply {0} answers everything: move it up, or give reply {0} `when` or `times`")]
    Unreachable(usize),
}

impl TryFrom<ReplyTable> for Reply {
    type Error = ReplyError;

    fn try_from(table: ReplyTable) -> Result<Self, ReplyError> {
        let ReplyTable {
            when,
            times,
            thinking,
            text,
            flood,
            tools,
            usage,
            error,
            pace,
            fault,
        } = table;
        let said = [
            ("thinking", thinking.is_some()),
            ("text", text.is_some()),
            ("flood", flood.is_some()),
            ("tools", !tools.is_empty()),
            ("usage", usage.is_some()),
            ("fault", fault.is_some()),
        ];
        if text.is_some() && flood.is_some() {
            return Err(ReplyError::Both("text", "flood"));
        }
        let content = match (error, said.iter().find(|(_, present)| *present)) {
            (Some(_), Some((key, _))) => return Err(ReplyError::Both("error", key)),
            (Some(error), None) => ReplyContent::Error(error.try_into()?),
            (None, None | Some(("usage", _))) if fault.is_none() => return Err(ReplyError::Nothing),
            (None, _) => {
                let usage = usage.unwrap_or_default();
                ReplyContent::Message(ScriptedMessage {
                    thinking,
                    text,
                    flood,
                    tools,
                    usage,
                })
            }
        };
        Ok(Reply {
            when,
            times,
            content,
            pace,
            fault,
        })
    }
}

impl TryFrom<ErrorTable> for ApiError {
    type Error = ReplyError;

    fn try_from(table: ErrorTable) -> Result<Self, ReplyError> {
        let ErrorTable {
            status,
            kind,
            message,
            retry_after_seconds,
            should_retry,
        } = table;
        if !(400..600).contains(&status) {
            return Err(ReplyError::Status(status));
        }
        let kind = kind
            .or_else(|| kind_of(status).map(str::to_owned))
            .ok_or(ReplyError::KindMissing(status))?;
        let message = message.unwrap_or_else(|| format!("scripted {kind}"));
        Ok(ApiError {
            status,
            kind,
            message,
            retry_after_seconds,
            should_retry,
        })
    }
}

impl Reply {
    /// Whether nothing is left of its kind, tools or no tools, for the replies after it.
    pub(crate) fn answers_everything(&self) -> bool {
        self.times.is_none() && self.when.always_holds()
    }
}

impl ScriptedMessage {
    /// The message that answers a request. The number makes its ids unlike those of the server's other messages, the
    /// turn unlike those that an earlier server gave to the same conversation.
    pub(crate) fn render(&self, request: &MessagesRequest, number: u64) -> Result<Message, MissingResult> {
        let turn = request.turn();
        let text = self
            .text
            .as_ref()
            .map(|text| text.render(&request.tool_results()))
            .transpose()?;
        let tool_use = |(index, tool): (usize, &ToolCall)| Block::ToolUse {
            id: format!("toolu_{turn:06}{number:012}{index:06}"),
            name: tool.name.clone(),
            input: json_object(&tool.input),
        };

        let mut blocks = Vec::new();
        blocks.extend(self.thinking.clone().map(Block::Thinking));
        blocks.extend(text.map(Block::Text));
        blocks.extend(self.flood.clone().map(|flood| Block::Flood {
            deltas: flood.deltas,
            text: flood.text,
        }));
        blocks.extend(self.tools.iter().enumerate().map(tool_use));
        Ok(Message {
            id: message_id(turn, number),
            model: request.model.clone(),
            blocks,
            usage: self.usage,
        })
    }
}

/// What a request without tools gets when no reply is meant for it.
pub(crate) fn side_message(request: &MessagesRequest, number: u64) -> Message {
    Message {
        id: message_id(request.turn(), number),
        model: request.model.clone(),
        blocks: vec![Block::Text("ok".to_owned())],
        usage: Usage::default(),
    }
}

fn message_id(turn: usize, number: u64) -> String {
    format!("msg_{turn:06}{number:018}")
}

fn json_object(table: &toml::Table) -> serde_json::Value {
    serde_json::Value::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect())
}

fn json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Table(table) => json_object(table),
    }
}
