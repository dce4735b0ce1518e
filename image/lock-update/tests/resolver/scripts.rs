//! Maintainer scripts and the decisions on them.

use std::collections::BTreeMap;
use std::path::Path;

use catalogue::scripts::{Rule, Scripts};
use lock_update::scripts::{Found, ScriptsError, decide};

fn decisions(text: &str) -> Scripts {
    toml::from_str(text).expect("the decisions must be readable")
}

/// Packages as `key script=hash …`.
fn found(lines: &[&str]) -> BTreeMap<String, Found> {
    let package = |line: &&str| {
        let mut words = line.split(' ');
        let key = words.next().expect("a line starts with a key").to_owned();
        let package = key.split(':').next().expect("a key starts with a name").to_owned();
        let scripts = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, hash)| (name.into(), hash.into()));
        (
            key,
            Found {
                package,
                scripts: scripts.collect(),
            },
        )
    };
    lines.iter().map(package).collect()
}

fn refused(decided: &str, lines: &[&str]) -> ScriptsError {
    decide(&found(lines), &decisions(decided), Path::new("/cache")).expect_err("something must be refused")
}

#[test]
fn a_decision_holds_for_every_architecture() {
    let decided = decisions("[less]\npostinst = { rule = { links = { '/usr/bin/pager' = 'less' } }, why = 'pager' }");
    let scripts = decide(
        &found(&["less:amd64 postinst=1", "less:armhf postinst=2", "jq:amd64"]),
        &decided,
        Path::new("/"),
    );
    let scripts = scripts.expect("everything is decided");
    let links = Rule::Links([("/usr/bin/pager".to_owned(), "less".to_owned())].into());
    assert_eq!(scripts["less:amd64"]["postinst"].rule, links);
    assert_eq!(scripts["less:armhf"]["postinst"].sha256, "2");
    assert!(scripts["jq:amd64"].is_empty());
}

#[test]
fn a_rule_names_each_architectures_directory_of_libraries() {
    let decided =
        decisions("[blas]\npostinst = { rule = { links = { '/usr/lib/{multiarch}/blas.so' = 'x' } }, why = '.' }");
    let packages = found(&["blas:amd64 postinst=1", "blas:armhf postinst=2"]);
    let scripts = decide(&packages, &decided, Path::new("/")).expect("everything is decided");
    let links = |path: &str| Rule::Links([(path.to_owned(), "x".to_owned())].into());
    let rule = |key: &str| scripts[key]["postinst"].rule.clone();
    assert_eq!(rule("blas:amd64"), links("/usr/lib/x86_64-linux-gnu/blas.so"));
    assert_eq!(rule("blas:armhf"), links("/usr/lib/arm-linux-gnueabihf/blas.so"));
}

#[test]
fn all_scripts_without_a_decision_are_named_at_once_and_each_text_once() {
    let lines = [
        "a:amd64 preinst=1 postinst=2",
        "a:armhf preinst=1 postinst=3",
        "b:all postinst=4",
    ];
    let error = refused("[b]\npostinst = { rule = 'none', why = 'because' }", &lines);
    assert_eq!(
        error.to_string(),
        "image/scripts.toml must decide on these scripts; read each and add its `rule` and `why`:\n\
         \x20 a.postinst [amd64] (sha256 2): /cache/2\n\
         \x20 a.postinst [armhf] (sha256 3): /cache/3\n\
         \x20 a.preinst [amd64 armhf] (sha256 1): /cache/1"
    );
}

#[test]
fn a_decision_without_a_script_is_stale() {
    let decided = "[a]\npostinst = { rule = 'none', why = '.' }\n[gone]\npreinst = { rule = 'none', why = '.' }";
    assert_eq!(
        refused(decided, &["a:amd64"]).to_string(),
        "image/scripts.toml decides on scripts that no package has; take them out: a.postinst, gone.preinst"
    );
}
