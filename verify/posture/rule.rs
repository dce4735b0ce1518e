//! A rule: what must hold, of what, and how it is seen. Pure.

use serde_json::Value;

use crate::posture::rules;
use crate::posture::target::{Kind, Target};

/// Something that must hold of everything of a kind.
#[derive(Debug)]
pub struct Rule {
    /// Names it in cells and exceptions: words with hyphens.
    pub name: &'static str,
    /// What it is about.
    pub of: Kind,
    /// What must hold, and why.
    pub holds: &'static str,
    /// What breaks it; nothing when it holds.
    pub judge: fn(&Target<'_>) -> Vec<Finding>,
}

/// What breaks a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Where, as a pointer below what is judged.
    pub at: String,
    /// What is wrong there.
    pub text: String,
}

/// Every rule, by what it is about.
pub const ALL: [&[Rule]; 8] = [
    rules::object::RULES,
    rules::access::RULES,
    rules::network::RULES,
    rules::workload::RULES,
    rules::pod::RULES,
    rules::container::RULES,
    rules::wish::RULES,
    rules::outside::RULES,
];

/// The rule of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    ALL.iter().flat_map(|rules| rules.iter()).find(|rule| rule.name == name)
}

/// Nothing, or the one finding.
pub(super) fn must(holds: bool, at: &str, text: impl Into<String>) -> Vec<Finding> {
    match holds {
        true => Vec::new(),
        false => vec![found(at, text)],
    }
}

/// A finding.
pub(super) fn found(at: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding {
        at: at.into(),
        text: text.into(),
    }
}

/// A part that must have this value.
pub(super) fn must_be(target: &Target<'_>, at: &str, expected: impl Into<Value>) -> Vec<Finding> {
    let expected = expected.into();
    let value = target.at(at);
    must(
        *value == expected,
        at,
        format!("{} is {}, not {expected}", name(at), shown(value)),
    )
}

/// A part that must not be there.
pub(super) fn must_be_absent(target: &Target<'_>, at: &str) -> Vec<Finding> {
    let value = target.at(at);
    must(value.is_null(), at, format!("{} is {}", name(at), shown(value)))
}

/// A pointer as people write it.
pub(super) fn name(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/")
}

/// A value as people read it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        other => other.to_string(),
    }
}

/// The elements of a list, each with its pointer below what is judged.
pub(super) fn items<'value>(target: &Target<'value>, at: &str) -> Vec<(String, &'value Value)> {
    let list = target.at(at).as_array().into_iter().flatten().enumerate();
    list.map(|(position, item)| (format!("{at}/{position}"), item))
        .collect()
}

/// The words of a list.
pub(super) fn words(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Is this an amount of Kubernetes or Docker: a number with a unit, or none?
pub(super) fn is_amount(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return value.as_f64().is_some_and(|number| number > 0.0);
    };
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let units = ["", "m", "k", "M", "G", "T", "g", "Ki", "Mi", "Gi", "Ti"];
    units.contains(&unit)
        && text
            .trim_end_matches(unit)
            .parse::<f64>()
            .is_ok_and(|number| number > 0.0)
}
