//! The one stream of a run, from which every report is made: JSON Lines, a line a cell, and totals at the end.
//!
//! ```text
//! {"version":1,"family":"access"}
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
    family: String,
}

/// Writes a stream, cell by cell as they come.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    totals: Totals,
}

impl<W: Write> Writer<W> {
    /// Begins the stream of a family.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(out: W, family: &str) -> Result<Self, StreamError> {
        let mut writer = Self {
            out,
            totals: Totals::default(),
        };
        let family = family.to_owned();
        writer.line(&Header {
            version: VERSION,
            family,
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

/// Reads a whole stream.
///
/// # Errors
///
/// When a line is not what it must be, or the totals are missing or are not those of the cells: half a run is no run.
pub fn read(input: impl BufRead) -> Result<Run, StreamError> {
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
    let cells = cells
        .iter()
        .enumerate()
        .map(|(position, line)| parse(position + 1, line))
        .collect::<Result<Vec<Cell>, _>>()?;
    let run = Run {
        family: header.family,
        cells,
    };
    let counted = run.totals();
    if said != counted {
        return Err(StreamError::Totals { said, counted });
    }
    Ok(run)
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

    fn run() -> Run {
        let cell = |id: &str, verdict, observed: Option<&str>| Cell {
            family: "access".to_owned(),
            id: id.to_owned(),
            subject: "system:serviceaccount:a:b".to_owned(),
            oracle: "review".to_owned(),
            expected: "denied".to_owned(),
            observed: observed.map(str::to_owned),
            verdict,
            evidence: "with \"quotes\"\nand lines".to_owned(),
            cause: String::new(),
            duration_us: 12,
        };
        Run {
            family: "access".to_owned(),
            cells: vec![
                cell("a", Verdict::Passed, Some("denied")),
                cell("b", Verdict::Error, None),
            ],
        }
    }

    fn written() -> String {
        let run = run();
        let mut writer = Writer::new(Vec::new(), &run.family).expect("a vector takes it");
        for cell in &run.cells {
            writer.cell(cell).expect("a vector takes it");
        }
        String::from_utf8(writer.finish().expect("a vector takes it")).expect("JSON is UTF-8")
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(written().as_bytes()).expect("a whole stream"), run());
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
    fn another_version_is_refused_by_name() {
        let text = written().replacen("\"version\":1", "\"version\":9", 1);
        let error = read(text.as_bytes()).expect_err("version 9");
        assert_eq!(
            error.to_string(),
            "the stream of results is wrong at line 1: version 9 is not 1, the one that is read here"
        );
    }
}
