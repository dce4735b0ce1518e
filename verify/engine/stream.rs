//! The one stream of a run, from which every report is made: JSON Lines, a line a cell, and totals at the end.
//!
//! ```text
//! {"version":1,"families":["access"]}
//! {"family":"access","id":"readonly/own/get pods",...}
//! {"passed":8400,"failed":0,"errors":0}
//! ```

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::engine::cell::Cell;
use crate::engine::run::{Run, Totals};

/// The version of the format.
const VERSION: u32 = 1;

/// A stream cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The file, pipe or socket behind it.
    #[error("the stream of results cannot be written or read: {0}")]
    Io(#[from] std::io::Error),
    /// A line is not what it must be there.
    #[error("the stream of results is wrong at line {line}: {message}")]
    Line {
        /// Counted from one.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The totals are missing: whoever wrote it was ended.
    #[error("the stream of results ends without its totals, so its run did not end either")]
    Unfinished,
    /// The totals are not those of the cells.
    #[error("the stream of results says {said:?} but its cells are {counted:?}")]
    Totals {
        /// What the last line says.
        said: Totals,
        /// What the cells add up to.
        counted: Totals,
    },
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    families: Vec<String>,
}

/// Writes a stream, cell by cell as they come.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    totals: Totals,
}

impl<W: Write> Writer<W> {
    /// Begins the stream of these families. It names them before anything was tried, so that one without a cell is missed.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(out: W, families: &[&str]) -> Result<Self, StreamError> {
        let mut writer = Self {
            out,
            totals: Totals::default(),
        };
        writer.line(&Header {
            version: VERSION,
            families: families.iter().map(|family| (*family).to_owned()).collect(),
        })?;
        Ok(writer)
    }

    /// Adds a cell.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn cell(&mut self, cell: &Cell) -> Result<(), StreamError> {
        self.totals.add(cell.verdict);
        self.line(cell)
    }

    /// Ends the stream with its totals.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<W, StreamError> {
        let totals = self.totals;
        self.line(&totals)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), StreamError> {
        serde_json::to_writer(&mut self.out, value).map_err(std::io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }
}

/// Writes whole runs.
///
/// # Errors
///
/// When they cannot be written.
pub fn write(out: impl Write, runs: &[Run]) -> Result<(), StreamError> {
    let families: Vec<&str> = runs.iter().map(|run| run.family.as_str()).collect();
    let mut writer = Writer::new(out, &families)?;
    for cell in runs.iter().flat_map(|run| &run.cells) {
        writer.cell(cell)?;
    }
    writer.finish().map(drop)
}

/// Reads a whole stream: a run for each of its families.
///
/// # Errors
///
/// When a line is not what it must be, a cell is of a family that the first line does not name, or the totals are missing or
/// are not those of the cells: half a run is no run.
pub fn read(input: impl BufRead) -> Result<Vec<Run>, StreamError> {
    let lines = input.lines().collect::<Result<Vec<_>, _>>()?;
    let header: Header = parse(0, lines.first().map_or("", String::as_str))?;
    if header.version != VERSION {
        let message = format!("version {} is not {VERSION}, the one that is read here", header.version);
        return Err(StreamError::Line { line: 1, message });
    }
    let [_, cells @ .., last] = &lines[..] else {
        return Err(StreamError::Unfinished);
    };
    let Ok(said) = serde_json::from_str::<Totals>(last) else {
        return Err(StreamError::Unfinished);
    };
    let mut runs: Vec<Run> = header
        .families
        .into_iter()
        .map(|family| Run { family, cells: vec![] })
        .collect();
    let mut counted = Totals::default();
    for (position, line) in cells.iter().enumerate() {
        let cell: Cell = parse(position + 1, line)?;
        counted.add(cell.verdict);
        let Some(run) = runs.iter_mut().find(|run| run.family == cell.family) else {
            let message = format!("the first line does not name the family {}", cell.family);
            return Err(StreamError::Line {
                line: position + 2,
                message,
            });
        };
        run.cells.push(cell);
    }
    if said != counted {
        return Err(StreamError::Totals { said, counted });
    }
    Ok(runs)
}

fn parse<'text, T: Deserialize<'text>>(position: usize, line: &'text str) -> Result<T, StreamError> {
    serde_json::from_str(line).map_err(|error| StreamError::Line {
        line: position + 1,
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cell::Verdict;

    fn runs() -> Vec<Run> {
        let cell = |id: &str, verdict, observed: Option<&str>| Cell {
            family: "access".to_owned(),
            id: id.to_owned(),
            subject: "system:serviceaccount:a:b".to_owned(),
            oracle: "review".to_owned(),
            expected: "denied".to_owned(),
            observed: observed.map(str::to_owned),
            verdict,
            evidence: "with \"quotes\"\nand lines".to_owned(),
            place: None,
            cause: String::new(),
            duration_us: 12,
        };
        let cells = vec![
            cell("a", Verdict::Passed, Some("denied")),
            cell("b", Verdict::Error, None),
        ];
        let of = |family: &str, cells| Run {
            family: family.to_owned(),
            cells,
        };
        vec![of("access", cells), of("network", vec![])]
    }

    fn written() -> String {
        let mut text = Vec::new();
        write(&mut text, &runs()).expect("a vector takes it");
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(written().as_bytes()).expect("a whole stream"), runs());
        assert_eq!(written().lines().count(), 4);
    }

    #[test]
    fn a_run_that_was_ended_is_not_read_as_a_short_one() {
        let text = written();
        let cut: Vec<&str> = text.lines().take(3).collect();
        let error = read(cut.join("\n").as_bytes()).expect_err("no totals");
        assert!(matches!(error, StreamError::Unfinished), "{error}");
    }

    #[test]
    fn a_lost_cell_is_missed() {
        let text = written();
        let lines: Vec<&str> = text.lines().collect();
        let lossy = [lines[0], lines[1], lines[3]].join("\n");
        let error = read(lossy.as_bytes()).expect_err("a cell is missing");
        assert!(matches!(error, StreamError::Totals { .. }), "{error}");
    }

    #[test]
    fn a_cell_of_a_family_that_was_not_named_is_refused() {
        let text = written().replacen("\"access\",\"network\"", "\"network\"", 1);
        let error = read(text.as_bytes()).expect_err("access is not named");
        assert!(matches!(error, StreamError::Line { line: 2, .. }), "{error}");
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let text = written().replacen("\"version\":1", "\"version\":9", 1);
        let error = read(text.as_bytes()).expect_err("version 9");
        assert_eq!(
            error.to_string(),
            "the stream of results is wrong at line 1: version 9 is not 1, the one that is read here"
        );
    }
}
