//! Everything that an image is made of. Pure.

use std::collections::BTreeMap;

use assemble::build_info::{Module, Program};
use assemble::record;
use assemble::request::ItemKind;
use catalogue::Architecture;
use catalogue::lock::ClaudeRelease;

use crate::error::Error;
use crate::licence::Licence;
use crate::locks::{Crate, Locks};
use crate::owners::{self, File, Owners};
use crate::purl;

/// What an image is made of.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The image's architecture.
    pub architecture: Architecture,
    /// Debian's release, if the image holds `base-files`: `13`, and `13.8` with its point release.
    pub release: Option<(String, String)>,
    /// By package URL.
    pub components: BTreeMap<String, Component>,
    /// By path.
    pub files: BTreeMap<String, File>,
}

/// A piece of software that an image is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Component {
    /// What it is.
    pub kind: Kind,
    /// Its name in its world.
    pub name: String,
    /// Its version in its world.
    pub version: String,
    /// Of what it was published as (a `.deb`, a crate, Anthropic's program), in hexadecimal.
    pub sha256: Option<String>,
    /// What is known of its licence.
    pub licence: Licence,
    /// The source package, where that is something else.
    pub source: Option<(String, String)>,
    /// Where it is at home.
    pub homepage: Option<String>,
    /// Where it was published.
    pub download: Option<String>,
    /// A Go module's sum as `go.sum` has it.
    pub sum: Option<String>,
    /// The components that it holds, by package URL, sorted.
    pub holds: Vec<String>,
}

/// What a component is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A Debian package.
    Debian,
    /// A Go module.
    Go,
    /// An npm package.
    Npm,
    /// A crate of crates.io.
    Crate,
    /// Anthropic's program.
    Anthropic,
    /// This project's.
    Ours,
}

impl Kind {
    /// As documents name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian => "deb",
            Self::Go => "go",
            Self::Npm => "npm",
            Self::Crate => "crate",
            Self::Anthropic => "anthropic",
            Self::Ours => "ours",
        }
    }
}

/// Puts together what the layers' records and the locks say. `crates` are those of each program of ours.
///
/// # Errors
///
/// [`Error`] for a file that has no owner or two, for an owner with two versions, for what no lock knows, and for a
/// program of which nobody says what is in it.
pub fn inventory(
    architecture: Architecture,
    layers: &[record::Layer],
    locks: &Locks,
    crates: &BTreeMap<String, Vec<Crate>>,
) -> Result<Inventory, Error> {
    let mut collected = Collected {
        architecture,
        release: release(layers),
        components: BTreeMap::new(),
        owners: BTreeMap::new(),
    };
    for layer in layers {
        for package in &layer.packages {
            collected.debian(package, locks)?;
        }
        for item in &layer.items {
            collected.item(item, locks, crates)?;
        }
    }
    let files = owners::files(layers, &collected.owners)?;
    Ok(Inventory {
        architecture,
        release: collected.release,
        components: collected.components,
        files,
    })
}

/// `13.8+deb13u8` of `base-files` is Debian 13.8.
fn release(layers: &[record::Layer]) -> Option<(String, String)> {
    let package = layers
        .iter()
        .flat_map(|layer| &layer.packages)
        .find(|package| package.package == "base-files")?;
    let point = package.version.split('+').next()?;
    Some((point.split('.').next()?.to_owned(), point.to_owned()))
}

struct Collected {
    architecture: Architecture,
    release: Option<(String, String)>,
    components: BTreeMap<String, Component>,
    owners: Owners,
}

impl Collected {
    fn debian(&mut self, package: &record::Package, locks: &Locks) -> Result<(), Error> {
        let key = format!("{}:{}", package.package, package.architecture);
        let locked = locks.debian.packages.get(&key);
        let Some(locked) = locked.filter(|locked| locked.version == package.version && locked.sha256 == package.sha256)
        else {
            return Err(Error::NotLocked {
                what: format!("package {key} {} with sha256 {}", package.version, package.sha256),
                lock: "image/lock/debian.json",
            });
        };
        let source = (package.source.as_str(), package.source_version.as_str());
        let release = self.release.as_ref().map(|(release, _)| release.as_str());
        let purl = purl::debian(
            &package.package,
            &package.version,
            &package.architecture,
            release,
            source,
        );
        let snapshot = locks
            .debian
            .archives
            .get(&locked.archive)
            .map(|archive| &archive.snapshot);
        let component = Component {
            sha256: Some(package.sha256.clone()),
            licence: if package.licenses.is_empty() {
                Licence::Unknown
            } else {
                Licence::Names(package.licenses.clone())
            },
            source: Some((package.source.clone(), package.source_version.clone())),
            homepage: package.homepage.clone(),
            download: snapshot.map(|snapshot| {
                format!(
                    "https://snapshot.debian.org/archive/{}/{snapshot}/{}",
                    locked.archive, locked.path
                )
            }),
            ..Component::new(Kind::Debian, &package.package, &package.version)
        };
        self.owner(format!("deb:{}", package.package), &package.version, purl.clone())?;
        self.components.insert(purl, component);
        Ok(())
    }

    fn item(&mut self, item: &record::Item, locks: &Locks, crates: &BTreeMap<String, Vec<Crate>>) -> Result<(), Error> {
        let owner = format!("{}:{}", item.kind.name(), item.name);
        let (purl, component) = match item.kind {
            ItemKind::Go => self.go(&owner, item)?,
            ItemKind::Npm | ItemKind::Anthropic => self.claude(&owner, item, locks)?,
            ItemKind::Crate => self.program(item, locks, crates)?,
            ItemKind::Ours => (
                purl::generic(&item.name, &item.version),
                Component {
                    licence: Licence::Expression("Apache-2.0".to_owned()),
                    ..Component::new(Kind::Ours, &item.name, &item.version)
                },
            ),
            // Images of the box hold Debian's packages as packages alone, each with the hash that the lock knows.
            ItemKind::Debian => {
                return Err(Error::NotLocked {
                    what: format!("{owner} {}", item.version),
                    lock: "image/lock/debian.json",
                });
            }
        };
        self.owner(owner, &item.version, purl.clone())?;
        self.add(purl, component);
        Ok(())
    }

