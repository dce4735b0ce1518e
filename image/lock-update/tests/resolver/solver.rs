//! Which packages a request brings in, and what is said when it cannot be met.

use std::collections::BTreeMap;

use catalogue::Architecture;
use lock_update::index::Universe;
use rstest::rstest;

use crate::world::{candidates, solve, solve_with};

/// Solves for `a` and expects these packages, sorted.
#[rstest]
#[case::nothing_else("a", &["a 1"])]
#[case::depends_and_pre_depends("a b c", &["a 1; Depends: b; Pre-Depends: c", "b 1", "c 1"])]
#[case::dependencies_of_dependencies("a b c", &["a 1; Depends: b", "b 1; Depends: c", "c 1"])]
#[case::a_circle("a b", &["a 1; Depends: b", "b 1; Depends: a"])]
#[case::recommends_are_ignored("a", &["a 1; Recommends: b; Suggests: c", "b 1", "c 1"])]
#[case::the_first_alternative("a b", &["a 1; Depends: b | c", "b 1", "c 1"])]
#[case::the_first_that_exists("a c", &["a 1; Depends: b | c", "c 1"])]
#[case::the_first_of_the_right_version("a c", &["a 1; Depends: b (>= 2) | c", "b 1", "c 1"])]
#[case::the_first_that_can_be_installed("a c", &["a 1; Depends: b | c", "b 1; Depends: gone", "c 1"])]
#[case::what_is_in_anyway("a c d", &["a 1; Depends: b | c, d", "b 1", "c 1", "d 1; Depends: c"])]
#[case::a_virtual_package("a p", &["a 1; Depends: v", "p 1; Provides: v"])]
#[case::the_real_one_before_its_providers("a v", &["a 1; Depends: v", "b 1; Provides: v", "v 1"])]
#[case::providers_by_name("a p", &["a 1; Depends: v", "q 1; Provides: v", "p 1; Provides: v"])]
#[case::a_versioned_virtual_package("a q", &["a 1; Depends: v (>= 2)", "p 1; Provides: v", "q 1; Provides: v (= 2)"])]
#[case::an_earlier_version("a b", &["a 1; Depends: b (<< 2)", "b 1.9"])]
#[case::a_version_no_later("a b", &["a 1; Depends: b (<= 2)", "b 2"])]
#[case::a_later_version("a b", &["a 1; Depends: b (>> 2)", "b 2+b1"])]
#[case::an_exact_version("a b", &["a 1; Depends: b (= 2-1)", "b 2-1"])]
#[case::the_highest_version_counts("a b", &["a 1; Depends: b (>= 2)", "b 1", "b 2", "b 1.5"])]
#[case::any_architecture("a b", &["a 1; Depends: b:any", "b 1; Multi-Arch: allowed"])]
#[case::any_only_where_it_is_allowed("a c", &["a 1; Depends: b:any | c", "b 1; Multi-Arch: foreign", "c 1"])]
#[case::the_native_architecture("a b", &["a 1; Depends: b:native", "b 1"])]
#[case::the_own_architecture("a b", &["a 1; Depends: b:armhf", "b 1"])]
#[case::another_architecture("a c", &["a 1; Depends: b:amd64 | c", "b 1", "c 1"])]
#[case::independent_of_architecture("a b", &["a 1; Depends: b", "b 1; Architecture: all"])]
#[case::a_choice_is_undone_for_a_conflict("a c d", &["a 1; Depends: b | c, d", "b 1; Conflicts: d", "c 1", "d 1"])]
#[case::breaks_are_conflicts("a c d", &["a 1; Depends: b | c, d", "b 1", "c 1", "d 1; Breaks: b (<< 2)"])]
#[case::breaks_of_other_versions_are_none("a b d", &["a 1; Depends: b | c, d", "b 2", "c 1", "d 1; Breaks: b (<< 2)"])]
#[case::an_own_virtual_package_is_no_conflict("a", &["a 1; Provides: v; Conflicts: v"])]
#[case::a_conflict_with_a_virtual_package("a c p", &["a 1; Depends: b | c, p", "b 1; Conflicts: v", "c 1", "p 1; Provides: v"])]
#[case::two_choices_are_undone(
    "a c e",
    &["a 1; Depends: b | c, d | e", "b 1; Conflicts: e", "c 1; Conflicts: d", "d 1; Conflicts: b", "e 1"],
)]
fn a_brings_in(#[case] expected: &str, #[case] lines: &[&str]) {
    let solution = solve(&["a"], lines).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(solution.packages.into_keys().collect::<Vec<_>>().join(" "), expected);
}

