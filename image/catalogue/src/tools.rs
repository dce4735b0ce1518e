//! `image/tools.toml`: what is in the image, one entry a tool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Architecture;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Catalogue {
    /// Layers from the bottom up. A package goes into the lowest layer that has a tool which needs it.
    pub layers: Vec<Layer>,
    /// Packages that every image holds whatever its tools; they form the first layer.
    pub base: Base,
    /// The tools by name.
    pub tools: BTreeMap<String, Tool>,
    /// Package sets that the build itself runs, by name; for amd64 alone and never in an image.
    pub build: BTreeMap<String, Vec<String>>,
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
}

/// Where a tool comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Source {
    /// A Debian package.
    Debian {
        /// The binary package's name.
        package: String,
    },
    /// A Go program, built from a wrapper module in `image/go/`.
    Go {
        /// The folder of the wrapper module.
        group: String,
        /// The package to build, as `go build` takes it.
        package: String,
        /// The module whose version the tool reports.
        module: String,
        /// `-X` settings for the linker; `{version}` stands for the module's version.
        #[serde(default)]
        variables: BTreeMap<String, String>,
    },
    /// Anthropic's Claude Code, as `lock/claude.json` pins it.
    Claude {},
    /// A program of this workspace.
    Crate {
        /// The crate's name.
        name: String,
    },
}

/// A functional check of a tool: works with no network, as uid 10000, on a read-only root.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// A bash script; it runs in an empty, writable directory with `set -euo pipefail`.
    pub run: String,
    /// What its standard output holds: a regular expression that must match somewhere.
    pub expect: String,
}
