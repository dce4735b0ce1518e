//! A version is taken when it has been on offer for a while, because bad releases are mostly noticed within days. Pure.
//!
//! Package lists say no dates of packages, so what counts is when this project saw a version first; `lock/waiting.json`
//! keeps that. Security updates never wait. Nor does a version whose predecessor is no longer on offer: a lock must name
//! what a mirror still has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use catalogue::Architecture;
use catalogue::lock::{Package, Wait, Waiting};

use crate::changes::SECURITY;
use crate::index::Candidate;
use crate::version::{self, Version};

/// How long a version waits, and from when on that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The time of this update.
    pub now: SystemTime,
    /// How long a version must have been on offer.
    pub delay: Duration,
}

/// A version that is not taken yet.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Held {
    /// The package's name.
    pub package: String,
    /// The version that stays.
    pub stays: String,
    /// The version that waits.
    pub waits: String,
    /// The time from which on it is taken, as RFC 3339 writes it.
    pub until: String,
    /// The package's own architectures.
    pub architectures: BTreeSet<String>,
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let architectures: Vec<&str> = self.architectures.iter().map(String::as_str).collect();
        write!(
            formatter,
            "{} [{}]: stays at {}; {} is taken from {} on, or with `cbox lock --now`",
            self.package,
            architectures.join(" "),
            self.stays,
            self.waits,
            self.until
        )
    }
}

/// Takes what has to wait out of what is on offer. Returns what waits, for people and for the next update.
pub fn hold(
    offered: &mut BTreeMap<Architecture, Vec<Candidate>>,
    locked: &BTreeMap<String, Package>,
    known: &Waiting,
    terms: Terms,
) -> (Waiting, Vec<Held>) {
    let files: BTreeSet<&str> = offered.values().flatten().map(|it| it.sha256.as_str()).collect();
    // A package whose locked file is still on offer, so that it can stay.
    let can_stay: BTreeMap<&String, &Package> = locked
        .iter()
        .filter(|(_, package)| files.contains(package.sha256.as_str()))
        .collect();
    let mut waiting = Waiting::new();
    // Lists may be out of step, so that two versions of one package wait; the lock notes the newest.
    let mut out: BTreeSet<(String, String)> = BTreeSet::new();
    let mut held: BTreeMap<(String, String, String, String), BTreeSet<String>> = BTreeMap::new();
    let urgent = urgent(offered);
    for candidate in offered.values().flatten() {
        let key = candidate.key();
        let overtaken = urgent
            .get(&key)
            .is_some_and(|it| version::compare(it, &candidate.version).is_ge());
        let Some(stays) = can_stay.get(&key).filter(|it| is_newer(candidate, it) && !overtaken) else {
            continue;
        };
        let version = candidate.version.to_string();
        let seen = known
            .get(&key)
            .filter(|wait| wait.version == version)
            .and_then(|wait| humantime::parse_rfc3339(&wait.first_seen).ok())
            .filter(|seen| *seen <= terms.now)
            .unwrap_or(terms.now);
        let until = seen + terms.delay;
        if until <= terms.now {
            continue;
        }
        let line = (
            candidate.package.clone(),
            stays.version.clone(),
            version.clone(),
            written(until),
        );
        held.entry(line).or_default().insert(candidate.architecture.clone());
        out.insert((key.clone(), version.clone()));
        let first_seen = written(seen);
        let newest = waiting
            .get(&key)
            .is_none_or(|known| version::compare(&candidate.version, &Version::new(known.version.as_str())).is_gt());
        if newest {
            waiting.insert(key, Wait { version, first_seen });
        }
    }
    for candidates in offered.values_mut() {
        candidates.retain(|candidate| !out.contains(&(candidate.key(), candidate.version.to_string())));
    }
    let held = held
        .into_iter()
        .map(|((package, stays, waits, until), architectures)| Held {
            package,
            stays,
            waits,
            until,
            architectures,
        });
    (waiting, held.collect())
}

/// The newest security update of each package, by its key.
fn urgent(offered: &BTreeMap<Architecture, Vec<Candidate>>) -> BTreeMap<String, Version> {
    let mut urgent: BTreeMap<String, Version> = BTreeMap::new();
    for candidate in offered.values().flatten().filter(|it| it.archive == SECURITY) {
        let newest = urgent
            .entry(candidate.key())
            .or_insert_with(|| candidate.version.clone());
        if version::compare(&candidate.version, newest).is_gt() {
            *newest = candidate.version.clone();
        }
    }
    urgent
}

fn is_newer(candidate: &Candidate, locked: &Package) -> bool {
    version::compare(&candidate.version, &Version::new(locked.version.as_str())).is_gt()
}

fn written(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
