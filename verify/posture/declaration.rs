//! What is said outside of Kubernetes, as something to judge: Compose's file, and what the image says of itself.
//!
//! The image's declaration is four literals of `image/nix/config.nix`, which are read as text: the harness runs no Nix. What
//! the image has is `image/tools.toml`; what is promised of it stands in the README.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use catalogue::Catalogue;
use catalogue::tools::Flavour;
use serde_json::{Map, Value, json};

use crate::chart::ChartError;
use crate::chart::lines::{self, Lined};
use crate::posture::target::{Origin, Part, Whole};

/// Compose's file, below the project's folder.
pub const COMPOSE: &str = "manifests/compose.yaml";

/// What the image says of itself.
const CONFIG: &str = "image/nix/config.nix";

/// What the image has.
const TOOLS: &str = "image/tools.toml";

/// What is promised of it.
const README: &str = "README.md";

/// Where the README lists the tools of each flavour: how the list begins, and what ends it.
const LISTS: [(Flavour, &str, &str); 2] = [
    (Flavour::Core, "In the box: ", ", and skills"),
    (Flavour::Full, "The full flavour also has: ", ". "),
];

/// What the box is made of and people do not call.
const UNLISTED: [&str; 4] = ["box-entrypoint", "box-init", "ca-certificates", "node"];

/// A declaration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Compose's file is no YAML.
    #[error("{COMPOSE}: {0}")]
    Compose(#[from] ChartError),
    /// The tools are wrong.
    #[error(transparent)]
    Tools(#[from] catalogue::load::LoadError),
    /// The image's declaration has another form.
    #[error(
        "{CONFIG} has no literal `{0} = …` of strings, numbers, lists and sets, which is what the image is judged by"
    )]
    Literal(&'static str),
    /// The README does not list the tools.
    #[error("README.md has no sentence that begins with '{0}', which lists the tools of a flavour")]
    Promise(&'static str),
}

/// Compose's file.
///
/// # Errors
///
/// When it cannot be read.
pub fn compose(root: &Path) -> Result<Whole, DeclarationError> {
    let parts = lines::objects(&read(root, COMPOSE)?)?.into_iter().map(|object| Part {
        file: COMPOSE.to_owned(),
        object,
    });
    Ok(Whole {
        name: "compose".to_owned(),
        origin: Origin::Compose,
        parts: parts.collect(),
    })
}

/// What the image says of itself, has, and is promised to have.
///
/// # Errors
///
/// When a file cannot be read, or has another form.
pub fn image(root: &Path) -> Result<Whole, DeclarationError> {
    let config = read(root, CONFIG)?;
    let mut declared = Lined::default();
    let mut image = Map::new();
    for name in ["config", "accounts"] {
        let value = literal(&config, name, &mut declared.lines).ok_or(DeclarationError::Literal(name))?;
        image.insert(name.to_owned(), value);
    }
    declared.value = json!({ "image": image });
    let path = root.join(TOOLS);
    let tools = listed(&catalogue::load::catalogue(&path)?, &read(root, TOOLS)?);
    let part = |file: &str, object| Part {
        file: file.to_owned(),
        object,
    };
    Ok(Whole {
        name: "image".to_owned(),
        origin: Origin::Image,
        parts: vec![
            part(CONFIG, declared),
            part(TOOLS, tools),
            part(README, promise(&read(root, README)?)?),
        ],
    })
}

/// The tools of an image's declaration.
#[must_use]
pub(super) fn tools(image: &Whole) -> Map<String, Value> {
    let tools = image
        .parts
        .iter()
        .find_map(|part| part.object.value["tools"].as_object());
    tools.cloned().unwrap_or_default()
}

/// The flavour in which a tool is promised.
#[must_use]
pub(super) fn promised<'image>(image: &'image Whole, name: &str) -> Option<&'image str> {
    let promised = image.parts.iter().find_map(|part| part.object.value.get("promised"))?;
    promised.as_array()?.iter().find(|tool| tool["name"] == name)?["flavour"].as_str()
}

fn read(root: &Path, file: &str) -> Result<String, DeclarationError> {
    let path = root.join(file);
    fs::read_to_string(&path).map_err(|source| DeclarationError::Read { path, source })
}

/// What rules want to know of each tool.
fn listed(catalogue: &Catalogue, text: &str) -> Lined {
    let mut lined = Lined::default();
    let mut tools = Map::new();
    for (name, tool) in &catalogue.tools {
        let flavour = catalogue
            .layers
            .iter()
            .find(|layer| layer.name == tool.layer)
            .map(|layer| word(layer.flavour));
        let value = json!({
            "layer": tool.layer,
            "flavour": flavour,
            "run": tool.probe.run,
            "expect": tool.probe.expect,
            "needs": tool.needs.is_some(),
        });
        tools.insert(name.clone(), value);
        let heading = format!("[tools.{name}]");
        let line = text.lines().zip(1..).find(|(line, _)| *line == heading);
        lined
            .lines
            .extend(line.map(|(_, line)| (format!("/tools/{}", lines::escaped(name)), line)));
    }
    lined.value = json!({ "tools": tools });
    lined
}

