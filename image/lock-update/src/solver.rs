//! Which packages an image needs: a small, complete and deterministic search.
//!
//! A package has one candidate, so the question is which candidates are in, not at which version. First every package
//! that can never be installed is ruled out, with the reason. Then what is certain is taken in before what leaves a
//! choice, so that an alternative which is in anyway wins; a choice takes the first alternative that works. A choice
//! that fails is undone only when it has a part in the failure.

mod hopeless;
mod unsatisfiable;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::index::{Candidate, Universe};
use crate::relation::{Clause, Relation};

use hopeless::Hopeless;
pub use unsatisfiable::{Chain, Conflict, Offer, Unsatisfiable};

/// What to install.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What there is.
    pub universe: &'a Universe,
    /// The packages to install, each with what asks for it, in the order in which they are asked for.
    pub roots: &'a [Root],
    /// Packages that count as installed at any version.
    pub assumed: &'a BTreeSet<String>,
    /// Dependencies to leave out, by the package that has them.
    pub without: &'a BTreeMap<String, BTreeSet<String>>,
}

/// A package that is asked for by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Root {
    /// The package.
    pub package: String,
    /// What asks for it, for people: `tools.curl`.
    pub wanted_by: String,
}

/// The packages that meet the request, each with the packages that meet its dependencies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Solution {
    /// By name; the values are keys, too.
    pub packages: BTreeMap<String, BTreeSet<String>>,
}

/// Finds the packages that meet a request.
///
/// # Errors
///
/// When none do: the error names a reason and whom it concerns.
pub fn solve(request: Request<'_>) -> Result<Solution, Unsatisfiable> {
    let hopeless = Hopeless::of(request);
    let mut selection = Selection::default();
    let search = Search {
        request,
        hopeless: &hopeless,
    };
    let mut pending = VecDeque::new();
    for root in request.roots {
        let candidate = hopeless.root(request, root)?;
        let reason = Reason {
            through: None,
            wanted_by: root.wanted_by.clone(),
            choices: BTreeSet::new(),
        };
        search
            .select(&mut selection, &mut pending, candidate, reason)
            .map_err(|failure| Unsatisfiable::Conflict(failure.why))?;
    }
    let selection = search
        .run(selection, pending, 0)
        .map_err(|failure| Unsatisfiable::Conflict(failure.why))?;
    Ok(search.solution(&selection))
}

impl<'a> Request<'a> {
    /// The dependencies of a package that have to be met by another.
    fn clauses(self, candidate: &'a Candidate) -> impl Iterator<Item = &'a Clause> {
        let without = self.without.get(&candidate.package);
        candidate.depends.iter().filter(move |clause| {
            !clause.iter().any(|relation| {
                self.assumes(&relation.package) || without.is_some_and(|without| without.contains(&relation.package))
            })
        })
    }

    /// Whether a name is an assumed package's or one that it provides.
    fn assumes(self, name: &str) -> bool {
        self.assumed.contains(name)
            || self.assumed.iter().any(|assumed| {
                let candidate = self.universe.candidate(assumed);
                candidate.is_some_and(|it| it.provides.iter().any(|(provided, _)| provided == name))
            })
    }

    /// The candidates that meet a clause, in the order of preference.
    fn meeting(self, clause: &'a Clause) -> impl Iterator<Item = &'a Candidate> {
        clause.iter().flat_map(move |relation| self.universe.meant_by(relation))
    }

    fn offer(self, relation: &Relation) -> Offer {
        match self.universe.candidate(&relation.package) {
            None => Offer::Nothing(relation.package.clone()),
            Some(candidate) if relation.accepts(Some(&candidate.version)) => Offer::Unusable(candidate.key()),
            Some(candidate) => Offer::Version(candidate.package.clone(), candidate.version.to_string()),
        }
    }
}

/// The packages that are in so far, each with why.
#[derive(Clone, Default)]
struct Selection<'a> {
    packages: BTreeMap<&'a str, (&'a Candidate, Reason)>,
}

/// Why a package is in.
#[derive(Clone)]
struct Reason {
    /// The package that needs it.
    through: Option<String>,
    /// What asks for the first package of the chain.
    wanted_by: String,
    /// The choices that it hangs on.
    choices: BTreeSet<usize>,
}

/// A dependency that is still to be met.
#[derive(Clone)]
struct Pending<'a> {
    owner: &'a str,
    clause: &'a Clause,
}

/// Why a branch of the search ended, and which choices have a part in it.
struct Failure {
    choices: BTreeSet<usize>,
    why: Box<Conflict>,
}

#[derive(Clone, Copy)]
struct Search<'a, 'h> {
    request: Request<'a>,
    hopeless: &'h Hopeless<'a>,
}

