//! What became of a task: read from what Claude wrote and how it ended, without asking anyone.
//!
//! The exit code of Claude says little: it is 0 after an interrupt and 1 for everything else. Its last message says more, but its
//! `subtype` is "success" even when the API refused the request. What decides is written down here, one table in the tests.

use crate::error::exit_code;
use crate::message::Report;

/// How Claude's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Why the task was ended though Claude had not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody sent the box this signal.
    Signal(i32),
    /// The task took longer than it may, in seconds.
    Deadline(u64),
    /// Claude wrote nothing for so many seconds.
    Silence(u64),
    /// The API refused the credential with this HTTP status, again and again, and Claude went on trying.
    Refusal(u64),
}

/// What became of a task, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Claude finished and reported no error.
    Done,
    /// Claude reported an error of its own, or nobody took its result.
    Error,
    /// The credential was refused.
    Auth,
    /// The API could not be reached, failed, or refused the request.
    Api,
    /// A limit of turns or cost was reached.
    Budget,
    /// It took too long, or was silent for too long.
    Timeout,
    /// Somebody asked for the end.
    Cancelled,
    /// Claude ended without a result.
    Crash,
}

impl Reason {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Auth => "auth",
            Self::Api => "api",
            Self::Budget => "budget",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Crash => "crash",
        }
    }
}

/// What became of the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What the box ends with.
    pub exit_code: u8,
    /// In one word.
    pub reason: Reason,
    /// Why, as the beginning of a sentence.
    pub sentence: String,
}

/// Decides. `stop` is the first thing for which the task was to be ended before its time.
pub fn classify(report: Option<&Report>, end: End, stop: Option<Stop>) -> Outcome {
    match (report, stop) {
        // A result counts, even if it was to be ended while it was written.
        (Some(report), _) if !report.is_error => outcome(exit_code::DONE, Reason::Done, "done".into()),
        (_, Some(stop)) => stopped(stop),
        (Some(report), None) => {
            let mut outcome = classify_error(report);
            outcome.sentence.push_str(&excerpt(&report.text));
            outcome
        }
        (None, None) => match end {
            // Claude passes on the signal that ended it in this way, as a shell does.
            End::Killed(signal) => crashed(signal),
            End::Exited(code @ 129..=192) => crashed(code - 128),
            End::Exited(code) => outcome(
                exit_code::NO_RESULT,
                Reason::Crash,
                format!("Claude ended without a result (its exit code was {code})"),
            ),
        },
    }
}

fn outcome(exit_code: u8, reason: Reason, sentence: String) -> Outcome {
    Outcome {
        exit_code,
        reason,
        sentence,
    }
}

fn crashed(signal: i32) -> Outcome {
    let sentence = format!("Claude was ended by signal {signal}");
    outcome(exit_code::of_signal(signal), Reason::Crash, sentence)
}

fn stopped(stop: Stop) -> Outcome {
    match stop {
        Stop::Signal(signal) => outcome(
            exit_code::of_signal(signal),
            Reason::Cancelled,
            format!("stopped by signal {signal}"),
        ),
        Stop::Deadline(seconds) => outcome(
            exit_code::OUT_OF_TIME,
            Reason::Timeout,
            format!("not done within {seconds} s (CLAUDE_DEADLINE_SECONDS)"),
        ),
        Stop::Silence(seconds) => outcome(
            exit_code::OUT_OF_TIME,
            Reason::Timeout,
            format!("Claude said nothing for {seconds} s (CLAUDE_SILENCE_SECONDS)"),
        ),
        Stop::Refusal(status) => refused(status),
    }
}

fn refused(status: u64) -> Outcome {
    outcome(
        exit_code::NOT_PERMITTED,
        Reason::Auth,
        format!("the API refused the credential (HTTP {status})"),
    )
}

