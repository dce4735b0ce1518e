//! When a reply is given: every key that is written must hold.

use regex_lite::Regex;
use serde::Deserialize;

use crate::request::MessagesRequest;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Condition {
    turn: Option<usize>,
    last: Option<Last>,
    contains: Option<Pattern>,
    is_error: Option<bool>,
    tool_available: Option<String>,
    tools: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Last {
    Text,
    ToolResult,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = regex_lite::Error;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        Regex::new(&pattern).map(Pattern)
    }
}

impl Condition {
    pub(crate) fn holds(&self, request: &MessagesRequest) -> bool {
        let results = request.last_tool_results();
        let last = if results.is_empty() {
            Last::Text
        } else {
            Last::ToolResult
        };
        let is_error = results.iter().any(|result| result.is_error);
        let matches = |pattern: &Pattern| match last {
            Last::Text => pattern.0.is_match(&request.last_text()),
            Last::ToolResult => results.iter().any(|result| pattern.0.is_match(&result.text)),
        };

        self.wants_tools() != request.tools.is_empty()
            && self.turn.is_none_or(|turn| turn == request.turn())
            && self.last.is_none_or(|wanted| wanted == last)
            && self.contains.as_ref().is_none_or(matches)
            && self
                .is_error
                .is_none_or(|wanted| last == Last::ToolResult && wanted == is_error)
            && self.tool_available.as_deref().is_none_or(|tool| request.offers(tool))
    }

    /// Claude Code asks for titles and the like without offering tools. Only a reply that says so answers those.
    pub(crate) fn wants_tools(&self) -> bool {
        self.tools.unwrap_or(true)
    }

    /// Whether it holds for all requests that offer tools, or for all that offer none.
    pub(crate) fn always_holds(&self) -> bool {
        let Condition {
            turn,
            last,
            contains,
            is_error,
            tool_available,
            tools: _,
        } = self;
        turn.is_none() && last.is_none() && contains.is_none() && is_error.is_none() && tool_available.is_none()
    }
}
