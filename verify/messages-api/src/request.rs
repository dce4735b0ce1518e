//! A request to `/v1/messages`: of its many fields, those that a script can ask about.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest {
    pub(crate) model: String,
    pub(crate) messages: Vec<RequestMessage>,
    #[serde(default)]
    pub(crate) tools: Vec<OfferedTool>,
    #[serde(default)]
    pub(crate) stream: bool,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RequestMessage {
    role: String,
    content: Blocks,
}

/// Tools that Anthropic's servers run have a name too.
#[derive(Debug, Deserialize)]
pub(crate) struct OfferedTool {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Blocks {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
    },
    ToolResult {
        tool_use_id: String,
        content: Option<Blocks>,
        #[serde(default)]
        is_error: bool,
    },
    #[serde(other)]
    Other,
}

/// What a tool gave back.
#[derive(Debug, PartialEq)]
pub(crate) struct ToolResult {
    pub(crate) tool_use_id: String,
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

impl MessagesRequest {
    /// How many messages of the assistant the conversation holds: 0 when the user speaks first.
    pub(crate) fn turn(&self) -> usize {
        self.messages
            .iter()
            .filter(|message| message.role == "assistant")
            .count()
    }

    pub(crate) fn offers(&self, tool: &str) -> bool {
        self.tools.iter().any(|offered| offered.name == tool)
    }

    /// Who speaks: constant within one session of Claude Code, its retries included.
    pub(crate) fn session(&self) -> &str {
        self.metadata.user_id.as_deref().unwrap_or_default()
    }

    /// The tool results in the last message of the user, in their order.
    pub(crate) fn last_tool_results(&self) -> Vec<ToolResult> {
        self.last_user_message()
            .map(|message| message.content.tool_results())
            .unwrap_or_default()
    }

    /// The tool results of the whole conversation, in the order of the calls: of several at once, any may end first.
    pub(crate) fn tool_results(&self) -> Vec<ToolResult> {
        let calls: Vec<&str> = self
            .messages
            .iter()
            .flat_map(|message| message.content.tool_calls())
            .collect();
        let mut results: Vec<ToolResult> = self
            .messages
            .iter()
            .flat_map(|message| message.content.tool_results())
            .collect();
        results.sort_by_key(|result| calls.iter().position(|call| *call == result.tool_use_id));
        results
    }

    /// The text in the last message of the user, without the reminders that Claude Code adds to it.
    pub(crate) fn last_text(&self) -> String {
        self.last_user_message()
            .map(|message| message.content.text())
            .unwrap_or_default()
    }

    fn last_user_message(&self) -> Option<&RequestMessage> {
        self.messages.iter().rfind(|message| message.role == "user")
    }
}

impl Blocks {
    fn text(&self) -> String {
        match self {
            Blocks::Text(text) => text.clone(),
            Blocks::Blocks(blocks) => {
                let texts: Vec<&str> = blocks
                    .iter()
                    .filter_map(Block::text)
                    .filter(|text| !is_reminder(text))
                    .collect();
                texts.join("\n")
            }
        }
    }

    fn tool_calls(&self) -> impl Iterator<Item = &str> {
        let blocks = match self {
            Blocks::Text(_) => &[],
            Blocks::Blocks(blocks) => blocks.as_slice(),
        };
        blocks.iter().filter_map(Block::tool_call)
    }

    fn tool_results(&self) -> Vec<ToolResult> {
        match self {
            Blocks::Text(_) => Vec::new(),
            Blocks::Blocks(blocks) => blocks.iter().filter_map(Block::tool_result).collect(),
        }
    }
}

impl Block {
    fn text(&self) -> Option<&str> {
        match self {
            Block::Text { text } => Some(text),
            Block::ToolUse { .. } | Block::ToolResult { .. } | Block::Other => None,
        }
    }

    fn tool_call(&self) -> Option<&str> {
        match self {
            Block::ToolUse { id } => Some(id),
            Block::Text { .. } | Block::ToolResult { .. } | Block::Other => None,
        }
    }

    fn tool_result(&self) -> Option<ToolResult> {
        match self {
            Block::ToolResult {
                tool_use_id,
                content,
                is_error,
            } => Some(ToolResult {
                tool_use_id: tool_use_id.clone(),
                text: content.as_ref().map(Blocks::text).unwrap_or_default(),
                is_error: *is_error,
            }),
            Block::Text { .. } | Block::ToolUse { .. } | Block::Other => None,
        }
    }
}

fn is_reminder(text: &str) -> bool {
    text.trim_start().starts_with("<system-reminder>")
}
