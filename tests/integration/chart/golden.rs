//! What each profile renders to is a file that people review, and apply without Helm. `BLESS=1` rewrites them.

use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};
use verify::access::table::Table;
use verify::chart::{Release, objects};

use super::{PROFILES, profile, release, rendered, values};
use crate::world::root;

/// Kinds that are in no namespace.
const CLUSTER_KINDS: [&str; 2] = ["ClusterRole", "ClusterRoleBinding"];

fn yaml(what: &str, releases: &[Release]) -> String {
    let mut text = format!(
        "# {what}\n# Rendered from manifests/chart; BLESS=1 cargo test --test integration chart::golden renews it.\n"
    );
    for release in releases {
        text.push_str(&release.render().expect("the chart renders"));
    }
    text
}

#[rstest]
#[case("airgapped")]
#[case("cronjob")]
#[case("existing-secret")]
#[case("headless-job")]
#[case("operator")]
#[case("readonly")]
fn a_profile(#[case] name: &str) {
    let text = yaml(
        &format!("Release box in namespace claude with manifests/profiles/{name}.yaml."),
        &[release(profile(name))],
    );
    compare(&root().join(format!("manifests/rendered/{name}.yaml")), &text);
}

#[test]
fn two_releases() {
    let operator = |name: &str, namespace: &str| Release {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        ..release(values(json!({"tier": "operator", "access": {"namespaces": ["shop"]}})))
    };
    let text = yaml(
        "Three releases: two in one namespace, and one of the same name in another.",
        &[
            operator("one", "claude"),
            operator("two", "claude"),
            operator("one", "research"),
        ],
    );
    compare(&root().join("manifests/rendered/two-releases.yaml"), &text);
}

#[test]
fn the_table_of_access_for_people() {
    let table = Table::parse(include_str!("../../../manifests/access.toml")).expect("the table is valid");
    let text = format!(
        "# Who may do what\n\nWritten from `manifests/access.toml`; `BLESS=1 cargo test --test integration chart::golden` \
         renews it.\n\n{}",
        table.markdown()
    );
    compare(&root().join("manifests/rendered/access.md"), &text);
}

/// Whoever applies the files has no Helm to say the namespace.
#[test]
fn every_object_says_where_it_belongs() {
    for name in PROFILES {
        for object in rendered(&release(profile(name))) {
            let kind = object["kind"].as_str().expect("an object has a kind");
            assert!(
                object["apiVersion"].is_string() && object["metadata"]["name"].is_string(),
                "{object}"
            );
            assert_eq!(
                object["metadata"]["namespace"] == Value::Null,
                CLUSTER_KINDS.contains(&kind),
                "{name}: {object}"
            );
        }
    }
}

#[test]
fn every_profile_has_a_golden() {
    let folder = root().join("manifests/profiles");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .expect("the profiles are there")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    found.sort();
    assert_eq!(found, PROFILES);
}

fn compare(path: &Path, text: &str) {
    // Helm ends some documents with spaces or an empty line, depending on what a condition left.
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if path.extension().is_some_and(|extension| extension == "yaml") {
        objects(&text).expect("it is YAML");
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).expect("the golden file is writable");
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    if golden != text {
        let first = golden
            .lines()
            .zip(text.lines())
            .position(|(golden, text)| golden != text);
        let line = first.unwrap_or_else(|| golden.lines().count().min(text.lines().count()));
        panic!(
            "{} is not what the chart renders, from line {}:\n- {}\n+ {}\nBLESS=1 cargo test --test integration chart::golden renews it",
            path.display(),
            line + 1,
            golden.lines().nth(line).unwrap_or("(end)"),
            text.lines().nth(line).unwrap_or("(end)"),
        );
    }
}