    /// A module whose program the image holds, with all modules of the program.
    fn go(&mut self, owner: &str, item: &record::Item) -> Result<(String, Component), Error> {
        if item.programs.is_empty() {
            return Err(Error::NoBuildInfo(owner.to_owned()));
        }
        let purl = purl::go(&item.name, &item.version);
        let mut component = Component::new(Kind::Go, &item.name, &item.version);
        for Program { info, .. } in &item.programs {
            let toolchain = info.go.strip_prefix("go").unwrap_or(&info.go);
            // What follows a blank is how the toolchain was built.
            let toolchain = toolchain.split(' ').next().unwrap_or_default();
            let standard = Component {
                licence: Licence::Expression("BSD-3-Clause".to_owned()),
                ..Component::new(Kind::Go, "stdlib", toolchain)
            };
            let modules = info
                .modules
                .iter()
                .chain(Some(&info.main).filter(|main| is_published(main)));
            let modules = modules.map(|module| {
                let sum = Some(module.sum.clone()).filter(|sum| !sum.is_empty());
                let component = Component::new(Kind::Go, &module.path, &module.version);
                (purl::go(&module.path, &module.version), Component { sum, ..component })
            });
            for (held, module) in modules.chain(Some((purl::go("stdlib", toolchain), standard))) {
                if held == purl {
                    component.sum.clone_from(&module.sum);
                    continue;
                }
                component.holds.push(held.clone());
                self.add(held, module);
            }
        }
        component.holds.sort();
        component.holds.dedup();
        Ok((purl, component))
    }

    fn claude(&self, owner: &str, item: &record::Item, locks: &Locks) -> Result<(String, Component), Error> {
        let purl = purl::npm(&item.name, &item.version);
        let (kind, sha256, download) = match locks.claude.get(&self.architecture) {
            Some(ClaudeRelease::Native {
                version,
                npm,
                sha256,
                url,
                ..
            }) if (npm, version) == (&item.name, &item.version) => (Kind::Anthropic, sha256, Some(url.clone())),
            Some(ClaudeRelease::Javascript {
                version, npm, sha256, ..
            }) if (npm, version) == (&item.name, &item.version) => (Kind::Npm, sha256, None),
            _ => {
                return Err(Error::NotLocked {
                    what: format!("{owner} {}", item.version),
                    lock: "image/lock/claude.json",
                });
            }
        };
        let component = Component {
            sha256: Some(sha256.clone()),
            licence: Licence::Names(vec!["Anthropic Commercial Terms of Service".to_owned()]),
            homepage: Some("https://www.anthropic.com/claude-code".to_owned()),
            download,
            ..Component::new(kind, &item.name, &item.version)
        };
        Ok((purl, component))
    }

    /// A program of ours, with the crates that it is made of. Those of ours are part of it.
    fn program(
        &mut self,
        item: &record::Item,
        locks: &Locks,
        crates: &BTreeMap<String, Vec<Crate>>,
    ) -> Result<(String, Component), Error> {
        let crates = crates
            .get(&item.name)
            .ok_or_else(|| Error::NoCrates(item.name.clone()))?;
        let mut component = Component {
            licence: Licence::Expression("Apache-2.0".to_owned()),
            ..Component::new(Kind::Ours, &item.name, &item.version)
        };
        for Crate { name, version, licence } in crates {
            let Some(sha256) = locks.crates.get(&(name.clone(), version.clone())) else {
                return Err(Error::NotLocked {
                    what: format!("crate {name} {version} in {}", item.name),
                    lock: "Cargo.lock",
                });
            };
            let held = purl::cargo(name, version);
            component.holds.push(held.clone());
            let known = Component::new(Kind::Crate, name, version);
            self.add(
                held,
                Component {
                    sha256: Some(sha256.clone()),
                    licence: licence.clone(),
                    ..known
                },
            );
        }
        component.holds.sort();
        component.holds.dedup();
        Ok((purl::generic(&item.name, &item.version), component))
    }

    /// A component may be part of several programs, and a program itself a module of another one.
    fn add(&mut self, purl: String, component: Component) {
        match self.components.get_mut(&purl) {
            Some(present) if component.holds.is_empty() => {
                present.sum = present.sum.take().or(component.sum);
            }
            Some(present) => {
                present.holds.extend(component.holds);
                present.holds.sort();
                present.holds.dedup();
            }
            None => {
                self.components.insert(purl, component);
            }
        }
    }

    fn owner(&mut self, owner: String, version: &str, purl: String) -> Result<(), Error> {
        match self.owners.get(&owner) {
            Some((_, first)) if first != version => Err(Error::TwoVersions {
                owner,
                first: first.clone(),
                second: version.to_owned(),
            }),
            _ => {
                self.owners.insert(owner, (purl, version.to_owned()));
                Ok(())
            }
        }
    }
}

impl Component {
    fn new(kind: Kind, name: &str, version: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: None,
            licence: Licence::Unknown,
            source: None,
            homepage: None,
            download: None,
            sum: None,
            holds: Vec::new(),
        }
    }
}

/// A main module that was built where it is developed has no version, and is described by what it requires.
fn is_published(module: &Module) -> bool {
    module.version != "(devel)" && !module.version.is_empty()
}
