//! The table for reviewers: a row a resource, a column a tier in a place, a letter a verb. People read its diff.

use std::fmt::Write;

use crate::access::evaluate::evaluate;
use crate::access::inventory::Resource;
use crate::access::object::Objects;
use crate::access::question::{Question, Subject, VERBS};

/// The letters of [`VERBS`], in their order.
const LETTERS: &str = "glwcupdX";

/// What stands above the table.
const LEGEND: &str = "g get, l list, w watch, c create, u update, p patch, d delete, X deletecollection";

/// A column: somebody's rights in a place.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its title.
    pub title: String,
    /// What decides.
    pub objects: Objects,
    /// Whose rights.
    pub subject: Subject,
    /// Where; `None` is the cluster.
    pub namespace: Option<String>,
}

/// Formats the rights on every resource; a resource that is in no namespace has no cell in a namespace's column. Rows
/// without a right are there too, so that a new one changes a line instead of adding it.
#[must_use]
pub fn format(resources: &[Resource], columns: &[Column]) -> String {
    let name = |resource: &Resource| match resource.group.as_str() {
        "" => resource.name.clone(),
        group => format!("{group} {}", resource.name),
    };
    let width = resources
        .iter()
        .map(|resource| name(resource).len())
        .max()
        .unwrap_or_default();
    let mut text = format!("{LEGEND}\n\n{:width$}", "");
    // Writing into a String cannot fail.
    for column in columns {
        let _ = write!(text, " | {:8}", column.title);
    }
    for resource in resources {
        let _ = write!(text, "\n{:width$}", name(resource));
        for column in columns {
            let wide = column.title.len().max(LETTERS.len());
            let _ = write!(text, " | {:wide$}", cell(resource, column));
        }
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn cell(resource: &Resource, column: &Column) -> String {
    if column.namespace.is_some() && !resource.is_namespaced {
        return String::new();
    }
    let may = |verb| {
        let question = Question::resource(verb, &resource.group, &resource.name, column.namespace.as_deref());
        evaluate(&column.objects, &column.subject, &question).is_some()
    };
    let letters = VERBS.into_iter().zip(LETTERS.chars());
    letters
        .map(|(verb, letter)| if may(verb) { letter } else { '.' })
        .collect()
}
