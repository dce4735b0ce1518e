//! Whether the locks are what `tools.toml` and `scripts.toml` say, as far as that can be known without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use catalogue::lock::{Claude, ClaudeRelease, Debian};
use catalogue::scripts::Scripts;
use catalogue::tools::{Layer, Source};
use catalogue::{Architecture, Catalogue, load};

use crate::claude::describes;
use crate::update::Paths;

/// Something that does not fit: the file and key, what is wrong, and the way out.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The four files, as they were read.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// `tools.toml`.
    pub catalogue: &'a Catalogue,
    /// `scripts.toml`.
    pub scripts: &'a Scripts,
    /// `lock/debian.json`.
    pub debian: &'a Debian,
    /// `lock/claude.json`.
    pub claude: &'a Claude,
}

/// Reads the files and compares them.
///
/// # Errors
///
/// With everything that does not fit.
pub fn check(paths: &Paths) -> Result<(), Vec<Problem>> {
    let catalogue = load::catalogue(&paths.tools());
    let scripts = load::scripts(&paths.scripts());
    let debian = load::debian(&paths.debian());
    let claude = load::claude(&paths.claude());
    let problems = match (&catalogue, &scripts, &debian, &claude) {
        (Ok(catalogue), Ok(scripts), Ok(debian), Ok(claude)) => compare(Files {
            catalogue,
            scripts,
            debian,
            claude,
        }),
        _ => {
            let unreadable = [catalogue.err(), scripts.err(), debian.err(), claude.err()];
            unreadable
                .into_iter()
                .flatten()
                .map(|error| Problem(error.to_string()))
                .collect()
        }
    };
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}

/// Compares the files; everything that does not fit, in a stable order.
#[must_use]
pub fn compare(files: Files<'_>) -> Vec<Problem> {
    let mut found = Findings::default();
    packages(files, &mut found);
    for architecture in Architecture::ALL {
        image(files, architecture, &mut found);
    }
    build(files, &mut found);
    cluster(files, &mut found);
    scripts(files, &mut found);
    waivers(files, &mut found);
    claude(files, &mut found);
    found.0
}

#[derive(Default)]
struct Findings(Vec<Problem>);

impl Findings {
    fn debian(&mut self, key: impl fmt::Display, what: impl fmt::Display) {
        self.0.push(Problem(format!(
            "image/lock/debian.json: {key}: {what}; run `cbox lock`"
        )));
    }

    fn claude(&mut self, key: impl fmt::Display, what: impl fmt::Display) {
        self.0.push(Problem(format!(
            "image/lock/claude.json: {key}: {what}; run `cbox lock`"
        )));
    }
}

/// Each record says what its key says, comes from a known archive and is used.
fn packages(files: Files<'_>, found: &mut Findings) {
    let layers = files.debian.image.values().flatten().flat_map(|layer| &layer.packages);
    let sets = files.debian.build.values().chain(files.debian.cluster.values());
    let used: BTreeSet<&String> = layers.chain(sets.flatten()).collect();
    for (key, package) in &files.debian.packages {
        let place = format!("packages.{key}");
        let named = format!("{}:{}", package.package, package.architecture);
        if *key != named {
            found.debian(&place, format_args!("the record is of {named}"));
        }
        if !files.debian.archives.contains_key(&package.archive) {
            found.debian(&place, format_args!("there is no archive `{}`", package.archive));
        }
        if !is_sha256(&package.sha256) {
            found.debian(&place, format_args!("`{}` is no SHA-256", package.sha256));
        }
        if !used.contains(key) {
            found.debian(&place, "no layer and no set holds it");
        }
    }
    for key in used.into_iter().filter(|key| !files.debian.packages.contains_key(*key)) {
        found.debian(
            format_args!("packages.{key}"),
            "a layer or set names it, but it is not there",
        );
    }
}