fn word(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Core => "core",
        Flavour::Full => "full",
    }
}

/// The tools that the README lists, and those that the box itself is made of.
fn promise(readme: &str) -> Result<Lined, DeclarationError> {
    let text = readme.replace('\n', " ");
    let mut promised = UNLISTED.map(|name| json!({ "name": name, "flavour": "core" })).to_vec();
    let mut lined = Lined::default();
    for (flavour, beginning, end) in LISTS {
        let missing = || DeclarationError::Promise(beginning);
        let (before, rest) = text.split_once(beginning).ok_or_else(missing)?;
        let names = rest.split_once(end).ok_or_else(missing)?.0.split(", ");
        let line = 1 + readme.get(..before.len()).unwrap_or_default().matches('\n').count() as u64;
        lined.lines.entry("/promised".to_owned()).or_insert(line);
        for name in names {
            let name = if name == "Claude Code" { "claude" } else { name };
            lined.lines.insert(format!("/promised/{}", promised.len()), line);
            promised.push(json!({ "name": name, "flavour": word(flavour) }));
        }
    }
    lined.value = json!({ "promised": promised });
    Ok(lined)
}

/// The literal that stands behind `name =` in a Nix file, with its lines.
fn literal(text: &str, name: &'static str, lines: &mut BTreeMap<String, u64>) -> Option<Value> {
    let beginning = format!("\n  {name} = ");
    let at = text.find(&beginning)? + beginning.len();
    let pointer = format!("/image/{name}");
    let mut reader = Reader { text, at };
    lines.insert(pointer.clone(), reader.line());
    reader.value(&pointer, lines)
}

/// Reads literals: strings without interpolation, numbers, lists and sets.
struct Reader<'text> {
    text: &'text str,
    at: usize,
}

impl Reader<'_> {
    fn line(&self) -> u64 {
        let before = self.text.get(..self.at).unwrap_or_default();
        1 + before.matches('\n').count() as u64
    }

    fn rest(&mut self) -> &str {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let bare = rest.trim_start();
            self.at += rest.len() - bare.len();
            if !bare.starts_with('#') {
                return self.text.get(self.at..).unwrap_or_default();
            }
            self.at += bare.find('\n').unwrap_or(bare.len());
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let is_there = self.rest().starts_with(word);
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    fn word(&mut self, is_of_it: impl Fn(char) -> bool) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|letter| !is_of_it(letter)).unwrap_or(rest.len());
        let word = rest.get(..end).filter(|word| !word.is_empty())?.to_owned();
        self.at += end;
        Some(word)
    }

    fn value(&mut self, pointer: &str, lines: &mut BTreeMap<String, u64>) -> Option<Value> {
        if self.take("\"") {
            let rest = self.text.get(self.at..)?;
            let end = rest.find('"')?;
            let text = rest.get(..end).filter(|text| !text.contains(['\\', '$']))?.to_owned();
            self.at += end + 1;
            return Some(text.into());
        }
        if self.take("[") {
            let mut items = Vec::new();
            while !self.take("]") {
                let pointer = format!("{pointer}/{}", items.len());
                lines.insert(pointer.clone(), self.line());
                items.push(self.value(&pointer, lines)?);
            }
            return Some(items.into());
        }
        if self.take("{") {
            let mut entries = Map::new();
            while !self.take("}") {
                let key = self.word(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-')?;
                let pointer = format!("{pointer}/{key}");
                lines.insert(pointer.clone(), self.line());
                let is_assigned = self.take("=");
                entries.insert(key, self.value(&pointer, lines).filter(|_| is_assigned)?);
                if !self.take(";") {
                    return None;
                }
            }
            return Some(entries.into());
        }
        let number: i64 = self.word(|letter| letter.is_ascii_digit())?.parse().ok()?;
        Some(number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_with_their_lines() {
        let text = "{\n  accounts = [\n    { # one\n      uid = 10000;\n      name = \"claude\";\n    }\n  ];\n  created = \"${x}\";\n}\n";
        let mut lines = BTreeMap::new();
        let found = literal(text, "accounts", &mut lines);
        assert_eq!(found, Some(json!([{ "uid": 10000, "name": "claude" }])));
        assert_eq!(lines.get("/image/accounts/0/uid"), Some(&4));
        assert_eq!(literal(text, "created", &mut lines), None, "it is no literal");
        assert_eq!(literal(text, "config", &mut lines), None, "it is not there");
    }
}
