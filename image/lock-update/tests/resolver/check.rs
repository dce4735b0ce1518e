//! The project's own files pass the check; spoilt in any way, they do not, and the sentence says where.

use std::fs;
use std::path::{Path, PathBuf};

use lock_update::{Paths, check};
use rstest::rstest;
use tempfile::TempDir;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a directory")
        .to_owned()
}

fn problems(image: &Path) -> Vec<String> {
    let paths = Paths {
        image: image.to_owned(),
        cache: image.join("cache"),
    };
    check(&paths)
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A small project whose files agree.
fn small() -> TempDir {
    let project = tempfile::tempdir().expect("there must be room");
    let write = |name: &str, text: &str| fs::write(project.path().join(name), text).expect("the file must be writable");
    fs::create_dir(project.path().join("lock")).expect("the directory must be writable");
    write("tools.toml", include_str!("small/tools.toml"));
    write("scripts.toml", include_str!("small/scripts.toml"));
    write("lock/debian.json", include_str!("small/debian.json"));
    write("lock/claude.json", include_str!("small/claude.json"));
    project
}

#[test]
fn the_projects_own_locks_are_what_its_files_say() {
    assert_eq!(problems(&project()), Vec::<String>::new());
}

#[test]
fn every_probe_expects_a_regular_expression() {
    let catalogue = catalogue::load::catalogue(&project().join("tools.toml")).expect("the file must be readable");
    for (name, tool) in &catalogue.tools {
        let native = tool.probe.native.iter().map(|native| &native.expect);
        let needs = tool.needs.iter().flat_map(|need| [&need.with, &need.without]);
        for expression in native.chain(needs).chain([&tool.probe.expect]) {
            regex_lite::Regex::new(expression).unwrap_or_else(|error| panic!("tools.{name}: {expression}: {error}"));
        }
    }
}

#[test]
fn a_lock_that_fits_has_no_problems() {
    assert_eq!(problems(small().path()), Vec::<String>::new());
}

/// Replaces a text in a file and expects one sentence.
#[rstest]
#[case::a_tool_whose_package_is_not_locked(
    "tools.toml",
    r#"package = "less""#,
    r#"package = "more""#,
    "image/lock/debian.json: image.amd64: tools.less: no layer holds more; run `cbox lock`"
)]
#[case::a_base_package_that_is_not_locked(
    "tools.toml",
    r#"packages = ["libc6"]"#,
    r#"packages = ["libc6", "dash"]"#,
    "image/lock/debian.json: image.amd64: base.packages: no layer holds dash; run `cbox lock`"
)]
#[case::a_package_above_its_layer(
    "tools.toml",
    r#"layer = "shell""#,
    r#"layer = "base""#,
    "image/lock/debian.json: image.amd64: tools.less: less is in layer shell, but belongs into base or below; run `cbox lock`"
)]
#[case::a_package_that_leaves_out_and_is_not_there(
    "tools.toml",
    "[build]",
    "[without.dash]\ndebianutils = \".\"\n\n[build]",
    "image/tools.toml: without.dash: no image holds the package; take the entry out"
)]
#[case::two_versions_of_one_package(
    "lock/debian.json",
    r#""libc6:amd64": {"#,
    r#""less:amd64": {"#,
    "lock/debian.json, line 22: packages: `less:amd64` is there twice; only one version may be"
)]
#[case::a_package_of_two_architectures_in_one_image(
    "lock/debian.json",
    r#"["libc6:amd64"]"#,
    r#"["less:all", "libc6:amd64"]"#,
    "image/lock/debian.json: image.amd64: less:amd64 is in layer shell, and less:all in layer base: an image holds a package once; run `cbox lock`"
)]
#[case::a_record_of_another_package(
    "lock/debian.json",
    r#""package": "libc6""#,
    r#""package": "libc""#,
    "image/lock/debian.json: packages.libc6:amd64: the record is of libc:amd64; run `cbox lock`"
)]
#[case::an_unknown_archive(
    "lock/debian.json",
    r#""archive": "debian""#,
    r#""archive": "elsewhere""#,
    "image/lock/debian.json: packages.less:amd64: there is no archive `elsewhere`; run `cbox lock`"
)]
#[case::a_hash_that_is_none(
    "lock/debian.json",
    "0000000000000000000000000000000000000000000000000000000000000001",
    "abc",
    "image/lock/debian.json: packages.less:amd64: `abc` is no SHA-256; run `cbox lock`"
)]
#[case::an_unknown_layer(
    "lock/debian.json",
    r#""name": "shell""#,
    r#""name": "attic""#,
    "image/lock/debian.json: image.amd64.attic: image/tools.toml has no such layer; run `cbox lock`"
)]
#[case::another_flavour(
    "tools.toml",
    r#"{ name = "shell", flavour = "core" }"#,
    r#"{ name = "shell", flavour = "full" }"#,
    "image/lock/debian.json: image.amd64.shell: image/tools.toml gives the layer to another flavour; run `cbox lock`"
)]
#[case::a_build_set_that_grew(
    "tools.toml",
    r#"host = ["libc6"]"#,
    r#"host = ["libc6", "tar"]"#,
    "image/lock/debian.json: build.host: tar is missing; run `cbox lock`"
)]
#[case::a_cluster_set_that_grew(
    "tools.toml",
    r#"packages = ["less"]"#,
    r#"packages = ["less", "tar"]"#,
    "image/lock/debian.json: cluster.node: tar is missing; run `cbox lock`"
)]
#[case::a_cluster_set_that_is_gone(
    "tools.toml",
    "[cluster.node]",
    "[cluster.attic]",
    "image/lock/debian.json: cluster.node: image/tools.toml has no such set; run `cbox lock`"
)]
#[case::a_cluster_set_that_shrank(
    "tools.toml",
    r#"without = { dash = "#,
    r#"without = { libc6 = "#,
    "image/lock/debian.json: cluster.node: image/tools.toml does without libc6; run `cbox lock`"
)]
#[case::an_undecided_script(
    "scripts.toml",
    "[less]",
    "[more]",
    "image/lock/debian.json: packages.less:amd64.scripts.postinst: image/scripts.toml does not decide on it; run `cbox lock`"
)]
#[case::a_stale_decision(
    "scripts.toml",
    "[less]",
    "[gone]\npreinst = { rule = \"none\", why = \".\" }\n[less]",
    "image/scripts.toml: gone.preinst: no package of the lock has this script; take the decision out"
)]
#[case::another_rule(
    "scripts.toml",
    r#"rule = "none""#,
    r#"rule = "accounts""#,
    "image/lock/debian.json: packages.less:amd64.scripts.postinst: image/scripts.toml has another rule for it; run `cbox lock`"
)]
#[case::another_release_of_claude(
    "tools.toml",
    r#"native = "2.1.1""#,
    r#"native = "2.1.2""#,
    "image/lock/claude.json: amd64: image/tools.toml wants another release than 2.1.1; run `cbox lock`"
)]
fn it_does_not_fit(#[case] file: &str, #[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    let project = small();
    let path = project.path().join(file);
    let text = fs::read_to_string(&path).expect("the file must be readable");
    assert!(text.contains(from), "{file} must hold {from}");
    fs::write(&path, text.replacen(from, to, 1)).expect("the file must be writable");
    let found = problems(project.path());
    assert!(
        found
            .iter()
            .any(|it| it.trim_start_matches(&format!("{}/", project.path().display())) == expected),
        "{found:#?}"
    );
}

#[test]
fn a_missing_lock_is_a_problem() {
    let project = small();
    let path = project.path().join("lock/debian.json");
    fs::remove_file(&path).expect("the file must be there");
    let expected = format!("cannot read {}: No such file or directory (os error 2)", path.display());
    assert_eq!(problems(project.path()), [expected]);
}
