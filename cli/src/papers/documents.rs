//! The commands of the documents: each is one that this command takes. That they do what is said of them, tests/integration shows.

use crate::gate::STEPS;

use super::{must_parse, read, root, words};

/// The documents with commands; README.md's are run, each, by tests/integration/readme.rs.
const DOCUMENTS: [&str; 2] = ["CONTRIBUTING.md", "README.md"];
/// What a command that is not ours begins with.
const OTHERS: [&str; 8] = [
    "cargo ",
    "docker ",
    "docker-compose ",
    "git ",
    "helm ",
    "kubectl ",
    "nix ",
    "openssl ",
];

/// The lines of a document's shell blocks, those that go on put together.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut is_shell = false;
    for line in text.replace("\\\n", "").lines() {
        match line.trim() {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            "" => {}
            command if is_shell => commands.push(command.to_owned()),
            _ => {}
        }
    }
    commands
}

/// A line without the variables that are set for it alone.
fn without_variables(words: Vec<String>) -> Vec<String> {
    let is_variable = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        })
    };
    words.into_iter().skip_while(is_variable).collect()
}

/// A part of the gate is named by a word of a step's name.
fn must_be_a_step(document: &str, words: &[String]) {
    if let [verb, step] = words
        && verb == "test"
    {
        assert!(
            STEPS.iter().any(|(name, _)| name.contains(step.as_str())),
            "{document}: no step of the gate is called '{step}'"
        );
    }
}

#[test]
fn every_command_is_one() {
    for document in DOCUMENTS {
        let commands = commands(&read(&root().join(document)));
        assert!(!commands.is_empty(), "{document} has commands");
        for command in commands {
            let words = without_variables(words(&command));
            let line = words.join(" ");
            match words.split_first() {
                Some((program, arguments)) if program == "./cbox" => {
                    must_parse(&format!("{document}: {command}"), arguments);
                    must_be_a_step(document, arguments);
                }
                _ => assert!(
                    OTHERS.iter().any(|other| line.starts_with(other)),
                    "{document}: `{command}` is no command that is known"
                ),
            }
        }
    }
}
