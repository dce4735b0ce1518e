//! What a person is shown of a headless run: the tools that Claude uses, what they print, and the result.
//!
//! Input are the lines of `claude --output-format stream-json`; what is not known is passed over, since the format grows.

use serde_json::Value;

const LINES_SHOWN: usize = 12;

/// What one event line looks like to a person; none when it has nothing to say.
pub(crate) fn render(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    match event["type"].as_str()? {
        "assistant" => join(blocks(&event).filter_map(assistant)),
        "user" => join(blocks(&event).filter_map(tool_result)),
        "result" => Some(result(&event)),
        _ => None,
    }
}

fn blocks(event: &Value) -> impl Iterator<Item = &Value> {
    event["message"]["content"].as_array().into_iter().flatten()
}

fn join(parts: impl Iterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn assistant(block: &Value) -> Option<String> {
    match block["type"].as_str()? {
        "text" => Some(format!("Claude: {}", block["text"].as_str()?)),
        "tool_use" => {
            let name = block["name"].as_str()?;
            let input = block["input"]["command"]
                .as_str()
                .map_or_else(|| block["input"].to_string(), str::to_owned);
            Some(format!("  {name}> {}", input.replace('\n', "\n        ")))
        }
        _ => None,
    }
}

fn tool_result(block: &Value) -> Option<String> {
    if block["type"] != "tool_result" {
        return None;
    }
    let text = match &block["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => return None,
    };
    let mut lines: Vec<String> = text
        .lines()
        .take(LINES_SHOWN)
        .map(|line| format!("    | {line}"))
        .collect();
    let more = text.lines().count().saturating_sub(LINES_SHOWN);
    if more > 0 {
        lines.push(format!("    | ({more} more lines)"));
    }
    Some(lines.join("\n"))
}

fn result(event: &Value) -> String {
    let seconds = event["duration_ms"].as_f64().unwrap_or_default() / 1000.0;
    let cost = event["total_cost_usd"].as_f64().unwrap_or_default();
    let turns = event["num_turns"].as_u64().unwrap_or_default();
    let verdict = if event["is_error"].as_bool().unwrap_or(true) {
        "failed"
    } else {
        "done"
    };
    let summary = format!("{verdict} in {seconds:.1} s, {turns} turns, {cost:.4} USD by list price");
    // The text of a success was shown as Claude's last words already.
    match event["result"].as_str() {
        Some(text) if verdict == "failed" => format!("{text}\n{summary}"),
        _ => summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        assert_eq!(render(line).as_deref(), expected);
    }

    #[test]
    fn tools_and_words_are_shown() {
        check(
            r#"{"type":"assistant","message":{"content":[{"type":"text","text":"Let me look."},{"type":"tool_use","name":"Bash","input":{"command":"echo 1"}}]}}"#,
            Some("Claude: Let me look.\n  Bash> echo 1"),
        );
        check(
            r#"{"type":"user","message":{"content":[{"type":"tool_result","content":"1\n2"}]}}"#,
            Some("    | 1\n    | 2"),
        );
    }

    #[test]
    fn a_result_says_time_and_cost() {
        check(
            r#"{"type":"result","is_error":false,"result":"ok","duration_ms":4100,"num_turns":2,"total_cost_usd":0.0123}"#,
            Some("done in 4.1 s, 2 turns, 0.0123 USD by list price"),
        );
        check(
            r#"{"type":"result","is_error":true,"result":"API Error: 401","duration_ms":100,"num_turns":1,"total_cost_usd":0}"#,
            Some("API Error: 401\nfailed in 0.1 s, 1 turns, 0.0000 USD by list price"),
        );
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        check("not json", None);
        check(r#"{"type":"system","subtype":"init"}"#, None);
        check(
            r#"{"type":"assistant","message":{"content":[{"type":"thinking","thinking":"…"}]}}"#,
            None,
        );
    }
}
