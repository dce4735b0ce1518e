//! What became of a task: read from what Claude wrote and how it ended, without asking anyone.
//!
//! The exit code of Claude says little: it is 0 after an interrupt and 1 for everything else. Its last message says more, but its
//! `subtype` is "success" even when the API refused the request. What decides is written down here, one table in the tests.

use crate::error::exit_code;
use serde_json::Value;

/// Claude's last message of type `result`, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
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
    /// Turns taken.
    pub turns: u64,
    /// Cost in US dollars, at list price.
    pub cost_usd: f64,
    /// From start to end.
    pub duration_ms: u64,
}

impl Report {
    /// Reads a line of Claude's output, if it is a result.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        // Most lines are none, and some of these are large. In a string the quotation marks would be escaped.
        const MARK: &[u8] = br#""type":"result""#;
        if !line.windows(MARK.len()).any(|window| window == MARK) {
            return None;
        }
        let message: Value = serde_json::from_slice(line).ok()?;
        (message["type"] == "result").then(|| Self::from_message(&message))
    }

    fn from_message(message: &Value) -> Self {
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
            is_error: message["is_error"] == true || subtype.starts_with("error"),
            api_status: message["api_error_status"].as_u64(),
            subtype,
            terminal_reason: string("terminal_reason"),
            text: message["result"].as_str().map_or(errors, str::to_owned),
            turns: message["num_turns"].as_u64().unwrap_or_default(),
            cost_usd: message["total_cost_usd"].as_f64().unwrap_or_default(),
            duration_ms: message["duration_ms"].as_u64().unwrap_or_default(),
        }
    }
}

/// Finds results in a stream that comes in pieces.
#[derive(Debug, Default)]
pub struct Scanner {
    line: Vec<u8>,
}

impl Scanner {
    /// A line that is longer holds no result that we could make sense of.
    const LINE_SIZE_MAX: usize = 64 << 20;

    /// Takes the next piece; returns the last result that it completes.
    pub fn push(&mut self, piece: &[u8]) -> Option<Report> {
        let mut report = None;
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() <= Self::LINE_SIZE_MAX {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                report = self.finish().or(report);
            }
        }
        report
    }

    /// The stream has ended, perhaps in the middle of a line.
    pub fn finish(&mut self) -> Option<Report> {
        let report = Report::from_line(&self.line);
        self.line.clear();
        report
    }
}

/// How Claude's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// What became of the task.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the box ends with.
    pub exit_code: u8,
    /// Why, as the beginning of a sentence.
    pub reason: String,
}

/// Decides. `signal` is the first one with which somebody asked the box to end.
pub fn classify(report: Option<&Report>, end: End, signal: Option<i32>) -> Outcome {
    let outcome = |exit_code, reason: String| Outcome { exit_code, reason };
    match (report, signal) {
        // A result counts, even if a signal came while it was written.
        (Some(report), _) if !report.is_error => outcome(exit_code::DONE, "done".into()),
        (_, Some(signal)) => outcome(signal_code(signal), format!("stopped by signal {signal}")),
        (Some(report), None) => {
            let (exit_code, reason) = classify_error(report);
            outcome(exit_code, format!("{reason}{}", excerpt(&report.text)))
        }
        (None, None) => match end {
            End::Killed(signal) => outcome(signal_code(signal), format!("Claude was ended by signal {signal}")),
            // Claude passes on the signal that ended it in this way, as a shell does.
            End::Exited(code @ 129..=192) => outcome(code as u8, format!("Claude was ended by signal {}", code - 128)),
            End::Exited(code) => outcome(
                exit_code::NO_RESULT,
                format!("Claude ended without a result (its exit code was {code})"),
            ),
        },
    }
}

fn classify_error(report: &Report) -> (u8, String) {
    if let Some(status) = report.api_status {
        return match status {
            401 | 403 => (
                exit_code::NOT_PERMITTED,
                format!("the API refused the credential (HTTP {status})"),
            ),
            429 | 529 => (
                exit_code::TRY_LATER,
                format!("the API is rate limiting or overloaded (HTTP {status})"),
            ),
            408 | 500.. => (exit_code::UNAVAILABLE, format!("the API failed (HTTP {status})")),
            _ => (
                exit_code::REFUSED,
                format!("the API refused the request (HTTP {status})"),
            ),
        };
    }
    if report.text.starts_with("Not logged in") || report.text.starts_with("Invalid API key") {
        return (exit_code::NOT_PERMITTED, "Claude does not accept the credential".into());
    }
    if report.text.starts_with("API Error") {
        return (exit_code::UNAVAILABLE, "the API cannot be reached".into());
    }
    let kind = if report.subtype == "success" {
        &report.terminal_reason
    } else {
        &report.subtype
    };
    (exit_code::CLAUDE_FAILED, format!("Claude reported an error ({kind})"))
}

