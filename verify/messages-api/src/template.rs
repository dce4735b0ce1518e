//! Text that quotes what the tools gave back: `{{tool_result}}` the last result, `{{tool_result.2}}` the conversation's second.

use serde::Deserialize;
use thiserror::Error;

use crate::request::ToolResult;

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(String),
    LastResult,
    /// Counted from 0 here, from 1 in a script.
    Result(usize),
}

#[derive(Debug, Error, PartialEq)]
pub(crate) enum TemplateError {
    #[error(
        "`{{{{{0}}}}}` is no placeholder, write {{{{tool_result}}}} for the last tool result or {{{{tool_result.N}}}} for the Nth, counted from 1"
    )]
    Unknown(String),
    #[error("`{{{{{0}` lacks its `}}}}`")]
    Unclosed(String),
}

/// The conversation has fewer tool results than the text quotes.
#[derive(Debug, Error, PartialEq)]
#[error("its text quotes tool result {wanted}, and the conversation has {available}")]
pub(crate) struct MissingResult {
    wanted: usize,
    available: usize,
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut pieces = text.split("{{");
        let mut parts = vec![Part::Literal(pieces.next().unwrap_or_default().to_owned())];
        for piece in pieces {
            let (name, literal) = piece
                .split_once("}}")
                .ok_or_else(|| TemplateError::Unclosed(first_line(piece)))?;
            parts.push(placeholder(name)?);
            parts.push(Part::Literal(literal.to_owned()));
        }
        Ok(Template(parts))
    }
}

impl Template {
    pub(crate) fn render(&self, results: &[ToolResult]) -> Result<String, MissingResult> {
        let quoted = |index: usize| {
            results
                .get(index)
                .map(|result| result.text.as_str())
                .ok_or(MissingResult {
                    wanted: index + 1,
                    available: results.len(),
                })
        };
        self.0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Ok(text.as_str()),
                Part::LastResult => quoted(results.len().saturating_sub(1)),
                Part::Result(index) => quoted(*index),
            })
            .collect()
    }
}

fn placeholder(name: &str) -> Result<Part, TemplateError> {
    let unknown = || TemplateError::Unknown(name.to_owned());
    match name.trim().strip_prefix("tool_result").ok_or_else(unknown)? {
        "" => Ok(Part::LastResult),
        suffix => {
            let number: usize = suffix
                .strip_prefix('.')
                .and_then(|number| number.parse().ok())
                .ok_or_else(unknown)?;
            number.checked_sub(1).map(Part::Result).ok_or_else(unknown)
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain", "plain")]
    #[case("{{tool_result}}", "two")]
    #[case("a {{tool_result.1}} b {{ tool_result.2 }} c", "a one b two c")]
    #[case("{ {tool_result} }", "{ {tool_result} }")]
    fn rendered(#[case] text: &str, #[case] expected: &str) {
        let results = ["one", "two"].map(|text| ToolResult {
            tool_use_id: String::new(),
            text: text.into(),
            is_error: false,
        });
        assert_eq!(
            Template::try_from(text.to_owned()).unwrap().render(&results).unwrap(),
            expected
        );
    }

    #[rstest]
    #[case(
        "{{result}}",
        "`{{result}}` is no placeholder, write {{tool_result}} for the last tool result or {{tool_result.N}} for the Nth, counted from 1"
    )]
    #[case(
        "{{tool_result.0}}",
        "`{{tool_result.0}}` is no placeholder, write {{tool_result}} for the last tool result or {{tool_result.N}} for the Nth, counted from 1"
    )]
    #[case(
        "{{tool_results}}",
        "`{{tool_results}}` is no placeholder, write {{tool_result}} for the last tool result or {{tool_result.N}} for the Nth, counted from 1"
    )]
    #[case("a {{tool_result b", "`{{tool_result b` lacks its `}}`")]
    fn refused(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(Template::try_from(text.to_owned()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_quote_of_nothing_is_an_error() {
        let template = Template::try_from("{{tool_result}}".to_owned()).unwrap();
        assert_eq!(
            template.render(&[]).unwrap_err().to_string(),
            "its text quotes tool result 1, and the conversation has 0"
        );
    }
}