/// The sentence when `a` cannot be had.
#[rstest]
#[case::gone("tools.a asks for a:armhf, but Debian holds no a", &["b 1"])]
#[case::of_another_architecture("tools.a asks for a:armhf, but Debian holds no a", &["a 1; Architecture: amd64"])]
#[case::a_version_that_is_not_there(
    "a:armhf needs b (= 8.14.1-2), but Debian holds b 8.14.1-2+deb13u1; a:armhf is asked for by tools.a",
    &["a 1; Depends: b (= 8.14.1-2)", "b 8.14.1-2+deb13u1"],
)]
#[case::down_the_chain(
    "c:armhf needs d (>= 2) or e, but Debian holds d 1 and Debian holds no e; \
     c:armhf is needed by b:armhf, needed by a:armhf, asked for by tools.a",
    &["a 1; Depends: b", "b 1; Depends: c", "c 1; Depends: d (>= 2) | e", "d 1"],
)]
#[case::of_all_alternatives_the_first_is_explained(
    "b:armhf needs gone, but Debian holds no gone; b:armhf is needed by a:armhf, asked for by tools.a",
    &["a 1; Depends: b | c", "b 1; Depends: gone", "c 1; Depends: gone"],
)]
#[case::for_no_architecture_that_is_meant(
    "a:armhf needs b:any, but b:armhf cannot be installed; a:armhf is asked for by tools.a",
    &["a 1; Depends: b:any", "b 1"],
)]
#[case::a_conflict(
    "d:armhf excludes b (<< 2), which b:armhf is; d:armhf is needed by a:armhf, asked for by tools.a; \
     b:armhf is needed by a:armhf, asked for by tools.a",
    &["a 1; Depends: b, d", "b 1", "d 1; Breaks: b (<< 2)"],
)]
#[case::a_conflict_under_every_choice(
    "b:armhf excludes d, which d:armhf is; b:armhf is needed by a:armhf, asked for by tools.a; \
     d:armhf is needed by a:armhf, asked for by tools.a",
    &["a 1; Depends: b | c, d", "b 1; Conflicts: d", "c 1; Conflicts: d", "d 1"],
)]
fn a_cannot_be_had(#[case] expected: &str, #[case] lines: &[&str]) {
    let error = solve(&["a"], lines).expect_err("the request must not be met");
    assert_eq!(error.to_string(), expected);
}

/// With this many independent choices, trying all combinations would take longer than anyone waits.
#[test]
fn a_hopeless_conflict_is_found_in_spite_of_many_choices() {
    let choices: Vec<String> = (0..60).map(|it| format!("x{it} | y{it}")).collect();
    let mut lines = vec![
        format!("a 1; Depends: {}, b | c, d", choices.join(", ")),
        "b 1; Conflicts: d".to_owned(),
        "c 1; Conflicts: d".to_owned(),
        "d 1".to_owned(),
    ];
    lines.extend((0..60).flat_map(|it| [format!("x{it} 1"), format!("y{it} 1")]));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let error = solve(&["a"], &lines).expect_err("the request must not be met");
    assert!(error.to_string().starts_with("b:armhf excludes d"), "{error}");
}

