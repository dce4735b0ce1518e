//! Which version of a tool the locks hold.

use std::collections::BTreeMap;
use std::fs;

use catalogue::tools::{Source, Tool};
use catalogue::{Architecture, Catalogue, load, lock};

use crate::failure::{Code, Failure};
use crate::project::Project;

/// What the locks say.
pub(crate) struct Versions {
    debian: lock::Debian,
    claude: lock::Claude,
    /// The text of each Go group's go.mod.
    go: BTreeMap<String, String>,
}

impl Versions {
    /// Reads the locks of a project.
    pub(crate) fn load(project: &Project, catalogue: &Catalogue) -> Result<Self, Failure> {
        let image = project.root.join("image");
        let mut go = BTreeMap::new();
        for tool in catalogue.tools.values() {
            if let Source::Go { group, .. } = &tool.source {
                let path = image.join("go").join(group).join("go.mod");
                let text = fs::read_to_string(&path)
                    .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
                go.insert(group.clone(), text);
            }
        }
        Ok(Self {
            debian: load::debian(&image.join("lock/debian.json")).map_err(super::unreadable)?,
            claude: load::claude(&image.join("lock/claude.json")).map_err(super::unreadable)?,
            go,
        })
    }

    /// A tool's version on an architecture that has it.
    pub(crate) fn of(&self, name: &str, tool: &Tool, architecture: Architecture) -> Result<String, Failure> {
        let version = match &tool.source {
            Source::Debian { package, .. } => [architecture.debian(), "all"]
                .into_iter()
                .find_map(|own| self.debian.packages.get(&format!("{package}:{own}")))
                .map(|package| package.version.clone()),
            Source::Go { group, module, .. } => self.go.get(group).and_then(|text| required(text, module)),
            Source::Claude { .. } => self
                .claude
                .get(&architecture)
                .map(|release| release.version().to_owned()),
            // The crates of the workspace have one version.
            Source::Crate { .. } => Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        version.ok_or_else(|| {
            let sentence = format!("the locks hold no version of tools.{name} for {architecture}; run `cbox lock`");
            Failure::new(Code::Data, sentence)
        })
    }
}

/// The version of a module that a go.mod requires, without its `v`: <https://go.dev/ref/mod#go-mod-file-require>.
fn required(text: &str, module: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let mut words = line.strip_prefix("require ").unwrap_or(line).split_whitespace();
        let version = words.next().filter(|word| *word == module).and(words.next())?;
        version.strip_prefix('v').map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TEXT: &str = "module own\n\ntool (\n\ta.invalid/one\n)\n\nrequire a.invalid/alone v3.0.0\n\nrequire (\n\ta.invalid/one v1.2.3\n\ta.invalid/two v0.9.0 // indirect\n)\n\nreplace a.invalid/four => a.invalid/four v2.0.0\n";

    #[rstest]
    #[case("a.invalid/one", Some("1.2.3"))]
    #[case("a.invalid/two", Some("0.9.0"))]
    #[case("a.invalid/alone", Some("3.0.0"))]
    #[case("a.invalid/o", None)]
    #[case("a.invalid/four", None)]
    fn a_requirement_is_found(#[case] module: &str, #[case] version: Option<&str>) {
        assert_eq!(required(TEXT, module).as_deref(), version);
    }
}
