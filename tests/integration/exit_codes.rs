//! The table of exit codes in ARCHITECTURE.md holds the programs' own, and no other.

use std::collections::BTreeSet;
use std::fs;

use regex_lite::Regex;
use rstest::rstest;

use crate::world::root;

/// A column of the table beside the file in which the program's codes stand, and how one is written there.
#[rstest]
#[case::cbox(3, "cli/src/failure.rs", r"(?m)^    [A-Z]\w+ = (\d+),$", &[0])]
#[case::the_box(4, "image/entrypoint/src/error.rs", r"(?m)^    pub const [A-Z_]+: u8 = (\d+);$", &[])]
#[case::the_init(4, "image/init/src/status.rs", r"(?m)^pub const [A-Z_]+: u8 = (\d+);$", &[])]
fn the_table_is_true(#[case] column: usize, #[case] file: &str, #[case] code: &str, #[case] more: &[u8]) {
    let source = fs::read_to_string(root().join(file)).expect("the source is there");
    let mut codes: BTreeSet<u8> = Regex::new(code)
        .expect("a regular expression")
        .captures_iter(&source)
        .map(|found| found[1].parse().expect("a code is a number"))
        .collect();
    assert!(codes.len() > 3, "{file} is written otherwise now: {codes:?}");
    codes.extend(more);
    let written = table(column);
    let missing: Vec<_> = codes.difference(&written).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?} of {file}");
    // The box's column is that of two programs.
    let others: BTreeSet<u8> = if column == 4 {
        [126, 127].into()
    } else {
        BTreeSet::new()
    };
    let surplus: Vec<_> = written
        .difference(&codes)
        .filter(|code| !others.contains(code))
        .collect();
    assert!(
        surplus.is_empty() || file.starts_with("image/init"),
        "ARCHITECTURE.md has {surplus:?}, which {file} lacks"
    );
}

/// The codes for which a column of the table says something.
fn table(column: usize) -> BTreeSet<u8> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let (_, section) = text.split_once("\n## Exit codes\n").expect("it has the section");
    section
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.get(column).is_some_and(|cell| !cell.is_empty()))
        .flat_map(|cells| {
            cells[1]
                .split(", ")
                .map(|code| code.trim_end_matches(" + n").parse())
                .collect::<Vec<_>>()
        })
        .filter_map(Result::ok)
        .collect()
}