#[test]
fn an_assumed_package_meets_every_version_and_what_it_provides() {
    let lines = [
        "a 1; Depends: dpkg (>= 99), debconf-2.0",
        "dpkg 1",
        "debconf 1; Provides: debconf-2.0",
    ];
    let solution = solve_with(&["a"], &lines, &["dpkg", "debconf"], &[]).expect("nothing is missing");
    assert_eq!(solution.packages.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_waiver_holds_for_one_package_alone() {
    let lines = ["git 1; Depends: perl", "b 1; Depends: perl", "perl 5"];
    let names = |roots: &[&str]| {
        let solution = solve_with(roots, &lines, &[], &[("git", "perl")]).expect("nothing is missing");
        solution.packages.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(&["git"]), ["git"]);
    assert_eq!(names(&["git", "b"]), ["b", "git", "perl"]);
}

#[test]
fn the_order_of_the_list_does_not_matter() {
    let mut lines = [
        "a 1; Depends: v, w | c",
        "p 1; Provides: v",
        "q 1; Provides: v",
        "c 1; Depends: q",
        "w 1",
    ];
    let first = solve(&["a", "c"], &lines).expect("nothing is missing");
    lines.reverse();
    assert_eq!(solve(&["a", "c"], &lines).expect("nothing is missing"), first);
    let met: Vec<&str> = first.packages["a"].iter().map(String::as_str).collect();
    assert_eq!(met, ["c", "q"], "what is in anyway meets both");
}

#[test]
fn of_equal_versions_the_first_archive_wins() {
    let mut offered = candidates(Architecture::Armhf, &["a 1", "a 1"]);
    offered[1].archive = "debian-security".to_owned();
    let universe = Universe::new(Architecture::Armhf, offered);
    assert_eq!(universe.candidate("a").map(|it| it.archive.as_str()), Some("debian"));
}

#[test]
fn a_package_for_all_is_the_same_everywhere() {
    let catalogue = toml::from_str(
        r#"
        layers = [{ name = "base", flavour = "core" }]
        tools = {}
        build = {}
        [base]
        packages = ["a"]
        assumed = {}
        "#,
    )
    .expect("the catalogue must be readable");
    let offered = BTreeMap::from([
        (
            Architecture::Amd64,
            candidates(Architecture::Amd64, &["a 2; Architecture: all"]),
        ),
        (
            Architecture::Arm64,
            candidates(Architecture::Arm64, &["a 2; Architecture: all"]),
        ),
        (
            Architecture::Armhf,
            candidates(Architecture::Armhf, &["a 1; Architecture: all"]),
        ),
    ]);
    let resolved = lock_update::resolve::resolve(&catalogue, &offered).expect("nothing is missing");
    assert_eq!(
        resolved
            .packages
            .values()
            .map(|it| it.version.as_str())
            .collect::<Vec<_>>(),
        ["2"]
    );
    assert!(resolved.image.values().all(|layers| layers[0].packages == ["a:all"]));
}

/// Two tools may come from one package, and a package that no tool names may leave something out, too.
#[test]
fn what_is_left_out_is_left_out_whoever_says_so() {
    let catalogue = toml::from_str(
        r#"
        layers = [{ name = "base", flavour = "core" }]
        build = {}
        without = { b = { d = "It is of no use there." } }
        [base]
        packages = []
        assumed = {}
        [tools.one]
        layer = "base"
        source = { debian = { package = "a", without = { c = "It is of no use there." } } }
        probe = { run = "one", expect = "1" }
        [tools.two]
        layer = "base"
        source = { debian = { package = "a" } }
        probe = { run = "two", expect = "2" }
        "#,
    )
    .expect("the catalogue must be readable");
    let lines = ["a 1; Depends: b, c", "b 1; Depends: d, e", "c 1", "d 1", "e 1"];
    let offered = Architecture::ALL
        .into_iter()
        .map(|architecture| (architecture, candidates(architecture, &lines)))
        .collect();
    let resolved = lock_update::resolve::resolve(&catalogue, &offered).expect("nothing is missing");
    let layers = &resolved.image[&Architecture::Armhf];
    assert_eq!(layers[0].packages, ["a:armhf", "b:armhf", "e:armhf"]);
}

#[test]
fn a_set_of_the_cluster_holds_what_it_lists_and_what_that_depends_on() {
    let catalogue = toml::from_str(
        r#"
        layers = [{ name = "base", flavour = "core" }]
        tools = {}
        build = { host = ["a"] }
        cluster = { node = { packages = ["a"], without = { e = "It is of no use there." } } }
        [base]
        packages = ["c"]
        assumed = { d = "It is never there." }
        "#,
    )
    .expect("the catalogue must be readable");
    let lines = ["a 1; Depends: b, d, e", "b 1", "c 1", "d 1", "e 1"];
    let offered = Architecture::ALL
        .into_iter()
        .map(|architecture| (architecture, candidates(architecture, &lines)))
        .collect();
    let resolved = lock_update::resolve::resolve(&catalogue, &offered).expect("nothing is missing");
    assert_eq!(resolved.cluster["node"], ["a:amd64", "b:amd64"]);
    assert_eq!(
        resolved.build["host"],
        ["a:amd64"],
        "a build set is exactly what is listed"
    );
    assert!(!resolved.packages.contains_key("b:arm64"), "a set is for amd64 alone");
}
