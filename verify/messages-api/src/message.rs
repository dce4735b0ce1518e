//! A message of the assistant, and the body that carries it when it is not streamed.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::reply::Usage;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) usage: Usage,
}

#[derive(Clone, Debug)]
pub(crate) enum Block {
    Thinking(String),
    Text(String),
    /// The text so many times; it is never whole in memory when it is streamed.
    Flood {
        deltas: usize,
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
}

/// Stands for what Anthropic signs thinking with; clients send it back unread.
pub(crate) const SIGNATURE: &str = "c2NyaXB0ZWQ=";

/// A message on the wire: whole, or as a stream begins it.
#[derive(Serialize)]
pub(crate) struct WireMessage<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<WireBlock<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'static str>,
    usage: Usage,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum WireBlock<'a> {
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    Text {
        text: Cow<'a, str>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Cow<'a, Value>,
    },
}

impl Message {
    pub(crate) fn stop_reason(&self) -> &'static str {
        let calls_tool = self.blocks.iter().any(|block| matches!(block, Block::ToolUse { .. }));
        if calls_tool { "tool_use" } else { "end_turn" }
    }

    pub(crate) fn whole(&self) -> WireMessage<'_> {
        let content = self.blocks.iter().map(Block::whole).collect();
        WireMessage {
            content,
            stop_reason: Some(self.stop_reason()),
            ..self.begun()
        }
    }

    /// Without content, and with the one token of output that every stream begins with.
    pub(crate) fn begun(&self) -> WireMessage<'_> {
        WireMessage {
            id: &self.id,
            r#type: "message",
            role: "assistant",
            model: &self.model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: Usage {
                output_tokens: 1,
                ..self.usage
            },
        }
    }
}

impl Block {
    fn whole(&self) -> WireBlock<'_> {
        match self {
            Block::Thinking(thinking) => WireBlock::Thinking {
                thinking,
                signature: SIGNATURE,
            },
            Block::Text(text) => WireBlock::Text { text: text.into() },
            Block::Flood { deltas, text } => WireBlock::Text {
                text: text.repeat(*deltas).into(),
            },
            Block::ToolUse { id, name, input } => WireBlock::ToolUse {
                id,
                name,
                input: Cow::Borrowed(input),
            },
        }
    }

    /// Empty, as a stream begins it.
    pub(crate) fn begun(&self) -> WireBlock<'_> {
        match self {
            Block::Thinking(_) => WireBlock::Thinking {
                thinking: "",
                signature: "",
            },
            Block::Text(_) | Block::Flood { .. } => WireBlock::Text { text: "".into() },
            Block::ToolUse { id, name, .. } => WireBlock::ToolUse {
                id,
                name,
                input: Cow::Owned(Value::Object(Map::new())),
            },
        }
    }
}
