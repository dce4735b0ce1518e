//! What the repository's papers say of this command is held against the command: workflows, documents, help.

mod documents;
mod help;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::arguments::Arguments;

/// The checkout that this was compiled in.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// The files of a folder, sorted.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Every Rust file of the workspace but those of this module, which quote the others.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["cli", "image", "tests", "verify"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The words of a command line without substitutions, as a shell splits them; a variable stays as it is written.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for letter in line.chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '"' || letter == '\'' => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            None if letter == ' ' => words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    assert!(quote.is_none(), "a quote of `{line}` has no end");
    words.extend(word);
    words
}

/// Ends the test unless the command takes these words behind its name.
fn must_parse(place: &str, words: &[String]) {
    if let Err(error) = parse(words) {
        panic!("{place}: cbox does not know this:\n{error}");
    }
}

/// The same where more may follow: what is missing is no mistake.
fn must_begin(place: &str, words: &[String]) {
    let Err(error) = parse(words) else { return };
    let is_unfinished = match error.kind() {
        ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => true,
        ErrorKind::InvalidValue => error.get(ContextKind::InvalidValue) == Some(&ContextValue::String(String::new())),
        _ => false,
    };
    assert!(is_unfinished, "{place}: cbox does not know this:\n{error}");
}

fn parse(words: &[String]) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(std::iter::once("cbox").chain(words.iter().map(String::as_str)))
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(words(r#"a "b c" --d='e f' "" $G"#), ["a", "b c", "--d=e f", "", "$G"]);
}
