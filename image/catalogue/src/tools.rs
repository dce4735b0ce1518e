//! `image/tools.toml`: what is in the image, one entry a tool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Architecture;
use crate::probe::{Need, Probe};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Catalogue {
    /// Layers from the bottom up. A package goes into the lowest layer that has a tool which needs it.
    pub layers: Vec<Layer>,
    /// Packages that every image holds whatever its tools; they form the first layer.
    pub base: Base,
    /// Dependencies that packages which no tool names leave out, by package, each with the reason.
    #[serde(default)]
    pub without: BTreeMap<String, BTreeMap<String, String>>,
    /// How `cbox lock` takes new versions.
    #[serde(default)]
    pub lock: Update,
    /// The tools by name.
    pub tools: BTreeMap<String, Tool>,
    /// Package sets that the build itself runs, by name; for amd64 alone and never in an image.
    pub build: BTreeMap<String, Vec<String>>,
    /// Package sets of the test cluster's images, by name, each with all that it depends on; for amd64 alone and never
    /// in the image itself. What `base.assumed` lists is not there either.
    #[serde(default)]
    pub cluster: BTreeMap<String, Set>,
}

/// How `cbox lock` takes new versions.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Update {
    /// For how many hours a version that is no security update must have been on offer before it is taken.
    pub cool_down_hours: u32,
}

impl Default for Update {
    fn default() -> Self {
        Self { cool_down_hours: 48 }
    }
}

/// A set of packages with all that they depend on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Set {
    /// Debian package names.
    pub packages: Vec<String>,
    /// Packages that are taken as installed though they are not, each with the reason.
    #[serde(default)]
    pub without: BTreeMap<String, String>,
}

impl Catalogue {
    /// The place of a layer, from the bottom.
    #[must_use]
    pub fn layer_index(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// What cannot be, as pairs of a key and a sentence about its value.
    pub(crate) fn contradictions(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut wrong = |key: String, message: String| found.push((key, message));
        if self.layers.is_empty() {
            wrong(
                "layers".into(),
                "there is no layer; the first one holds the base".into(),
            );
        }
        for (index, layer) in self.layers.iter().enumerate() {
            if self.layer_index(&layer.name) != Some(index) {
                wrong(
                    format!("layers[{index}].name"),
                    format!("two layers are named `{}`", layer.name),
                );
            }
        }
        for package in self
            .base
            .packages
            .iter()
            .filter(|it| self.base.assumed.contains_key(*it))
        {
            wrong(
                "base.assumed".into(),
                format!("`{package}` is in `base.packages`, so it need not be assumed"),
            );
        }
        for (name, tool) in &self.tools {
            let key = |rest: &str| format!("tools.{name}.{rest}");
            if self.layer_index(&tool.layer).is_none() {
                let known: Vec<&str> = self.layers.iter().map(|it| it.name.as_str()).collect();
                let message = format!("there is no layer `{}`; `layers` has {}", tool.layer, known.join(", "));
                wrong(key("layer"), message);
            }
            for (rest, message) in tool.probe.contradictions() {
                wrong(key(&format!("probe.{rest}")), message.into());
            }
            for (rest, message) in tool.needs.iter().flat_map(Need::contradictions) {
                wrong(key(&format!("needs.{rest}")), message.into());
            }
            match &tool.source {
                Source::Debian { package, links, .. } => {
                    if self.base.assumed.contains_key(package) {
                        let message = format!("`{package}` is a tool, so `base.assumed` must not list it");
                        wrong(key("source.debian.package"), message);
                    }
                    if self.without.contains_key(package) {
                        let message = format!("`{package}` is a tool; what it leaves out stands in its own `without`");
                        wrong(format!("without.{package}"), message);
                    }
                    for path in links.keys().filter(|path| !path.starts_with('/')) {
                        let message = format!("`{path}` is no absolute path");
                        wrong(key("source.debian.links"), message);
                    }
                }
                Source::Claude { releases, .. } => {
                    for architecture in Architecture::ALL {
                        if releases.contains_key(&architecture) == tool.absent.contains_key(&architecture) {
                            let message = "name a release, or the reason under `absent`, and not both".into();
                            wrong(key(&format!("source.claude.releases.{architecture}")), message);
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }
}

impl Tool {
    /// Whether an architecture's image holds the tool.
    #[must_use]
    pub fn is_on(&self, architecture: Architecture) -> bool {
        !self.absent.contains_key(&architecture)
    }

    /// The Debian packages that the tool names on an architecture; their dependencies come on top.
    #[must_use]
    pub fn packages(&self, architecture: Architecture) -> Vec<&str> {
        match &self.source {
            _ if !self.is_on(architecture) => Vec::new(),
            Source::Debian { package, .. } => vec![package],
            Source::Claude { packages, .. } => packages
                .get(&architecture)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect(),
            Source::Go { .. } | Source::Crate { .. } => Vec::new(),
        }
    }
}

/// One layer of the image.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Layer {
    /// A short noun, unique.
    pub name: String,
    /// The smallest flavour that holds the layer.
    pub flavour: Flavour,
}

/// A flavour of the image; `full` holds all that `core` holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// Shell, network basics, git, jq, kubectl, kubernetes-mcp-server and Claude Code.
    Core,
    /// Every tool.
    Full,
}

/// What every image holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Base {
    /// Debian package names.
    pub packages: Vec<String>,
    /// Packages that are taken as installed though they are not, each with the reason.
    pub assumed: BTreeMap<String, String>,
}

/// One tool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tool {
    /// The layer that holds the tool.
    pub layer: String,
    /// Where the tool comes from.
    pub source: Source,
    /// The architectures that lack the tool, each with the reason.
    #[serde(default)]
    pub absent: BTreeMap<Architecture, String>,
    /// What shows that the tool works.
    pub probe: Probe,
    /// What it does only with a right that the box does not give.
    #[serde(default)]
    pub needs: Option<Need>,
}

/// Where a tool comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Source {
    /// A Debian package.
    Debian {
        /// The binary package's name.
        package: String,
        /// Dependencies of this one package that are left out, each with the reason. Unlike `base.assumed`, another
        /// package that needs them still brings them in.
        #[serde(default)]
        without: BTreeMap<String, String>,
        /// Symbolic links of ours beside the package's files, by absolute path, where Debian gives a command another
        /// name or place than people know it by; the target is written as it stands.
        #[serde(default)]
        links: BTreeMap<String, String>,
    },
    /// A Go program, built from a wrapper module in `image/go/`.
    Go {
        /// The folder of the wrapper module.
        group: String,
        /// The package to build, as `go build` takes it.
        package: String,
        /// The module whose version the tool reports.
        module: String,
        /// `-X` settings for the linker: `{version}` is the module's version without its `v`; `{major}`, `{minor}` and `{patch}` are
        /// its parts.
        #[serde(default)]
        variables: BTreeMap<String, String>,
    },
    /// Anthropic's Claude Code, as `lock/claude.json` pins it.
    Claude {
        /// The release of each architecture.
        releases: BTreeMap<Architecture, Release>,
        /// The Debian packages that it runs on.
        #[serde(default)]
        packages: BTreeMap<Architecture, Vec<String>>,
    },
    /// A program of this workspace.
    Crate {
        /// The crate's name.
        name: String,
    },
}

/// A release of Claude Code.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Release {
    /// The version of Anthropic's own binary.
    Native(String),
    /// The version of a release that runs on Node.js, for the architectures that have no binary.
    Javascript(String),
}
