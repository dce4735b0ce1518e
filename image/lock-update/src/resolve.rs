//! From `tools.toml` and package lists to the packages of each layer and build set. Pure.

use std::collections::{BTreeMap, BTreeSet};

use catalogue::tools::Source;
use catalogue::{Architecture, Catalogue, lock};

use crate::index::{Candidate, Universe};
use crate::layers::{self, Anchor};
use crate::solver::{self, Request, Root, Solution, Unsatisfiable};

/// The architecture that builds run on.
const BUILD_ARCHITECTURE: Architecture = Architecture::Amd64;

/// The packages that `tools.toml` stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolved {
    /// Every package, by the key that the lock uses.
    pub packages: BTreeMap<String, Candidate>,
    /// The layers of each architecture.
    pub image: BTreeMap<Architecture, Vec<lock::Layer>>,
    /// Keys of `packages` by build set.
    pub build: BTreeMap<String, Vec<String>>,
    /// Keys of `packages` by set of the test cluster.
    pub cluster: BTreeMap<String, Vec<String>>,
    /// What asks for each package, as a key of `tools.toml`: the first that needs it, by its key in `packages`.
    pub wanted: BTreeMap<String, String>,
}

impl Resolved {
    /// Notes what asks for each package of a solution: the first root from which a chain of dependencies leads there.
    fn note(&mut self, universe: &Universe, roots: &[Root], solution: &Solution) {
        let mut seen = BTreeSet::new();
        for root in roots {
            for name in layers::reach(solution, vec![&root.package]) {
                if seen.insert(name.clone())
                    && let Some(candidate) = universe.candidate(&name)
                {
                    self.wanted
                        .entry(candidate.key())
                        .or_insert_with(|| root.wanted_by.clone());
                }
            }
        }
    }
}

/// Resolves for every architecture.
///
/// A package with `Architecture: all` is the same file everywhere, so its highest version in any list is everyone's.
///
/// # Errors
///
/// When a dependency cannot be met or a package does not exist.
pub fn resolve(
    catalogue: &Catalogue,
    offered: &BTreeMap<Architecture, Vec<Candidate>>,
) -> Result<Resolved, Unsatisfiable> {
    let mut resolved = Resolved {
        packages: BTreeMap::new(),
        image: BTreeMap::new(),
        build: BTreeMap::new(),
        cluster: BTreeMap::new(),
        wanted: BTreeMap::new(),
    };
    let universe = |architecture| {
        let own = offered.get(&architecture).into_iter().flatten();
        let shared = offered
            .values()
            .flatten()
            .filter(|candidate| candidate.architecture == "all");
        Universe::new(architecture, own.chain(shared).cloned())
    };
    for architecture in Architecture::ALL {
        let universe = universe(architecture);
        let layers = image(catalogue, &universe, &mut resolved)?;
        resolved.image.insert(architecture, layers);
        if architecture == BUILD_ARCHITECTURE {
            resolved.build = build(catalogue, &universe, &mut resolved)?;
            resolved.cluster = cluster(catalogue, &universe, &mut resolved)?;
        }
    }
    Ok(resolved)
}

/// The layers of one architecture; those that would be empty there are left out.
fn image(
    catalogue: &Catalogue,
    universe: &Universe,
    resolved: &mut Resolved,
) -> Result<Vec<lock::Layer>, Unsatisfiable> {
    let named = named_packages(catalogue, universe.architecture);
    let roots: Vec<Root> = named
        .iter()
        .map(|it| Root {
            package: it.anchor.package.clone(),
            wanted_by: it.wanted_by.clone(),
        })
        .collect();
    let assumed = catalogue.base.assumed.keys().cloned().collect();
    let without = without(catalogue);
    let solution = solver::solve(Request {
        universe,
        roots: &roots,
        assumed: &assumed,
        without: &without,
    })?;
    resolved.note(universe, &roots, &solution);
    let anchors: Vec<Anchor> = named.into_iter().map(|it| it.anchor).collect();
    let mut assigned = layers::assign(&catalogue.layers, &anchors, &solution);
    let mut image = Vec::new();
    for (index, layer) in catalogue.layers.iter().enumerate() {
        let members = assigned.remove(&index).unwrap_or_default();
        let candidates: Vec<&Candidate> = members.iter().filter_map(|name| universe.candidate(name)).collect();
        let has_tool = catalogue
            .tools
            .values()
            .any(|it| it.layer == layer.name && it.is_on(universe.architecture));
        if candidates.is_empty() && !has_tool {
            continue;
        }
        resolved
            .packages
            .extend(candidates.iter().map(|it| (it.key(), (*it).clone())));
        image.push(lock::Layer {
            name: layer.name.clone(),
            flavour: layer.flavour,
            packages: candidates.iter().map(|it| it.key()).collect(),
        });
    }
    Ok(image)
}

