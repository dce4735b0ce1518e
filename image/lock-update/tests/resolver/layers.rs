//! Which layer holds which package.

use std::collections::{BTreeMap, BTreeSet};

use catalogue::tools::{Flavour, Layer};
use lock_update::layers::{Anchor, assign};
use lock_update::solver::Solution;
use rstest::rstest;

/// Layers as `name` or `name*` (of the flavour `full`), needs as `package: package …`, anchors as `layer/package`.
#[rstest]
#[case::each_to_its_own("low: a; high: b", "low high", "", "low/a high/b")]
#[case::what_is_needed_goes_along("low: a c; high: b", "low high", "a: c", "low/a high/b")]
#[case::what_two_need_goes_low("low: a c; high: b", "low high", "a: c; b: c", "low/a high/b")]
#[case::what_one_needs_stays_high("low: a; high: b c", "low high", "b: c", "low/a high/b")]
#[case::through_others("low: a c d; high: b", "low high", "a: c; c: d; b: d", "low/a high/b")]
#[case::a_circle("low: a c; high: b", "low high", "a: c; c: a", "low/a high/b")]
#[case::a_package_that_two_name("low: a", "low high", "", "high/a low/a")]
#[case::an_empty_layer_is_left_out("high: a", "low high", "", "high/a")]
#[case::core_does_not_lean_on_full("low: a; high: b c", "low* high", "a: c; b: c", "low/a high/b")]
#[case::full_leans_on_core("low: a c; high: b", "low high*", "a: c; b: c", "low/a high/b")]
fn packages_stand_in(#[case] expected: &str, #[case] layers: &str, #[case] needs: &str, #[case] anchors: &str) {
    let layers: Vec<Layer> = layers.split(' ').map(layer).collect();
    let anchors: Vec<Anchor> = anchors.split(' ').map(|text| anchor(&layers, text)).collect();
    let assigned = assign(&layers, &anchors, &solution(needs));
    let lines = assigned.iter().map(|(index, packages)| {
        let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
        format!("{}: {}", layers[*index].name, packages.join(" "))
    });
    assert_eq!(lines.collect::<Vec<_>>().join("; "), expected);
}

fn layer(text: &str) -> Layer {
    let flavour = if text.ends_with('*') {
        Flavour::Full
    } else {
        Flavour::Core
    };
    Layer {
        name: text.trim_end_matches('*').to_owned(),
        flavour,
    }
}

fn anchor(layers: &[Layer], text: &str) -> Anchor {
    let (name, package) = text.split_once('/').expect("an anchor is layer/package");
    let layer = layers
        .iter()
        .position(|layer| layer.name == name)
        .expect("the layer must exist");
    Anchor {
        layer,
        package: package.to_owned(),
    }
}

fn solution(needs: &str) -> Solution {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in needs.split("; ").filter(|line| !line.is_empty()) {
        let (package, needed) = line.split_once(": ").expect("a line is package: packages");
        packages.insert(package.to_owned(), needed.split(' ').map(str::to_owned).collect());
    }
    Solution { packages }
}
