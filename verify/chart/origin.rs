//! From a rendered line back to the line of the chart that made it, so that a report names what somebody changed. Pure.
//!
//! Helm says which template a document comes from and no more. The rest is recognised: a line that stands in the template as
//! it was rendered, a line of a template whose actions were filled in, or a rule that the chart made of its table, which its
//! reason leads to. Where two lines could be meant, none is named.

use std::collections::BTreeMap;

use crate::engine::cell::{Cell, Place};

/// How Helm says where a document comes from.
const SOURCE: &str = "# Source: ";

/// The chart's table of rights.
const TABLE: &str = "access.toml";

/// The chart's text files by their path below the chart's folder.
pub type Files = BTreeMap<String, String>;

/// Leads the cells of one rendered file back to the chart.
#[derive(Debug)]
pub struct Tracer<'text> {
    file: &'text str,
    rendered: &'text str,
    folder: &'text str,
    chart: &'text Files,
    known: BTreeMap<u64, Option<Place>>,
}

impl<'text> Tracer<'text> {
    /// For places in `file`, which holds `rendered`; `folder` is how places name the chart's folder.
    #[must_use]
    pub fn new((file, rendered): (&'text str, &'text str), folder: &'text str, chart: &'text Files) -> Self {
        Self {
            file,
            rendered,
            folder,
            chart,
            known: BTreeMap::new(),
        }
    }

    /// Puts the chart's line in the place of the rendered one, where it is known; the evidence keeps the rendered line.
    pub fn trace(&mut self, cell: &mut Cell) {
        let Some(place) = cell.place.as_ref().filter(|place| place.file == self.file) else {
            return;
        };
        let known = self.known.entry(place.line);
        let Some(found) = known.or_insert_with(|| origin(self.rendered, place.line, self.chart)) else {
            return;
        };
        cell.evidence = format!("{} (rendered: {place})", cell.evidence);
        cell.place = Some(Place {
            file: format!("{}/{}", self.folder, found.file),
            line: found.line,
        });
    }
}

/// The line of the chart, in a file below its folder.
#[must_use]
pub fn origin(rendered: &str, line: u64, chart: &Files) -> Option<Place> {
    let lines: Vec<&str> = rendered.lines().collect();
    let position = usize::try_from(line).ok()?.checked_sub(1)?;
    let wanted = lines.get(position)?.trim();
    let before = lines.get(..position)?;
    let template = before.iter().rev().find_map(|line| line.strip_prefix(SOURCE))?;
    // Helm names the chart first.
    let template = template.split_once('/').map_or(template, |(_, path)| path);
    let own = [template].into_iter();
    let partials = chart.keys().map(String::as_str).filter(|path| path.ends_with(".tpl"));
    let files: Vec<&str> = own.chain(partials).collect();
    only(&files, chart, |line| line == wanted)
        .or_else(|| of_table(before, wanted, chart.get(TABLE)?))
        .or_else(|| only(&files, chart, |line| is_filled_in(line, wanted)))
}

/// The only line of these files for which something holds.
fn only(files: &[&str], chart: &Files, holds: impl Fn(&str) -> bool) -> Option<Place> {
    let mut found = files.iter().flat_map(|file| {
        let lines = chart.get(*file).map_or("", String::as_str).lines().zip(1..);
        let found = lines.filter(|(line, _)| holds(line.trim()));
        found.map(|(_, line)| Place {
            file: (*file).to_owned(),
            line,
        })
    });
    found.next().filter(|_| found.next().is_none())
}

/// A rule of the table stands below its reason as a comment; in the table, the rule is the block that has this reason.
fn of_table(before: &[&str], wanted: &str, table: &str) -> Option<Place> {
    let key = match wanted.trim_start_matches("- ").split_once(':')?.0 {
        "apiGroups" => "groups",
        "resources" => "resources",
        "verbs" => "verbs",
        _ => return None,
    };
    let reason = before.iter().rev().find_map(|line| line.trim().strip_prefix("# "))?;
    let why = format!("why = {}", serde_json::Value::from(reason));
    let lines: Vec<&str> = table.lines().collect();
    let at = lines.iter().position(|line| line.trim() == why)?;
    let begins = |line: &&str| line.starts_with('[');
    let first = lines.get(..at)?.iter().rposition(begins)?;
    let last = lines
        .get(at..)?
        .iter()
        .position(begins)
        .map_or(lines.len(), |next| at + next);
    let has_key = |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let line = lines.get(first..last)?.iter().position(has_key)? + first + 1;
    Some(Place {
        file: TABLE.to_owned(),
        line: u64::try_from(line).ok()?,
    })
}

/// Is this what a line of a template becomes? What stands outside of its actions stands in the rendered line, in order.
fn is_filled_in(template: &str, rendered: &str) -> bool {
    let mut parts = template.split("{{");
    let head = parts.next().unwrap_or_default();
    let Some(mut rest) = rendered.strip_prefix(head) else {
        return false;
    };
    let mut letters = head.trim().len();
    for part in parts.clone() {
        let text = part.split_once("}}").map_or("", |(_, text)| text);
        let Some(at) = rest.find(text) else {
            return false;
        };
        letters += text.trim().len();
        rest = rest.get(at + text.len()..).unwrap_or_default();
    }
    // A line without an action was compared already, and one of actions alone could become anything.
    parts.next().is_some() && letters > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Files {
        let files = [
            (
                "templates/policy.yaml",
                "kind: NetworkPolicy\nspec:\n  egress:\n    - to:\n        - ipBlock:\n            cidr: {{ .Values.cidr | toJson }}\n        - ipBlock:\n            cidr: 0.0.0.0/0\n",
            ),
            (
                "templates/_rules.tpl",
                "# {{ .why }}\n- apiGroups: {{ .groups | toJson }}\n",
            ),
            (
                "access.toml",
                "version = 1\n[[tiers.a.rules]]\nresources = [\"pods\"]\nwhy = \"to see\"\n[[tiers.a.rules]]\nresources = [\"pods/log\"]\nwhy = \"to read\"\n",
            ),
        ];
        files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
    }

    const RENDERED: &str = "---\n# Source: box/templates/policy.yaml\nkind: NetworkPolicy\nspec:\n  egress:\n    - to:\n        - ipBlock:\n            cidr: \"10.0.0.1/32\"\n        - ipBlock:\n            cidr: 0.0.0.0/0\n---\n# Source: box/templates/access.yaml\nrules:\n  # to see\n  - apiGroups: [\"\"]\n    resources: [\"pods\",\"secrets\"]\n  # to read\n  - apiGroups: [\"\"]\n    resources: [\"pods/log\"]\n";

    fn check(line: u64, expected: Option<(&str, u64)>) {
        let expected = expected.map(|(file, line)| Place {
            file: file.to_owned(),
            line,
        });
        assert_eq!(origin(RENDERED, line, &chart()), expected, "line {line}");
    }

    #[test]
    fn a_line_as_it_stands_is_found() {
        check(10, Some(("templates/policy.yaml", 8)));
    }

    #[test]
    fn a_line_with_a_value_is_found() {
        check(8, Some(("templates/policy.yaml", 6)));
    }

    #[test]
    fn a_line_that_stands_twice_is_not_guessed() {
        check(7, None);
    }

    #[test]
    fn a_rule_of_the_table_is_found_by_its_reason() {
        check(16, Some(("access.toml", 3)));
        check(19, Some(("access.toml", 6)));
    }

    #[test]
    fn a_line_beyond_the_end_has_no_origin() {
        check(99, None);
    }
}
