//! What Claude is told that its tier may do is what the one table says. `BLESS=1` rewrites it.

use std::fs;

use verify::access::table::{Rule, Scope, Table};

use crate::world::root;

const FOLDER: &str = "image/rootfs/usr/share/claude-in-a-box/tiers";
/// Those with a token; they are also all that `CLAUDE_TIER` may be.
const TIERS: [&str; 3] = ["airgapped", "operator", "readonly"];

/// `pods`, or `deployments.apps` as kubectl takes it.
fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() {
        format!("`{resource}`")
    } else {
        format!("`{resource}.{group}`")
    }
}

/// A line for each set of verbs: short enough to be read with every prompt.
fn text(table: &Table, tier: &str) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let mut next = Some(tier.to_owned());
    while let Some(name) = next {
        for Rule {
            groups,
            resources,
            verbs,
            scope,
            ..
        } in &table.tiers[&name].rules
        {
            let place = match scope {
                Scope::Cluster => "in every namespace",
                Scope::Namespace => "in the namespaces that were named for it",
            };
            let head = format!("{} {place}", verbs.join(", "));
            let names = groups
                .iter()
                .flat_map(|group| resources.iter().map(|resource| qualified(group, resource)));
            match lines.iter_mut().find(|(known, _)| *known == head) {
                Some((_, known)) => known.extend(names),
                None => lines.push((head, names.collect())),
            }
        }
        next = table.tiers[&name].extends.clone();
    }
    let lines: String = lines
        .iter()
        .map(|(head, names)| format!("- {head}: {}\n", names.join(", ")))
        .collect();
    let mut never: Vec<String> = Vec::new();
    for never_one in table.never.iter().filter(|never| never.verbs == ["*"]) {
        for group in &never_one.groups {
            let group = if group == "*" { "" } else { group };
            for resource in &never_one.resources {
                let name = qualified(group, resource);
                if !never.contains(&name) {
                    never.push(name);
                }
            }
        }
    }
    let summary = &table.tiers[tier].summary;
    format!(
        "In short: {summary}.\n\n{lines}\nNo tier may do anything with {}.\n",
        never.join(", ")
    )
}

#[test]
fn claude_is_told_what_the_table_says() {
    let table = fs::read_to_string(root().join("manifests/access.toml")).expect("the table is there");
    let table = Table::parse(&table).expect("the table is right");
    let with_rights: Vec<&String> = table
        .tiers
        .iter()
        .filter(|(_, tier)| !tier.rules.is_empty() || tier.extends.is_some())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        with_rights, TIERS,
        "a tier with rights needs a text, and its name in image/entrypoint/src/tier.rs"
    );
    for tier in TIERS {
        let path = root().join(FOLDER).join(format!("{tier}.md"));
        let expected = text(&table, tier);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &expected).expect("the text can be written");
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            written,
            expected,
            "{} is not what manifests/access.toml says; BLESS=1 cargo test --test integration tiers:: renews it",
            path.display()
        );
    }
}
