//! One self-contained page: tables as heat maps, a filter, the explanation of each cell, and what changed. It loads nothing
//! from anywhere and works from a file.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::engine::cell::{Cell, Verdict};
use crate::report::{Report, reproduction};

/// The page without its data: `{title}`, `{style}`, `{script}` and `{data}` are filled in.
const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// The page.
#[must_use]
pub fn page(report: &Report<'_>) -> String {
    let data = json!({
        "title": report.title,
        "totals": report.totals(),
        "notes": report.notes,
        "changes": report.changes,
        "families": families(report),
    });
    // Inside a script element nothing but its end tag could end the data.
    let data = data.to_string().replace("</", "<\\/");
    PAGE.replace("{title}", &escaped(report.title))
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
        .replace("{data}", &data)
}

fn families(report: &Report<'_>) -> Vec<serde_json::Value> {
    report
        .runs
        .iter()
        .map(|run| {
            // In the order in which they came, so that what the run is about first is shown first.
            let mut sheets: Vec<Sheet<'_>> = Vec::new();
            let mut positions: BTreeMap<(&str, &str), usize> = BTreeMap::new();
            let mut texts = Texts::default();
            for cell in &run.cells {
                let name = (cell.position().sheet, cell.oracle.as_str());
                let position = *positions.entry(name).or_insert_with(|| {
                    sheets.push(Sheet::new(name));
                    sheets.len() - 1
                });
                if let Some(sheet) = sheets.get_mut(position) {
                    sheet.add(cell, report.command, &mut texts);
                }
            }
            let sheets: Vec<_> = sheets.into_iter().map(Sheet::json).collect();
            json!({ "name": run.family, "totals": run.totals(), "texts": texts.list, "sheets": sheets })
        })
        .collect()
}

/// Explanations repeat, since one rule decides many cells: the page holds each once.
#[derive(Default)]
struct Texts<'run> {
    list: Vec<&'run str>,
    positions: BTreeMap<&'run str, usize>,
}

impl<'run> Texts<'run> {
    fn position(&mut self, text: &'run str) -> usize {
        *self.positions.entry(text).or_insert_with(|| {
            self.list.push(text);
            self.list.len() - 1
        })
    }
}

/// One table.
struct Sheet<'run> {
    name: &'run str,
    oracle: &'run str,
    rows: Vec<&'run str>,
    columns: Vec<&'run str>,
    places: BTreeMap<(usize, usize), Entry>,
}

/// A cell on the page: verdict, positions of texts, and the line that decided.
#[derive(Serialize)]
struct Entry(char, usize, usize, usize, usize, Option<String>, Option<String>);

impl<'run> Sheet<'run> {
    fn new((name, oracle): (&'run str, &'run str)) -> Self {
        Self {
            name,
            oracle,
            rows: Vec::new(),
            columns: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    fn add(&mut self, cell: &'run Cell, command: &str, texts: &mut Texts<'run>) {
        let position = cell.position();
        let row = index(&mut self.rows, position.row);
        let column = index(&mut self.columns, position.column);
        let verdict = match cell.verdict {
            Verdict::Passed => 'p',
            Verdict::Failed => 'f',
            Verdict::Error => 'e',
        };
        let entry = Entry(
            verdict,
            texts.position(&cell.expected),
            texts.position(cell.observed.as_deref().unwrap_or_default()),
            texts.position(&cell.cause),
            texts.position(&cell.evidence),
            cell.place.as_ref().map(ToString::to_string),
            (cell.verdict != Verdict::Passed).then(|| reproduction(command, cell)),
        );
        self.places.insert((row, column), entry);
    }

    /// Rows as they came; columns with most cells first, so that what is seldom asked does not stand in the way.
    fn json(self) -> serde_json::Value {
        let mut counts = vec![0_usize; self.columns.len()];
        for (_, column) in self.places.keys() {
            if let Some(count) = counts.get_mut(*column) {
                *count += 1;
            }
        }
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        order.sort_by_key(|column| Reverse(counts.get(*column).copied()));
        let columns: Vec<_> = order.iter().filter_map(|column| self.columns.get(*column)).collect();
        let mut places = vec![0; order.len()];
        for (place, column) in order.iter().enumerate() {
            if let Some(entry) = places.get_mut(*column) {
                *entry = place;
            }
        }
        let cells: Vec<_> = self
            .places
            .iter()
            .map(|((row, column), entry)| json!([row, places.get(*column), entry]))
            .collect();
        let table = json!({ "rows": self.rows, "columns": columns, "cells": cells });
        json!({ "name": self.name, "oracle": self.oracle, "table": table })
    }
}

/// Tables have few hundred rows: a list is searched quickly enough.
fn index<'run>(words: &mut Vec<&'run str>, word: &'run str) -> usize {
    words.iter().position(|known| *known == word).unwrap_or_else(|| {
        words.push(word);
        words.len() - 1
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{report, runs};

    #[test]
    fn the_page_is_whole_and_asks_nobody() {
        let runs = runs();
        let text = page(&report(&runs));
        assert!(text.contains("<title>the &lt;chart&gt;</title>"), "{text}");
        for place in [
            "{style}", "{script}", "{data}", "http://", "https://", "src=", "@import",
        ] {
            assert!(!text.contains(place), "the page holds {place}");
        }
    }

    #[test]
    fn text_of_the_outside_cannot_end_the_data() {
        let mut runs = runs();
        runs[0].cells[1].evidence = "</script><script>alert(1)</script>".to_owned();
        let text = page(&report(&runs));
        assert_eq!(text.matches("</script>").count(), 2, "those of the page itself");
    }
}
