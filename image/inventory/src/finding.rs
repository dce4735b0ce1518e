//! Which advisories concern the Go modules of images, and which of them were looked at. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use assemble::build_info::{Module, Program};
use catalogue::Architecture;
use serde::{Deserialize, Serialize};

use crate::advisory::{self, Advisory, NoVersion, Verdict};

/// `image/advisories.toml`: advisories that are answered with a reason instead of a newer version, by their id.
pub type Exceptions = BTreeMap<String, Exception>;

/// Why an advisory does not concern the image, or why its fix cannot be had.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The module that it is about.
    pub module: String,
    /// As OpenVEX 0.2.0 knows them; `fix_not_available` is ours, for a fix that cannot be taken.
    pub justification: Justification,
    /// A sentence.
    pub reason: String,
}

/// Why not.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Justification {
    /// The part of the module that has the defect is not in the program.
    VulnerableCodeNotPresent,
    /// It is there, and nothing calls it.
    VulnerableCodeNotInExecutePath,
    /// It is called, and nobody else decides what it is given.
    VulnerableCodeCannotBeControlledByAdversary,
    /// Something else in the box makes it harmless.
    InlineMitigationsAlreadyExist,
    /// It may concern the image; no program can be built with the fix.
    FixNotAvailable,
}

/// An advisory that concerns a module of the images.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Its id.
    pub advisory: String,
    /// Its names elsewhere.
    pub aliases: Vec<String>,
    /// What it is about.
    pub summary: String,
    /// The module; `stdlib` is Go itself.
    pub module: String,
    /// Its version in the image.
    pub version: String,
    /// The version that has the fix, if there is one.
    pub fixed: Option<String>,
    /// The programs that hold it, by path.
    pub programs: BTreeSet<String>,
    /// Where.
    pub architectures: BTreeSet<Architecture>,
    /// What was answered.
    pub exception: Option<Exception>,
}

impl Finding {
    /// Whether something is to be done: there is a fix, and nobody said why not.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.fixed.is_some() && self.exception.is_none()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
        let programs = names(&mut self.programs.iter().map(|it| format!("/{it}")));
        let known = names(&mut std::iter::once(self.advisory.clone()).chain(self.aliases.iter().cloned()));
        let way = match self.module.as_str() {
            "stdlib" => "take it in image/lock/go.json",
            _ => "require it in the go.mod of the program's group in image/go",
        };
        write!(formatter, "{programs}: {} {}: {known}", self.module, self.version)?;
        match &self.fixed {
            Some(fixed) => write!(
                formatter,
                " is fixed in {fixed}: {way}, or say in image/advisories.toml why not"
            ),
            None => write!(formatter, " has no fix"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// How many advisories were asked.
    pub advisories: usize,
    /// How many modules, each version for itself.
    pub modules: usize,
    /// The programs that hold them, by path.
    pub programs: BTreeSet<String>,
    /// Sorted by module and advisory.
    pub findings: Vec<Finding>,
    /// Exceptions that are about nothing.
    pub stale: Vec<String>,
}

impl Findings {
    /// A sentence for each thing that is to be done.
    #[must_use]
    pub fn open(&self) -> Vec<String> {
        let open = self.findings.iter().filter(|it| it.is_open()).map(ToString::to_string);
        let stale = self.stale.iter().map(|id| {
            format!("image/advisories.toml: {id}: nothing in the image is concerned by it any more; take the entry out")
        });
        open.chain(stale).collect()
    }
}

/// A module in a program: path and version, with a toolchain as `stdlib`.
fn modules(program: &Program) -> impl Iterator<Item = (&str, &str)> {
    let go = std::iter::once(("stdlib", program.info.go.as_str()));
    let all = std::iter::once(&program.info.main).chain(&program.info.modules);
    // What stands in this repository has no version, and no advisories.
    let published = all.filter(|it: &&Module| it.version != "(devel)");
    go.chain(published.map(|it| (it.path.as_str(), it.version.as_str())))
}

/// Asks every advisory about every module of some programs.
///
/// # Errors
///
/// [`NoVersion`] for a module, or an advisory, with a version that cannot be compared: what was not asked is no pass.
pub fn find(
    programs: &[(Architecture, Program)],
    advisories: &[Advisory],
    exceptions: &Exceptions,
) -> Result<Findings, NoVersion> {
    let mut holders: BTreeMap<(&str, &str), Vec<(Architecture, &str)>> = BTreeMap::new();
    for (architecture, program) in programs {
        for module in modules(program) {
            holders
                .entry(module)
                .or_default()
                .push((*architecture, program.path.as_str()));
        }
    }
    let mut about: BTreeMap<&str, Vec<&Advisory>> = BTreeMap::new();
    for advisory in advisories {
        let names: BTreeSet<&str> = advisory.affected.iter().map(|it| it.package.name.as_str()).collect();
        for name in names {
            about.entry(name).or_default().push(advisory);
        }
    }
    let mut findings = Vec::new();
    for ((module, version), holders) in &holders {
        let comparable = advisory::version(version)?;
        for advisory in about.get(module).into_iter().flatten() {
            let fixed = match advisory.verdict(module, &comparable)? {
                Verdict::Unaffected => continue,
                Verdict::Unfixed => None,
                Verdict::FixedIn(version) => Some(version),
            };
            let exception = exceptions.get(&advisory.id).filter(|it| it.module == *module);
            findings.push(Finding {
                advisory: advisory.id.clone(),
                aliases: advisory.aliases.clone(),
                summary: advisory.summary.clone(),
                module: (*module).to_owned(),
                version: (*version).to_owned(),
                fixed,
                programs: holders.iter().map(|(_, path)| (*path).to_owned()).collect(),
                architectures: holders.iter().map(|(architecture, _)| *architecture).collect(),
                exception: exception.cloned(),
            });
        }
    }
    let answered: BTreeSet<&str> = findings
        .iter()
        .filter(|it| it.exception.is_some())
        .map(|it| it.advisory.as_str())
        .collect();
    let stale = exceptions.keys().filter(|id| !answered.contains(id.as_str())).cloned();
    Ok(Findings {
        advisories: advisories.len(),
        modules: holders.len(),
        programs: programs.iter().map(|(_, program)| program.path.clone()).collect(),
        stale: stale.collect(),
        findings,
    })
}
