//! Small package lists, written as `name version; Field: value; Field: value`.

use std::collections::{BTreeMap, BTreeSet};

use catalogue::Architecture;
use lock_update::index::{self, Candidate, Universe};
use lock_update::solver::{self, Request, Root, Solution, Unsatisfiable};

/// The packages of a list; `architecture` is theirs unless a field says otherwise.
pub(crate) fn candidates(architecture: Architecture, lines: &[&str]) -> Vec<Candidate> {
    let stanzas: Vec<String> = lines.iter().map(|line| stanza(architecture, line)).collect();
    index::parse("debian", &stanzas.join("\n\n")).expect("the list must be readable")
}

fn stanza(architecture: Architecture, line: &str) -> String {
    let mut parts = line.split(';').map(str::trim);
    let (name, version) = parts
        .next()
        .and_then(|it| it.split_once(' '))
        .expect("a line starts with name and version");
    let mut fields = BTreeMap::from([
        ("Architecture", architecture.debian().to_owned()),
        ("Filename", format!("pool/main/{name}_{version}.deb")),
        ("Size", "1".to_owned()),
        ("SHA256", format!("{name:a<64}")),
    ]);
    for part in parts {
        let (field, value) = part.split_once(':').expect("a field has a colon");
        fields.insert(field, value.trim().to_owned());
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(field, value)| format!("{field}: {value}"))
        .collect();
    format!(
        "Package: {name}\nVersion: {version}\nDescription: text\n with more lines\n{}",
        fields.join("\n")
    )
}

/// Solves for some packages on armhf.
pub(crate) fn solve(roots: &[&str], lines: &[&str]) -> Result<Solution, Unsatisfiable> {
    solve_with(roots, lines, &[], &[])
}

pub(crate) fn solve_with(
    roots: &[&str],
    lines: &[&str],
    assumed: &[&str],
    without: &[(&str, &str)],
) -> Result<Solution, Unsatisfiable> {
    let universe = Universe::new(Architecture::Armhf, candidates(Architecture::Armhf, lines));
    let root = |package: &&str| Root {
        package: (*package).to_owned(),
        wanted_by: format!("tools.{package}"),
    };
    let roots: Vec<Root> = roots.iter().map(root).collect();
    let assumed: BTreeSet<String> = assumed.iter().map(|it| (*it).to_owned()).collect();
    let mut waived: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (package, dependency) in without {
        waived
            .entry((*package).to_owned())
            .or_default()
            .insert((*dependency).to_owned());
    }
    solver::solve(Request {
        universe: &universe,
        roots: &roots,
        assumed: &assumed,
        without: &waived,
    })
}