fn signal_code(signal: i32) -> u8 {
    exit_code::SIGNAL_BASE.saturating_add(u8::try_from(signal).unwrap_or_default())
}

/// As much of a text as fits a line, and no character that could disturb a terminal.
fn excerpt(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let mut line: String = text
        .chars()
        .take(CHARACTERS_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        line.push_str("...");
    }
    if line.is_empty() { line } else { format!(": {line}") }
}

/// One line about all of it.
pub fn summary(outcome: &Outcome, report: Option<&Report>) -> String {
    let Outcome { exit_code, reason } = outcome;
    let effort = report.map_or_else(String::new, |report| {
        let plural = if report.turns == 1 { "" } else { "s" };
        format!(
            "; {} turn{plural}, {:.4} USD, {:.1} s",
            report.turns,
            report.cost_usd,
            report.duration_ms as f64 / 1000.0
        )
    });
    format!("{reason}{effort}; exit code {exit_code}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// What the two versions of Claude wrote for each kind of end; both agree on `is_error` and `api_error_status`, and on little else.
    #[rstest]
    // A result without an error is a success, whatever else happens.
    #[case(
        r#"{"is_error":false,"subtype":"success","terminal_reason":"completed","result":"Hi"}"#,
        End::Exited(0),
        None,
        0,
        "done"
    )]
    #[case(
        r#"{"is_error":false,"subtype":"success","result":"Hi"}"#,
        End::Killed(15),
        Some(15),
        0,
        "done"
    )]
    #[case(
        r#"{"is_error":false,"subtype":"success","result":"API Error: not really"}"#,
        End::Exited(0),
        None,
        0,
        "done"
    )]
    // The API's answers, as 2.1.329 tells them ...
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":400,"terminal_reason":"api_error","result":"API Error: 400 prompt is not acceptable"}"#, End::Exited(1), None, 65, "the API refused the request (HTTP 400): API Error: 400 prompt is not acceptable")]
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":401,"terminal_reason":"api_error","result":"Invalid API key · Fix external API key"}"#, End::Exited(1), None, 77, "the API refused the credential (HTTP 401): Invalid API key · Fix external API key")]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":403,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        77,
        "the API refused the credential (HTTP 403)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":404,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        65,
        "the API refused the request (HTTP 404)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":413,"terminal_reason":"image_error","result":""}"#,
        End::Exited(1),
        None,
        65,
        "the API refused the request (HTTP 413)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":422,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        65,
        "the API refused the request (HTTP 422)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":429,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        75,
        "the API is rate limiting or overloaded (HTTP 429)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":500,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        69,
        "the API failed (HTTP 500)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":503,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        69,
        "the API failed (HTTP 503)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":529,"terminal_reason":"api_error","result":""}"#,
        End::Exited(1),
        None,
        75,
        "the API is rate limiting or overloaded (HTTP 529)"
    )]
    // ... and as 2.1.112 does.
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":401,"terminal_reason":"completed","result":"Invalid API key · Fix external API key"}"#, End::Exited(1), None, 77, "the API refused the credential (HTTP 401): Invalid API key · Fix external API key")]
    #[case(
        r#"{"is_error":true,"subtype":"success","api_error_status":529,"terminal_reason":"completed","result":""}"#,
        End::Exited(1),
        None,
        75,
        "the API is rate limiting or overloaded (HTTP 529)"
    )]
    // No answer, or a cut one.
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":null,"terminal_reason":"api_error","result":"API Error: Connection dropped (ECONNRESET)."}"#, End::Exited(1), None, 69, "the API cannot be reached: API Error: Connection dropped (ECONNRESET).")]
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":null,"terminal_reason":"completed","result":"API Error: Unable to connect to API (ECONNREFUSED)"}"#, End::Exited(1), None, 69, "the API cannot be reached: API Error: Unable to connect to API (ECONNREFUSED)")]
    // Claude itself refuses the credential.
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":null,"terminal_reason":"api_error","result":"Not logged in · Please run /login"}"#, End::Exited(1), None, 77, "Claude does not accept the credential: Not logged in · Please run /login")]
    // Claude's own errors.
    #[case(r#"{"is_error":true,"subtype":"error_max_budget_usd","terminal_reason":"budget_exhausted","errors":["Reached maximum budget ($1)"]}"#, End::Exited(1), None, 1, "Claude reported an error (error_max_budget_usd): Reached maximum budget ($1)")]
    #[case(
        r#"{"is_error":false,"subtype":"error_max_turns"}"#,
        End::Exited(1),
        None,
        1,
        "Claude reported an error (error_max_turns)"
    )]
    #[case(
        r#"{"is_error":true,"subtype":"success","terminal_reason":"prompt_too_long","result":"Prompt is too long"}"#,
        End::Exited(1),
        None,
        1,
        "Claude reported an error (prompt_too_long): Prompt is too long"
    )]
    // An interrupt: 2.1.329 writes a result and exits with 0.
    #[case(
        r#"{"is_error":true,"subtype":"error_during_execution","terminal_reason":"aborted_tools","errors":["x"]}"#,
        End::Exited(0),
        Some(2),
        130,
        "stopped by signal 2"
    )]
    // No result at all.
    #[case("", End::Exited(143), Some(15), 143, "stopped by signal 15")]
    #[case("", End::Exited(143), None, 143, "Claude was ended by signal 15")]
    #[case("", End::Killed(9), None, 137, "Claude was ended by signal 9")]
    #[case("", End::Exited(0), None, 70, "Claude ended without a result (its exit code was 0)")]
    #[case("", End::Exited(1), None, 70, "Claude ended without a result (its exit code was 1)")]
    #[case("", End::Exited(1), Some(1), 129, "stopped by signal 1")]
    fn outcomes(
        #[case] message: &str,
        #[case] end: End,
        #[case] signal: Option<i32>,
        #[case] exit_code: u8,
        #[case] reason: &str,
    ) {
        let report = Report::from_line(message.replacen('{', r#"{"type":"result","#, 1).as_bytes());
        assert_eq!(
            classify(report.as_ref(), end, signal),
            Outcome {
                exit_code,
                reason: reason.into()
            }
        );
    }

    #[rstest]
    #[case(r#"{"type":"assistant","text":"{\"type\":\"result\"}"}"#)]
    #[case(r#"{"type":"user","inner":{"type":"result"}}"#)]
    #[case(r#"{"type":"result""#)]
    #[case("Not logged in")]
    #[case("")]
    fn no_report(#[case] line: &str) {
        assert_eq!(Report::from_line(line.as_bytes()), None);
    }

    #[rstest]
    #[case(1)]
    #[case(2)]
    #[case(7)]
    #[case(1000)]
    fn the_last_result_is_found_in_pieces_of_any_size(#[case] piece_size: usize) {
        let stream = b"noise\n{\"type\":\"result\",\"result\":\"first\"}\n{\"type\":\"system\"}\n{\"num_turns\":2,\"type\":\"result\",\"result\":\"last\"}";
        let mut scanner = Scanner::default();
        let mut reports: Vec<_> = stream
            .chunks(piece_size)
            .filter_map(|piece| scanner.push(piece))
            .collect();
        reports.extend(scanner.finish());
        let texts: Vec<_> = reports
            .iter()
            .map(|report| (report.text.as_str(), report.turns))
            .collect();
        assert_eq!(texts, [("first", 0), ("last", 2)]);
    }

    #[test]
    fn the_summary_is_one_line() {
        let text = format!("a\nb\u{1b}[2J{}", "c".repeat(300));
        let report = Report {
            is_error: true,
            text,
            turns: 1,
            cost_usd: 0.01234,
            duration_ms: 1550,
            ..Report::default()
        };
        let outcome = classify(Some(&report), End::Exited(1), None);
        let expected = format!(
            "Claude reported an error (): a b [2J{}...; 1 turn, 0.0123 USD, 1.6 s; exit code 1",
            "c".repeat(193)
        );
        assert_eq!(summary(&outcome, Some(&report)), expected);
    }

    #[test]
    fn without_a_report_the_summary_tells_no_effort() {
        let outcome = classify(None, End::Exited(1), None);
        assert_eq!(
            summary(&outcome, None),
            "Claude ended without a result (its exit code was 1); exit code 70"
        );
    }
}