impl<'a> Search<'a, '_> {
    /// Meets all that is pending: what has one answer first, then the oldest choice.
    fn run(
        self,
        mut selection: Selection<'a>,
        mut pending: VecDeque<Pending<'a>>,
        depth: usize,
    ) -> Result<Selection<'a>, Failure> {
        let mut open = VecDeque::new();
        while let Some(next) = pending.pop_front() {
            match self.answers(&selection, &next).as_slice() {
                [only] => {
                    let reason = selection.reason(next.owner, None);
                    self.select(&mut selection, &mut pending, only, reason)?;
                }
                [] => {}
                [..] => open.push_back(next),
            }
        }
        // What is in by now may have answered the choice that seemed open.
        while let Some(choice) = open.pop_front() {
            let answers = self.answers(&selection, &choice);
            if !answers.is_empty() {
                return self.choose(&selection, &choice, &answers, &open, depth);
            }
        }
        Ok(selection)
    }

    /// Tries one answer after the other.
    fn choose(
        self,
        selection: &Selection<'a>,
        choice: &Pending<'a>,
        answers: &[&'a Candidate],
        open: &VecDeque<Pending<'a>>,
        depth: usize,
    ) -> Result<Selection<'a>, Failure> {
        let mut choices = selection.reason(choice.owner, None).choices;
        let mut first = None;
        for answer in answers {
            let mut selection = selection.clone();
            let mut pending = open.clone();
            let reason = selection.reason(choice.owner, Some(depth));
            let outcome = match self.select(&mut selection, &mut pending, answer, reason) {
                Ok(()) => self.run(selection, pending, depth + 1),
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(selection) => return Ok(selection),
                Err(failure) if !failure.choices.contains(&depth) => return Err(failure),
                Err(failure) => {
                    choices.extend(failure.choices.into_iter().filter(|it| *it != depth));
                    first.get_or_insert(failure.why);
                }
            }
        }
        match first {
            Some(why) => Err(Failure { choices, why }),
            None => Ok(selection.clone()),
        }
    }

    /// The candidates that could meet a clause; none when it is met already.
    fn answers(self, selection: &Selection<'a>, pending: &Pending<'a>) -> Vec<&'a Candidate> {
        let mut answers: Vec<&Candidate> = Vec::new();
        for candidate in self.hopeless.usable(self.request, pending.clause) {
            if selection.packages.contains_key(candidate.package.as_str()) {
                return Vec::new();
            }
            if answers.iter().all(|it| it.package != candidate.package) {
                answers.push(candidate);
            }
        }
        answers
    }

    /// Takes a package in, unless it conflicts with one that is.
    fn select(
        self,
        selection: &mut Selection<'a>,
        pending: &mut VecDeque<Pending<'a>>,
        candidate: &'a Candidate,
        reason: Reason,
    ) -> Result<(), Failure> {
        if selection.packages.contains_key(candidate.package.as_str()) {
            return Ok(());
        }
        for (other, other_reason) in selection.packages.values() {
            for (from, to) in [(candidate, *other), (*other, candidate)] {
                if let Some(relation) = from.conflicts.iter().find(|it| self.request.universe.means(it, to)) {
                    let chain = |of: &Candidate| match of.package == candidate.package {
                        true => selection.chain(&reason),
                        false => selection.chain(other_reason),
                    };
                    return Err(Failure {
                        choices: reason.choices.union(&other_reason.choices).copied().collect(),
                        why: Box::new(Conflict {
                            package: from.key(),
                            relation: relation.clone(),
                            wanted: chain(from),
                            other: to.key(),
                            other_wanted: chain(to),
                        }),
                    });
                }
            }
        }
        selection.packages.insert(&candidate.package, (candidate, reason));
        let owner = candidate.package.as_str();
        pending.extend(self.request.clauses(candidate).map(|clause| Pending { owner, clause }));
        Ok(())
    }

    /// What meets each package's dependencies; where several do, the preferred one.
    fn solution(self, selection: &Selection<'a>) -> Solution {
        let met_by = |candidate: &'a Candidate| {
            let clauses = self.request.clauses(candidate);
            let meeting = clauses.filter_map(|clause| {
                self.request
                    .meeting(clause)
                    .find(|it| selection.packages.contains_key(it.package.as_str()))
            });
            meeting.map(|it| it.package.clone()).collect()
        };
        Solution {
            packages: selection
                .packages
                .values()
                .map(|(it, _)| (it.package.clone(), met_by(it)))
                .collect(),
        }
    }
}

impl Selection<'_> {
    /// The reason for what a package needs.
    fn reason(&self, owner: &str, choice: Option<usize>) -> Reason {
        let inherited = self.packages.get(owner).map(|(_, reason)| reason);
        let mut choices = inherited.map(|it| it.choices.clone()).unwrap_or_default();
        choices.extend(choice);
        let wanted_by = inherited.map(|it| it.wanted_by.clone()).unwrap_or_default();
        Reason {
            through: Some(owner.to_owned()),
            wanted_by,
            choices,
        }
    }

    fn chain(&self, reason: &Reason) -> Chain {
        let mut through = Vec::new();
        let mut next = reason.through.as_deref();
        while let Some((candidate, reason)) = next.and_then(|name| self.packages.get(name)) {
            through.push(candidate.key());
            next = reason.through.as_deref();
        }
        Chain {
            through,
            wanted_by: reason.wanted_by.clone(),
        }
    }
}
