//! Which layer holds which package.

use std::collections::{BTreeMap, BTreeSet};

use catalogue::tools::Layer;

use crate::solver::Solution;

/// A package that a layer names, by the layer's place in `tools.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Anchor {
    /// The layer's index, from the bottom.
    pub layer: usize,
    /// The package.
    pub package: String,
}

/// Puts each package into the lowest layer with an anchor that reaches it, among those of the smallest flavour: what
/// `core` needs must stand in a layer of `core`.
#[must_use]
pub fn assign(layers: &[Layer], anchors: &[Anchor], solution: &Solution) -> BTreeMap<usize, BTreeSet<String>> {
    let mut order: Vec<(usize, &Layer)> = layers.iter().enumerate().collect();
    order.sort_by_key(|(index, layer)| (layer.flavour, *index));
    let mut placed = BTreeSet::new();
    let mut assigned = BTreeMap::new();
    for (index, _) in order {
        let own: Vec<&str> = anchors
            .iter()
            .filter(|it| it.layer == index)
            .map(|it| it.package.as_str())
            .collect();
        let reached: BTreeSet<String> = reach(solution, own)
            .into_iter()
            .filter(|it| placed.insert(it.clone()))
            .collect();
        if !reached.is_empty() {
            assigned.insert(index, reached);
        }
    }
    assigned
}

/// Everything that some packages need, themselves included.
pub(crate) fn reach<'a>(solution: &'a Solution, mut pending: Vec<&'a str>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    while let Some(package) = pending.pop() {
        if reached.insert(package.to_owned()) {
            pending.extend(solution.packages.get(package).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}
