//! What Claude reads and writes: one JSON object a line. Of those that it writes three kinds matter here.

use serde_json::{Value, json};

/// What makes Claude give up its turn and write a result about it.
pub const INTERRUPT: &str =
    "{\"type\":\"control_request\",\"request_id\":\"end\",\"request\":{\"subtype\":\"interrupt\"}}\n";

/// The prompt as a line that Claude reads. JSON is text: what is none is replaced, as Claude itself would do.
pub fn prompt(prompt: &[u8]) -> String {
    let text = String::from_utf8_lossy(prompt);
    let message = json!({"role": "user", "content": [{"type": "text", "text": text}]});
    format!("{}\n", json!({"type": "user", "message": message}))
}

/// A line that matters.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A turn begins, in this conversation.
    Begin {
        /// Its identity, under which Claude keeps it.
        session_id: String,
    },
    /// The task is over, as far as Claude knows; there may be a later one.
    Result(Box<Report>),
    /// A request failed and is tried again.
    Retry {
        /// How often it was tried, from one.
        attempt: u64,
        /// With what HTTP status it failed, if there was an answer at all.
        status: Option<u64>,
    },
}

impl Message {
    /// Reads a line, if it matters.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        // Most lines do not, and some of these are large. In a string the quotation marks would be escaped.
        let may_be = |mark: &[u8]| line.windows(mark.len()).any(|window| window == mark);
        if !may_be(br#""type":"result""#) && !may_be(br#""subtype":"api_retry""#) && !may_be(br#""subtype":"init""#) {
            return None;
        }
        let message: Value = serde_json::from_slice(line).ok()?;
        if message["type"] == "result" {
            return Some(Self::Result(Box::new(Report::from_message(&message, line))));
        }
        match message["subtype"].as_str()? {
            "api_retry" => Some(Self::Retry {
                attempt: message["attempt"].as_u64().unwrap_or_default(),
                status: message["error_status"].as_u64(),
            }),
            "init" => Some(Self::Begin {
                session_id: message["session_id"].as_str()?.into(),
            }),
            _ => None,
        }
    }
}

/// Claude's last message of type `result`, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The line as Claude wrote it, without its end.
    pub line: Vec<u8>,
    /// Claude calls it an error.
    pub is_error: bool,
    /// The HTTP status with which the API ended it.
    pub api_status: Option<u64>,
    /// What kind of result it is.
    pub subtype: String,
    /// Why Claude stopped; older versions say "completed" to everything.
    pub terminal_reason: String,
    /// The answer, or what went wrong.
    pub text: String,
    /// Which conversation it was.
    pub session_id: String,
    /// Turns taken.
    pub turns: u64,
    /// Cost in US dollars, at list price.
    pub cost_usd: f64,
    /// From start to end.
    pub duration_ms: u64,
}

impl Report {
    fn from_message(message: &Value, line: &[u8]) -> Self {
        let string = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let errors = message["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; ");
        let subtype = string("subtype");
        Self {
            line: line.trim_ascii_end().to_owned(),
            is_error: message["is_error"] == true || subtype.starts_with("error"),
            api_status: message["api_error_status"].as_u64(),
            subtype,
            terminal_reason: string("terminal_reason"),
            text: message["result"].as_str().map_or(errors, str::to_owned),
            session_id: string("session_id"),
            turns: message["num_turns"].as_u64().unwrap_or_default(),
            cost_usd: message["total_cost_usd"].as_f64().unwrap_or_default(),
            duration_ms: message["duration_ms"].as_u64().unwrap_or_default(),
        }
    }
}

/// Finds the lines of a stream that comes in pieces.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// A line that is longer holds nothing that we could make sense of; what is handed on is its beginning.
    const LINE_SIZE_MAX: usize = 64 << 20;

    /// Takes the next piece and hands on each line that it completes.
    pub fn push(&mut self, piece: &[u8], mut each: impl FnMut(&[u8])) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() <= Self::LINE_SIZE_MAX {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                self.finish(&mut each);
            }
        }
    }

    /// The stream has ended, perhaps in the middle of a line.
    pub fn finish(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            each(&self.line);
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"type":"assistant","text":"{\"type\":\"result\"}"}"#)]
    #[case(r#"{"type":"user","inner":{"type":"result"}}"#)]
    #[case(r#"{"type":"user","inner":{"subtype":"api_retry"}}"#)]
    #[case(r#"{"type":"user","inner":{"subtype":"init"}}"#)]
    #[case(r#"{"type":"system","subtype":"init"}"#)]
    #[case(r#"{"type":"result""#)]
    #[case("Not logged in")]
    #[case("")]
    fn no_message(#[case] line: &str) {
        assert_eq!(Message::from_line(line.as_bytes()), None);
    }

    /// As 2.1.329 writes it.
    #[test]
    fn a_retry() {
        let line = r#"{"type":"system","subtype":"api_retry","attempt":3,"max_retries":9,"retry_delay_ms":2108,"error_status":401,"error":"authentication_failed"}"#;
        let expected = Message::Retry {
            attempt: 3,
            status: Some(401),
        };
        assert_eq!(Message::from_line(line.as_bytes()), Some(expected));
    }

    #[test]
    fn a_prompt_is_one_line() {
        let expected =
            r#"{"message":{"content":[{"text":"a\n\"b\" \ufffd","type":"text"}],"role":"user"},"type":"user"}"#;
        let line = prompt(b"a\n\"b\" \xff").replace('\u{fffd}', r"\ufffd");
        assert_eq!(line, format!("{expected}\n"));
    }

    #[test]
    fn a_beginning() {
        let line = r#"{"type":"system","subtype":"init","cwd":"/workspace","session_id":"0b0b","tools":["Bash"]}"#;
        let expected = Message::Begin {
            session_id: "0b0b".into(),
        };
        assert_eq!(Message::from_line(line.as_bytes()), Some(expected));
    }

    #[rstest]
    #[case(1)]
    #[case(2)]
    #[case(7)]
    #[case(1000)]
    fn results_are_found_in_pieces_of_any_size(#[case] piece_size: usize) {
        let stream = b"noise\n{\"type\":\"result\",\"result\":\"first\"}\n{\"type\":\"system\"}\n{\"num_turns\":2,\"type\":\"result\",\"result\":\"last\"}";
        let mut lines = Lines::default();
        let mut texts = Vec::new();
        let mut each = |line: &[u8]| {
            if let Some(Message::Result(report)) = Message::from_line(line) {
                texts.push((report.text, report.turns));
            }
        };
        for piece in stream.chunks(piece_size) {
            lines.push(piece, &mut each);
        }
        lines.finish(&mut each);
        assert_eq!(texts, [("first".to_owned(), 0), ("last".to_owned(), 2)]);
    }
}
