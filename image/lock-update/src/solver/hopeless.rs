//! What can be ruled out before any choice is made.

use std::collections::BTreeMap;

use crate::index::Candidate;
use crate::relation::Clause;

use super::{Chain, Offer, Request, Root, Unsatisfiable};

/// The packages that no choice can ever install, each with the dependency that nothing meets.
pub(super) struct Hopeless<'a> {
    reasons: BTreeMap<&'a str, &'a Clause>,
}

impl<'a> Hopeless<'a> {
    /// Looks at all that the roots could reach, then rules out packages until nothing changes.
    pub(super) fn of(request: Request<'a>) -> Self {
        let mut reachable = BTreeMap::new();
        let mut pending = Vec::new();
        for root in request.roots {
            pending.extend(request.universe.candidate(&root.package));
        }
        while let Some(candidate) = pending.pop() {
            if reachable.insert(candidate.package.as_str(), candidate).is_some() {
                continue;
            }
            for clause in request.clauses(candidate) {
                pending.extend(request.meeting(clause));
            }
        }
        let mut hopeless = Self {
            reasons: BTreeMap::new(),
        };
        loop {
            let mut found = Vec::new();
            for candidate in reachable
                .values()
                .filter(|it| !hopeless.reasons.contains_key(it.package.as_str()))
            {
                let unmet = request
                    .clauses(candidate)
                    .find(|clause| hopeless.usable(request, clause).next().is_none());
                found.extend(unmet.map(|clause| (candidate.package.as_str(), clause)));
            }
            if found.is_empty() {
                break;
            }
            hopeless.reasons.extend(found);
        }
        hopeless
    }

    /// The candidates for a clause that may be installed.
    pub(super) fn usable(&self, request: Request<'a>, clause: &'a Clause) -> impl Iterator<Item = &'a Candidate> {
        request
            .meeting(clause)
            .filter(|it| !self.reasons.contains_key(it.package.as_str()))
    }

    /// The candidate for a root, or why there is none.
    pub(super) fn root(&self, request: Request<'a>, root: &Root) -> Result<&'a Candidate, Unsatisfiable> {
        let Some(candidate) = request.universe.candidate(&root.package) else {
            return Err(Unsatisfiable::Root {
                package: format!("{}:{}", root.package, request.universe.architecture),
                wanted_by: root.wanted_by.clone(),
                offer: Offer::Nothing(root.package.clone()),
            });
        };
        match self.reasons.contains_key(candidate.package.as_str()) {
            true => Err(self.explain(request, candidate, &root.wanted_by)),
            false => Ok(candidate),
        }
    }

    /// Follows the reasons down to a dependency that has no candidate at all. A reason names only packages that were
    /// ruled out earlier, so there is an end.
    fn explain(&self, request: Request<'a>, root: &'a Candidate, wanted_by: &str) -> Unsatisfiable {
        let mut through = Vec::new();
        let mut current = root;
        loop {
            let needs = self
                .reasons
                .get(current.package.as_str())
                .copied()
                .cloned()
                .unwrap_or_default();
            let next = self
                .reasons
                .get(current.package.as_str())
                .and_then(|clause| request.meeting(clause).next());
            let Some(next) = next.filter(|it| !through.contains(&it.key())) else {
                let offers = needs.iter().map(|relation| request.offer(relation)).collect();
                let wanted = Chain {
                    through,
                    wanted_by: wanted_by.to_owned(),
                };
                return Unsatisfiable::Dependency {
                    package: current.key(),
                    needs,
                    offers,
                    wanted,
                };
            };
            through.insert(0, current.key());
            current = next;
        }
    }
}