/// The layers are those of `tools.toml`, hold what it names there, and each package once.
fn image(files: Files<'_>, architecture: Architecture, found: &mut Findings) {
    let layers = files
        .debian
        .image
        .get(&architecture)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let place = |layer: &str| format!("image.{architecture}.{layer}");
    let mut last = None;
    for layer in layers {
        let Some(index) = files.catalogue.layer_index(&layer.name) else {
            found.debian(place(&layer.name), "image/tools.toml has no such layer");
            continue;
        };
        if last.is_some_and(|last| index <= last) {
            found.debian(place(&layer.name), "image/tools.toml has the layers in another order");
        }
        last = Some(index);
        if files
            .catalogue
            .layers
            .get(index)
            .is_some_and(|it| it.flavour != layer.flavour)
        {
            found.debian(
                place(&layer.name),
                "image/tools.toml gives the layer to another flavour",
            );
        }
    }
    let mut placed: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (layer, key) in layers
        .iter()
        .flat_map(|layer| layer.packages.iter().map(move |key| (layer, key)))
    {
        let (package, own) = key.split_once(':').unwrap_or((key, ""));
        if own != "all" && own != architecture.debian() {
            found.debian(place(&layer.name), format_args!("{key} is of another architecture"));
        }
        match placed.get(package) {
            Some((other_layer, other)) => {
                let what = format!(
                    "{key} is in layer {}, and {other} in layer {other_layer}: an image holds a package once",
                    layer.name
                );
                found.debian(format_args!("image.{architecture}"), what);
            }
            None => {
                placed.insert(package, (&layer.name, key));
            }
        }
    }
    for (name, tool) in files
        .catalogue
        .tools
        .iter()
        .filter(|(_, tool)| tool.is_on(architecture))
    {
        if layers.iter().all(|layer| layer.name != tool.layer) {
            found.debian(place(&tool.layer), format_args!("the layer of tools.{name} is missing"));
        }
        for package in tool.packages(architecture) {
            stands(
                files.catalogue,
                &placed,
                package,
                &tool.layer,
                &format!("image.{architecture}: tools.{name}"),
                found,
            );
        }
    }
    let base = files.catalogue.layers.first().map_or("", |layer| layer.name.as_str());
    for package in &files.catalogue.base.packages {
        stands(
            files.catalogue,
            &placed,
            package,
            base,
            &format!("image.{architecture}: base.packages"),
            found,
        );
    }
}

/// A package stands in the layer that names it, or in a lower one that needs it, too.
fn stands(
    catalogue: &Catalogue,
    placed: &BTreeMap<&str, (&str, &str)>,
    package: &str,
    layer: &str,
    place: &str,
    found: &mut Findings,
) {
    let rank = |name: &str| {
        let index = catalogue.layer_index(name)?;
        catalogue.layers.get(index).map(|layer: &Layer| (layer.flavour, index))
    };
    match placed.get(package) {
        None => found.debian(place, format_args!("no layer holds {package}")),
        Some((actual, _)) if rank(actual) > rank(layer) => {
            found.debian(
                place,
                format_args!("{package} is in layer {actual}, but belongs into {layer} or below"),
            );
        }
        Some(_) => {}
    }
}

/// The build sets are those of `tools.toml`.
fn build(files: Files<'_>, found: &mut Findings) {
    let (wanted, locked) = (&files.catalogue.build, &files.debian.build);
    for set in names(wanted, locked) {
        let (wanted, locked) = (
            listed(wanted.get(set)),
            locked_names(locked.get(set).into_iter().flatten()),
        );
        for package in wanted.difference(&locked) {
            found.debian(format_args!("build.{set}"), format_args!("{package} is missing"));
        }
        for package in locked.difference(&wanted) {
            found.debian(
                format_args!("build.{set}"),
                format_args!("image/tools.toml does not list {package}"),
            );
        }
    }
}

