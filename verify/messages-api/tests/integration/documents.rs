use std::fs;
use std::path::Path;

use messages_api::{Script, scripts};

#[test]
fn every_example_of_the_readme_is_a_script() {
    let readme = fs::read_to_string(here("README.md")).expect("README.md must be readable");
    let blocks: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 2, "the README has {} examples", blocks.len());
    for block in blocks {
        Script::parse("README.md", block).unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}

#[test]
fn every_script_that_comes_along_is_one() {
    for (name, text) in scripts::ALL {
        Script::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn every_script_is_in_the_library() {
    let entries = fs::read_dir(here("scripts")).expect("scripts must be readable");
    let mut files: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut known = scripts::ALL.map(|(name, _)| name);
    known.sort();
    assert_eq!(files, known);
}

fn here(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