/// A package that `tools.toml` names, and where.
struct Named {
    anchor: Anchor,
    wanted_by: String,
}

fn named_packages(catalogue: &Catalogue, architecture: Architecture) -> Vec<Named> {
    let base = catalogue.base.packages.iter().map(|package| Named {
        anchor: Anchor {
            layer: 0,
            package: package.clone(),
        },
        wanted_by: "base.packages".to_owned(),
    });
    let tools = catalogue.tools.iter().flat_map(|(name, tool)| {
        let layer = catalogue.layer_index(&tool.layer).unwrap_or_default();
        tool.packages(architecture).into_iter().map(move |package| Named {
            anchor: Anchor {
                layer,
                package: package.to_owned(),
            },
            wanted_by: format!("tools.{name}"),
        })
    });
    base.chain(tools).collect()
}

/// The dependencies that tools and packages leave out, by package. Two tools may come from one package.
fn without(catalogue: &Catalogue) -> BTreeMap<String, BTreeSet<String>> {
    let of_tools = catalogue.tools.values().filter_map(|tool| match &tool.source {
        Source::Debian { package, without, .. } => Some((package, without)),
        Source::Go { .. } | Source::Claude { .. } | Source::Crate { .. } => None,
    });
    let mut waivers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (package, without) in of_tools.chain(&catalogue.without) {
        let waived = waivers.entry(package.clone()).or_default();
        waived.extend(without.keys().cloned());
    }
    waivers
}

/// The build sets: exactly the packages that are listed.
fn build(
    catalogue: &Catalogue,
    universe: &Universe,
    resolved: &mut Resolved,
) -> Result<BTreeMap<String, Vec<String>>, Unsatisfiable> {
    let mut sets = BTreeMap::new();
    for (set, names) in &catalogue.build {
        let mut keys = Vec::new();
        for name in names {
            let candidate = universe.candidate(name).ok_or_else(|| Unsatisfiable::Root {
                package: format!("{name}:{}", universe.architecture),
                wanted_by: format!("build.{set}"),
                offer: solver::Offer::Nothing(name.clone()),
            })?;
            keys.push(candidate.key());
            resolved.packages.insert(candidate.key(), candidate.clone());
            resolved
                .wanted
                .entry(candidate.key())
                .or_insert_with(|| format!("build.{set}"));
        }
        keys.sort_unstable();
        sets.insert(set.clone(), keys);
    }
    Ok(sets)
}

/// The test cluster's sets: what is listed with all that it depends on.
fn cluster(
    catalogue: &Catalogue,
    universe: &Universe,
    resolved: &mut Resolved,
) -> Result<BTreeMap<String, Vec<String>>, Unsatisfiable> {
    let mut sets = BTreeMap::new();
    for (name, set) in &catalogue.cluster {
        let assumed = catalogue
            .base
            .assumed
            .keys()
            .chain(set.without.keys())
            .cloned()
            .collect();
        let root = |package: &String| Root {
            package: package.clone(),
            wanted_by: format!("cluster.{name}"),
        };
        let roots: Vec<Root> = set.packages.iter().map(root).collect();
        let solution = solver::solve(Request {
            universe,
            roots: &roots,
            assumed: &assumed,
            without: &BTreeMap::new(),
        })?;
        resolved.note(universe, &roots, &solution);
        let members = solution.packages.keys().filter_map(|name| universe.candidate(name));
        let members: BTreeMap<String, Candidate> = members.map(|it| (it.key(), it.clone())).collect();
        sets.insert(name.clone(), members.keys().cloned().collect());
        resolved.packages.extend(members);
    }
    Ok(sets)
}