/// The test cluster's sets are those of `tools.toml`, and hold at least what it lists and nothing that it leaves out.
fn cluster(files: Files<'_>, found: &mut Findings) {
    let (wanted, locked) = (&files.catalogue.cluster, &files.debian.cluster);
    for name in names(wanted, locked) {
        let locked = locked_names(locked.get(name).into_iter().flatten());
        let Some(set) = wanted.get(name) else {
            found.debian(format_args!("cluster.{name}"), "image/tools.toml has no such set");
            continue;
        };
        for package in listed(Some(&set.packages)).difference(&locked) {
            found.debian(format_args!("cluster.{name}"), format_args!("{package} is missing"));
        }
        for package in set.without.keys().filter(|it| locked.contains(it.as_str())) {
            found.debian(
                format_args!("cluster.{name}"),
                format_args!("image/tools.toml does without {package}"),
            );
        }
    }
}

/// The names of two maps' entries.
fn names<'a, A, B>(one: &'a BTreeMap<String, A>, other: &'a BTreeMap<String, B>) -> BTreeSet<&'a String> {
    one.keys().chain(other.keys()).collect()
}

fn listed(packages: Option<&Vec<String>>) -> BTreeSet<&str> {
    packages.into_iter().flatten().map(String::as_str).collect()
}

/// Names of packages out of their keys.
fn locked_names<'a>(keys: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    keys.into_iter()
        .map(|key| key.split_once(':').map_or(key.as_str(), |it| it.0))
        .collect()
}

/// Every script of an image's package is decided on as the lock says, and every decision is on a script.
fn scripts(files: Files<'_>, found: &mut Findings) {
    let mut known = BTreeSet::new();
    for (key, package) in &files.debian.packages {
        for (name, script) in &package.scripts {
            known.insert((&package.package, name));
            let place = format!("packages.{key}.scripts.{name}");
            match files
                .scripts
                .get(&package.package)
                .and_then(|decisions| decisions.get(name))
            {
                None => found.debian(place, "image/scripts.toml does not decide on it"),
                Some(decision) if decision.rule.on(&package.architecture) != script.rule => {
                    found.debian(place, "image/scripts.toml has another rule for it");
                }
                Some(_) => {}
            }
        }
    }
    for (package, decisions) in files.scripts {
        for name in decisions.keys().filter(|name| !known.contains(&(package, *name))) {
            let what = "no package of the lock has this script; take the decision out";
            found
                .0
                .push(Problem(format!("image/scripts.toml: {package}.{name}: {what}")));
        }
    }
}

/// What leaves a dependency out is in some image, or else says so for nothing.
fn waivers(files: Files<'_>, found: &mut Findings) {
    let layers = files.debian.image.values().flatten();
    let keys: Vec<&String> = layers.flat_map(|layer| &layer.packages).collect();
    let held = locked_names(keys);
    for package in files.catalogue.without.keys().filter(|it| !held.contains(it.as_str())) {
        found.0.push(Problem(format!(
            "image/tools.toml: without.{package}: no image holds the package; take the entry out"
        )));
    }
}

/// Claude Code is locked as `tools.toml` wants it.
fn claude(files: Files<'_>, found: &mut Findings) {
    let sources = files.catalogue.tools.values().map(|tool| &tool.source);
    let mut wanted = BTreeMap::new();
    for source in sources {
        if let Source::Claude { releases, .. } = source {
            wanted.extend(releases);
        }
    }
    for (architecture, release) in &wanted {
        match files.claude.get(architecture) {
            None => found.claude(architecture, "the architecture is missing"),
            Some(locked) if !describes(locked, release) => {
                found.claude(
                    architecture,
                    format_args!("image/tools.toml wants another release than {}", locked.version()),
                );
            }
            Some(ClaudeRelease::Native { sha256, .. } | ClaudeRelease::Javascript { sha256, .. })
                if !is_sha256(sha256) =>
            {
                found.claude(architecture, format_args!("`{sha256}` is no SHA-256"));
            }
            Some(_) => {}
        }
    }
    for architecture in files.claude.keys().filter(|it| !wanted.contains_key(it)) {
        found.claude(architecture, "image/tools.toml names no release for it");
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
