//! The commands of the documents: each is one that this command takes. That they do what is said of them, tests/integration
//! shows; and what the documents point at is there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use catalogue::tools::Tool;
use serde::Deserialize;

use crate::gate::STEPS;

use super::{must_begin, must_parse, read, root, sources, words};

/// Every document for people.
const DOCUMENTS: [&str; 9] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "docs/credentials.md",
    "docs/extend.md",
    "docs/operate.md",
    "docs/security.md",
];
/// What a command that is not ours begins with.
const OTHERS: [&str; 7] = [
    "cargo ",
    "docker ",
    "docker-compose ",
    "git ",
    "helm ",
    "kubectl ",
    "nix ",
];
/// A name that stands for one that the reader chooses.
const PLACEHOLDERS: [&str; 2] = ["NAME", "GROUP"];

/// The lines of a document's blocks of one language, those that go on put together.
fn lines(text: &str, language: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_inside = false;
    for line in text.replace("\\\n", "").lines() {
        match line.trim() {
            begin if begin.strip_prefix("```") == Some(language) => is_inside = true,
            "```" => is_inside = false,
            _ if is_inside => lines.push(line.to_owned()),
            _ => {}
        }
    }
    lines
}

/// The commands of a line: those of a pipe one by one, without the variables set for them and the files they read and write.
fn commands(line: &str) -> Vec<Vec<String>> {
    let is_variable = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        })
    };
    words(line)
        .split(|word| word == "|")
        .map(|command| {
            let command = command.iter().skip_while(|word| is_variable(word));
            command
                .take_while(|word| *word != ">" && *word != "<")
                .cloned()
                .collect()
        })
        .collect()
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
    let mut count = 0;
    for document in DOCUMENTS {
        let lines = lines(&read(&root().join(document)), "sh");
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            for words in commands(line.trim()) {
                count += 1;
                match words.split_first() {
                    Some((program, arguments)) if program == "./cbox" => {
                        must_parse(&format!("{document}: {line}"), arguments);
                        must_be_a_step(document, arguments);
                    }
                    _ => assert!(
                        OTHERS.iter().any(|other| words.join(" ").starts_with(other)),
                        "{document}: `{line}` is no command that is known"
                    ),
                }
            }
        }
    }
    assert!(count > 60, "{count} commands were found");
}

/// What stands between backquotes, line by line.
fn quoted(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// The same of the prose alone.
fn prose(text: &str) -> String {
    let mut is_block = false;
    let kept = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    });
    kept.map(|line| format!("{line}\n")).collect()
}

/// Commands in sentences and tables are taken, too; there one may end where the reader goes on.
#[test]
fn commands_in_sentences_are_some() {
    for document in DOCUMENTS {
        let text = prose(&read(&root().join(document)));
        for command in quoted(&text).into_iter().filter_map(|it| it.strip_prefix("./cbox ")) {
            // One that is said to be refused, and one that is shortened.
            if command.starts_with("verify --tier operator --values") || command.contains("...") {
                continue;
            }
            let words = words(command);
            must_begin(&format!("{document}: ./cbox {command}"), &words);
            must_be_a_step(document, &words);
        }
    }
}

/// A link leads to a file that is there and, behind `#`, to a heading of it; a path in backquotes is one.
#[test]
fn what_documents_point_at_is_there() {
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = read(&path);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(it, _)| it)
        {
            if target.starts_with("http") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{document}: there is no {target}");
            let anchor = |line: &str| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                title.replace(' ', "-").replace(['`', ',', '?', '.'], "")
            };
            assert!(
                heading.is_empty()
                    || read(&file)
                        .lines()
                        .any(|it| it.starts_with('#') && anchor(it) == heading),
                "{document}: {target} has no such heading"
            );
        }
        for quoted in quoted(&prose(&text)) {
            let begins = [
                "image/",
                "manifests/",
                "verify/",
                "cli/",
                "tests/",
                "cluster/",
                ".github/",
                "docs/",
            ];
            let is_path = begins.iter().any(|begin| quoted.starts_with(begin)) && !quoted.contains([' ', '*', '<']);
            let is_open = PLACEHOLDERS.iter().any(|name| quoted.contains(name));
            assert!(
                !is_path || is_open || root().join(quoted).exists(),
                "{document}: there is no {quoted}"
            );
        }
    }
}

/// A row of the threat table names tests that exist, each one a test and not some function.
#[test]
fn every_row_of_the_threat_table_names_its_test() {
    let tests = tests();
    let text = read(&root().join("docs/security.md"));
    let (_, section) = text.split_once("| threat |").expect("the page has a table of threats");
    let rows: Vec<&str> = section
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() > 20, "{} rows", rows.len());
    for row in rows {
        let shown_by = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named = quoted(shown_by);
        assert!(!named.is_empty(), "nothing shows this: {row}");
        for name in named {
            assert!(
                tests.contains_key(name),
                "docs/security.md names `{name}`, and no test is called so: {row}"
            );
        }
    }
}

/// Every test's name with its file: a function with an attribute that makes it one.
fn tests() -> BTreeMap<String, PathBuf> {
    let mut tests = BTreeMap::new();
    for path in sources() {
        let mut is_test = false;
        for line in read(&path).lines().map(str::trim) {
            if ["#[test]", "#[tokio::test", "#[rstest"]
                .iter()
                .any(|it| line.starts_with(it))
            {
                is_test = true;
            }
            let Some((before, rest)) = line.split_once("fn ") else {
                continue;
            };
            if !["", "async ", "pub(crate) ", "pub(crate) async "].contains(&before) {
                continue;
            }
            let name: String = rest
                .chars()
                .take_while(|it| it.is_alphanumeric() || *it == '_')
                .collect();
            if std::mem::take(&mut is_test) {
                tests.insert(name, path.clone());
            }
        }
    }
    assert!(tests.len() > 300, "{} tests", tests.len());
    tests
}

/// What the page on symptoms quotes is what the programs say.
#[test]
fn messages_are_quoted_as_they_are() {
    let text = read(&root().join("docs/operate.md"));
    let (_, section) = text.split_once("| what you see |").expect("it has the table");
    let said: Vec<String> = sources().iter().map(|path| read(path)).collect();
    let mut count = 0;
    for row in section.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let seen = row.split('|').nth(1).unwrap();
        for message in quoted(seen)
            .into_iter()
            .filter(|it| !it.starts_with("./cbox") && *it != "attach")
        {
            count += 1;
            assert!(
                said.iter().any(|text| text.contains(message)),
                "docs/operate.md quotes `{message}`, which nobody says"
            );
        }
    }
    assert!(count > 10, "{count} messages");
}

/// The page's example is an entry of tools.toml, of a layer that exists, and not one that is there already.
#[test]
fn the_example_of_a_tool_is_one() {
    #[derive(Deserialize)]
    struct Example {
        tools: BTreeMap<String, Tool>,
    }
    let text = read(&root().join("docs/extend.md"));
    let example: Example = toml::from_str(&lines(&text, "toml").join("\n")).expect("the example is an entry");
    let catalogue = read(&root().join("image/tools.toml"));
    assert_eq!(example.tools.len(), 1);
    for (name, tool) in example.tools {
        assert!(
            catalogue.contains(&format!("{{ name = \"{}\",", tool.layer)),
            "{}",
            tool.layer
        );
        assert!(
            !catalogue.contains(&format!("[tools.{name}]")),
            "{name} is there already"
        );
    }
    for quoted in quoted(&prose(&text)).into_iter().filter(|it| it.starts_with("[tools.")) {
        assert!(catalogue.contains(&format!("\n{quoted}\n")), "there is no {quoted}");
    }
}
