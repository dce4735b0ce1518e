//! A new version waits, and what may not wait does not.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use catalogue::Architecture;
use catalogue::lock::{Package, Wait, Waiting};
use lock_update::cool_down::{self, Terms};
use lock_update::index::Candidate;
use rstest::rstest;

use crate::world;

/// 2026-12-01T12:00:00Z.
const NOW: Duration = Duration::from_secs(1_796_126_400);

fn terms() -> Terms {
    Terms {
        now: SystemTime::UNIX_EPOCH + NOW,
        delay: Duration::from_hours(48),
    }
}

/// A package of armhf on offer; its file is known by name and version.
fn offer(archive: &str, name: &str, version: &str) -> Candidate {
    let line = format!("{name} {version}; SHA256: {name}-{version}");
    let mut candidates = world::candidates(Architecture::Armhf, &[&line]);
    let mut candidate = candidates.remove(0);
    archive.clone_into(&mut candidate.archive);
    candidate
}

fn locked(name: &str, version: &str) -> BTreeMap<String, Package> {
    let package = Package {
        package: name.to_owned(),
        version: version.to_owned(),
        architecture: "armhf".to_owned(),
        archive: "debian".to_owned(),
        path: String::new(),
        size: 1,
        sha256: format!("{name}-{version}"),
        scripts: BTreeMap::new(),
    };
    BTreeMap::from([(format!("{name}:armhf"), package)])
}

fn seen(version: &str, first_seen: &str) -> Waiting {
    let wait = Wait {
        version: version.to_owned(),
        first_seen: first_seen.to_owned(),
    };
    Waiting::from([("curl:armhf".to_owned(), wait)])
}

#[rstest]
#[case::seen_for_the_first_time(Waiting::new(), Some("2026-12-01T12:00:00Z"))]
#[case::seen_a_day_ago(seen("2", "2026-11-30T12:00:00Z"), Some("2026-11-30T12:00:00Z"))]
#[case::seen_a_second_too_late(seen("2", "2026-11-29T12:00:01Z"), Some("2026-11-29T12:00:01Z"))]
#[case::seen_two_days_ago(seen("2", "2026-11-29T12:00:00Z"), None)]
#[case::another_version_was_seen(seen("1.9", "2026-11-01T12:00:00Z"), Some("2026-12-01T12:00:00Z"))]
#[case::seen_in_the_future(seen("2", "2027-01-01T00:00:00Z"), Some("2026-12-01T12:00:00Z"))]
#[case::seen_at_no_time(seen("2", "yesterday"), Some("2026-12-01T12:00:00Z"))]
fn a_version_waits_for_two_days(#[case] known: Waiting, #[case] waits_since: Option<&str>) {
    let curl = |version| offer("debian", "curl", version);
    let mut offered = BTreeMap::from([(Architecture::Armhf, vec![curl("1"), curl("2")])]);
    let (waiting, held) = cool_down::hold(&mut offered, &locked("curl", "1"), &known, terms());
    assert_eq!(waiting, waits_since.map(|since| seen("2", since)).unwrap_or_default());
    assert_eq!(held.len(), waiting.len());
    let versions: Vec<String> = offered[&Architecture::Armhf]
        .iter()
        .map(|it| it.version.to_string())
        .collect();
    let wanted: &[&str] = if waits_since.is_some() { &["1"] } else { &["1", "2"] };
    assert_eq!(versions, wanted);
}

#[rstest]
#[case::a_security_update(&[("debian", "1"), ("debian-security", "2")], "1")]
#[case::what_a_security_update_overtook(&[("debian", "1"), ("debian", "2"), ("debian-security", "3")], "1")]
#[case::what_is_also_a_security_update(&[("debian", "1"), ("debian", "2"), ("debian-security", "2")], "1")]
#[case::what_has_left_the_mirror(&[("debian", "2")], "1")]
#[case::an_older_version(&[("debian", "1"), ("debian", "0.9")], "1")]
fn nobody_waits_for(#[case] offers: &[(&str, &str)], #[case] is: &str) {
    let candidates: Vec<Candidate> = offers
        .iter()
        .map(|(archive, version)| offer(archive, "curl", version))
        .collect();
    let mut offered = BTreeMap::from([(Architecture::Armhf, candidates.clone())]);
    let (waiting, held) = cool_down::hold(&mut offered, &locked("curl", is), &Waiting::new(), terms());
    assert_eq!((waiting, held), (Waiting::new(), Vec::new()));
    assert_eq!(offered[&Architecture::Armhf], candidates);
}

/// Lists that are out of step offer two newer versions; neither is taken.
#[test]
fn every_newer_version_waits() {
    let curl = |version| offer("debian", "curl", version);
    let mut offered = BTreeMap::from([(Architecture::Armhf, vec![curl("3"), curl("1"), curl("2")])]);
    let (waiting, held) = cool_down::hold(&mut offered, &locked("curl", "1"), &Waiting::new(), terms());
    assert_eq!(waiting, seen("3", "2026-12-01T12:00:00Z"));
    assert_eq!(held.len(), 2);
    assert_eq!(offered[&Architecture::Armhf], [curl("1")]);
}

#[test]
fn a_package_that_is_new_does_not_wait() {
    let mut offered = BTreeMap::from([(Architecture::Armhf, vec![offer("debian", "jq", "1")])]);
    let (waiting, _) = cool_down::hold(&mut offered, &locked("curl", "1"), &Waiting::new(), terms());
    assert_eq!(waiting, Waiting::new());
    assert_eq!(offered[&Architecture::Armhf].len(), 1);
}

#[test]
fn who_waits_is_told_until_when() {
    let curl = |version| offer("debian", "curl", version);
    let mut offered = BTreeMap::from([(Architecture::Armhf, vec![curl("1"), curl("2")])]);
    let (_, held) = cool_down::hold(&mut offered, &locked("curl", "1"), &Waiting::new(), terms());
    let sentences: Vec<String> = held.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(
        sentences.join("\n"),
        @"curl [armhf]: stays at 1; 2 is taken from 2026-12-03T12:00:00Z on, or with `cbox lock --now`"
    );
}