fn classify_error(report: &Report) -> Outcome {
    if let Some(status) = report.api_status {
        return match status {
            401 | 403 => refused(status),
            429 | 529 => outcome(
                exit_code::TRY_LATER,
                Reason::Api,
                format!("the API is rate limiting or overloaded (HTTP {status})"),
            ),
            408 | 500.. => outcome(
                exit_code::UNAVAILABLE,
                Reason::Api,
                format!("the API failed (HTTP {status})"),
            ),
            _ => outcome(
                exit_code::REFUSED,
                Reason::Api,
                format!("the API refused the request (HTTP {status})"),
            ),
        };
    }
    if report.text.starts_with("Not logged in") || report.text.starts_with("Invalid API key") {
        let sentence = "Claude does not accept the credential".into();
        return outcome(exit_code::NOT_PERMITTED, Reason::Auth, sentence);
    }
    // Bedrock's and Vertex's, of which Claude finds none.
    if report.text.starts_with("API Error: Could not load ") {
        let sentence = "Claude finds no credential of the cloud".into();
        return outcome(exit_code::NOT_PERMITTED, Reason::Auth, sentence);
    }
    if report.text.starts_with("API Error") {
        let sentence = "the API cannot be reached".into();
        return outcome(exit_code::UNAVAILABLE, Reason::Api, sentence);
    }
    let kind = if report.subtype == "success" {
        &report.terminal_reason
    } else {
        &report.subtype
    };
    let reason = match kind.as_str() {
        "error_max_turns" | "error_max_budget_usd" | "max_turns" | "budget_exhausted" => Reason::Budget,
        _ => Reason::Error,
    };
    outcome(
        exit_code::CLAUDE_FAILED,
        reason,
        format!("Claude reported an error ({kind})"),
    )
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
    let Outcome {
        exit_code, sentence, ..
    } = outcome;
    let effort = report.map_or_else(String::new, |report| {
        let plural = if report.turns == 1 { "" } else { "s" };
        format!(
            "; {} turn{plural}, {:.4} USD, {:.1} s",
            report.turns,
            report.cost_usd,
            report.duration_ms as f64 / 1000.0
        )
    });
    format!("{sentence}{effort}; exit code {exit_code}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
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
    #[case(r#"{"is_error":true,"subtype":"success","api_error_status":null,"terminal_reason":"api_error","result":"API Error: Could not load AWS credentials"}"#, End::Exited(1), None, 77, "Claude finds no credential of the cloud: API Error: Could not load AWS credentials")]
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
        #[case] sentence: &str,
    ) {
        let outcome = classify(report(message).as_ref(), end, signal.map(Stop::Signal));
        assert_eq!((outcome.exit_code, outcome.sentence.as_str()), (exit_code, sentence));
    }

    #[rstest]
    #[case(r#"{"is_error":false}"#, None, Reason::Done)]
    #[case(
        r#"{"is_error":true,"subtype":"success","terminal_reason":"prompt_too_long"}"#,
        None,
        Reason::Error
    )]
    #[case(r#"{"is_error":true,"api_error_status":401}"#, None, Reason::Auth)]
    #[case(r#"{"is_error":true,"api_error_status":400}"#, None, Reason::Api)]
    #[case(r#"{"is_error":true,"api_error_status":529}"#, None, Reason::Api)]
    #[case(r#"{"is_error":true,"result":"API Error: Connection dropped"}"#, None, Reason::Api)]
    #[case(r#"{"is_error":true,"result":"Not logged in"}"#, None, Reason::Auth)]
    #[case(r#"{"is_error":true,"subtype":"error_max_budget_usd"}"#, None, Reason::Budget)]
    #[case(r#"{"is_error":true,"subtype":"error_max_turns"}"#, None, Reason::Budget)]
    #[case("", None, Reason::Crash)]
    #[case("", Some(Stop::Signal(15)), Reason::Cancelled)]
    // What Claude says when it is interrupted is not why it was.
    #[case(
        r#"{"is_error":true,"subtype":"error_during_execution"}"#,
        Some(Stop::Deadline(9)),
        Reason::Timeout
    )]
    #[case(
        r#"{"is_error":true,"subtype":"error_during_execution"}"#,
        Some(Stop::Silence(9)),
        Reason::Timeout
    )]
    #[case(
        r#"{"is_error":true,"subtype":"error_during_execution"}"#,
        Some(Stop::Refusal(401)),
        Reason::Auth
    )]
    #[case(r#"{"is_error":false}"#, Some(Stop::Deadline(9)), Reason::Done)]
    fn reasons(#[case] message: &str, #[case] stop: Option<Stop>, #[case] reason: Reason) {
        let outcome = classify(report(message).as_ref(), End::Exited(1), stop);
        assert_eq!(outcome.reason, reason, "{outcome:?}");
    }

    /// What stopped it, and how the box ends then.
    #[rstest]
    #[case(Stop::Deadline(9), 124, "not done within 9 s (CLAUDE_DEADLINE_SECONDS)")]
    #[case(Stop::Silence(9), 124, "Claude said nothing for 9 s (CLAUDE_SILENCE_SECONDS)")]
    #[case(Stop::Refusal(403), 77, "the API refused the credential (HTTP 403)")]
    fn stops(#[case] stop: Stop, #[case] exit_code: u8, #[case] sentence: &str) {
        let outcome = classify(None, End::Killed(9), Some(stop));
        assert_eq!((outcome.exit_code, outcome.sentence.as_str()), (exit_code, sentence));
    }

    fn report(message: &str) -> Option<Report> {
        let line = message.replacen('{', r#"{"type":"result","#, 1);
        match Message::from_line(line.as_bytes()) {
            Some(Message::Result(report)) => Some(*report),
            _ => None,
        }
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
