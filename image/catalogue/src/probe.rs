//! What shows that a tool works: its probe, and what it needs beyond what the box has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A functional check of a tool: works with no network, as uid 10000, on a read-only root.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// A bash script; it runs in an empty, writable directory with `set -euo pipefail`.
    pub run: String,
    /// What its standard output holds: a regular expression, as the crate `regex` takes it, that must match somewhere.
    /// With `(?m)`, `^` and `$` mean the ends of lines.
    pub expect: String,
    /// What more the tool does where the processor runs it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A check that wants a system call which an emulator of single programs (QEMU) does not have. It is run where the
/// machine has the image's architecture, and reported as skipped, with the reason, where it has not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Native {
    /// What the emulator lacks.
    pub why: String,
    /// As in [`Probe`].
    pub run: String,
    /// As in [`Probe`].
    pub expect: String,
}

/// Something that a tool does only for those who have a right which the box does not give. It is tried both ways: as
/// the box runs, and as root with this right alone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Need {
    /// capabilities(7), by the names that Docker and Kubernetes give them: without `CAP_`.
    pub capabilities: Vec<String>,
    /// For what, in words: `to capture packets`.
    pub to: String,
    /// The seccomp profile to run it with, where the default one withholds a system call whatever the capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<String>,
    /// Kernel settings of the container's own network on which the need depends, for both tries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<String, String>,
    /// A bash script, run as a probe is; its exit status is of no consequence.
    pub run: String,
    /// What it prints with the right: a regular expression.
    pub with: String,
    /// What it prints without: a regular expression.
    pub without: String,
}

impl Probe {
    /// What cannot be, as pairs of a key below the probe's and a sentence about its value.
    pub(crate) fn contradictions(&self) -> Vec<(&'static str, &'static str)> {
        const EMPTY: &str = "the probe is empty; make the tool do its work";
        const VAGUE: &str = "an empty expectation holds for every output; say what must be there";
        let mut checks = vec![("run", &self.run, EMPTY), ("expect", &self.expect, VAGUE)];
        if let Some(native) = &self.native {
            checks.push(("native.run", &native.run, EMPTY));
            checks.push(("native.expect", &native.expect, VAGUE));
            checks.push(("native.why", &native.why, "say what the emulator lacks"));
        }
        empty(&checks)
    }
}

impl Need {
    /// What cannot be, as pairs of a key below the need's and a sentence about its value.
    pub(crate) fn contradictions(&self) -> Vec<(&'static str, &'static str)> {
        const EMPTY: &str = "the script is empty; make the tool do what it needs the right for";
        const VAGUE: &str = "an empty expectation holds for every output; say what must be there";
        let mut found = empty(&[
            ("run", &self.run, EMPTY),
            ("with", &self.with, VAGUE),
            ("without", &self.without, VAGUE),
            ("to", &self.to, "say what the right is for"),
        ]);
        let is_name = |name: &String| {
            !name.is_empty()
                && !name.starts_with("CAP_")
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        if self.capabilities.is_empty() || !self.capabilities.iter().all(is_name) {
            found.push((
                "capabilities",
                "name capabilities as Docker does: NET_RAW for CAP_NET_RAW",
            ));
        }
        found
    }
}

/// Those of some values that are empty but for white space.
fn empty(checks: &[(&'static str, &String, &'static str)]) -> Vec<(&'static str, &'static str)> {
    checks
        .iter()
        .filter(|(_, value, _)| value.trim().is_empty())
        .map(|(key, _, sentence)| (*key, *sentence))
        .collect()
}
