//! A message as a stream of server-sent events, in the order and the framing of Anthropic's API.

use std::iter;

use serde::Serialize;

use crate::message::{Block, Message, SIGNATURE, WireBlock, WireMessage};
use crate::reply::Usage;

/// One event, framed.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_delta: bool,
}

pub(crate) type EventResult = Result<Event, serde_json::Error>;

/// A delta is so many characters; Anthropic's are a few tokens.
const DELTA_CHARACTERS: usize = 16;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireEvent<'a> {
    MessageStart { message: WireMessage<'a> },
    ContentBlockStart { index: usize, content_block: WireBlock<'a> },
    Ping,
    ContentBlockDelta { index: usize, delta: Delta },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Stop, usage: Usage },
    MessageStop,
}

#[derive(Clone, Serialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'static str },
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: String },
}

#[derive(Serialize)]
struct Stop {
    stop_reason: &'static str,
    stop_sequence: Option<&'static str>,
}

/// The events of a message. They are made one by one, so that a flood costs no memory.
pub(crate) fn events(message: Message) -> impl Iterator<Item = EventResult> + Send {
    let start = frame(&WireEvent::MessageStart {
        message: message.begun(),
    });
    let delta = Stop {
        stop_reason: message.stop_reason(),
        stop_sequence: None,
    };
    let stop = frame(&WireEvent::MessageDelta {
        delta,
        usage: message.usage,
    });
    let blocks = message
        .blocks
        .into_iter()
        .enumerate()
        .flat_map(|(index, block)| block_events(index, block));
    iter::once(start)
        .chain(blocks)
        .chain([stop, frame(&WireEvent::MessageStop)])
}

fn block_events(index: usize, block: Block) -> impl Iterator<Item = EventResult> + Send {
    let start = frame(&WireEvent::ContentBlockStart {
        index,
        content_block: block.begun(),
    });
    let ping = (index == 0).then(|| frame(&WireEvent::Ping));
    let deltas = deltas(block).map(move |delta| frame(&WireEvent::ContentBlockDelta { index, delta }));
    iter::once(start)
        .chain(ping)
        .chain(deltas)
        .chain([frame(&WireEvent::ContentBlockStop { index })])
}

fn deltas(block: Block) -> Box<dyn Iterator<Item = Delta> + Send> {
    match block {
        Block::Thinking(text) => {
            let signature = Delta::Signature { signature: SIGNATURE };
            Box::new(
                pieces(&text)
                    .map(|thinking| Delta::Thinking { thinking })
                    .chain([signature]),
            )
        }
        Block::Text(text) => Box::new(pieces(&text).map(|text| Delta::Text { text })),
        Block::Flood { deltas, text } => Box::new(iter::repeat_n(Delta::Text { text }, deltas)),
        Block::ToolUse { input, .. } => {
            // Anthropic's first piece of an input is empty.
            let inputs = iter::once(String::new()).chain(pieces(&input.to_string()));
            Box::new(inputs.map(|partial_json| Delta::Input { partial_json }))
        }
    }
}

fn pieces(text: &str) -> impl Iterator<Item = String> + Send + use<> {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters
        .chunks(DELTA_CHARACTERS)
        .map(|piece| piece.iter().collect())
        .collect();
    pieces.into_iter()
}

fn frame(event: &WireEvent<'_>) -> EventResult {
    let name = match event {
        WireEvent::MessageStart { .. } => "message_start",
        WireEvent::ContentBlockStart { .. } => "content_block_start",
        WireEvent::Ping => "ping",
        WireEvent::ContentBlockDelta { .. } => "content_block_delta",
        WireEvent::ContentBlockStop { .. } => "content_block_stop",
        WireEvent::MessageDelta { .. } => "message_delta",
        WireEvent::MessageStop => "message_stop",
    };
    let data = serde_json::to_string(event)?;
    let bytes = format!("event: {name}\ndata: {data}\n\n").into_bytes();
    Ok(Event {
        bytes,
        is_delta: matches!(event, WireEvent::ContentBlockDelta { .. }),
    })
}
