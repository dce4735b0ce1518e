//! The static posture: what must hold of every object by its text alone, before anything runs.
//!
//! ```text
//! rendered objects, Compose, the image's declaration --target--> what a rule is about --.
//! rule::ALL ----------------------------------------------------------------------------+--> engine's cells
//! manifests/posture.toml --exception--> what may be broken, and why --------------------'
//! ```
//!
//! One cell for each rule and each thing that it is about: `<whole>/<rule> <thing>`. What linters check is here, and what only
//! this project can know: that a pod waits longer than its init does, that the volume is the user's who writes to it, that the
//! policy selects the box. All of it is pure but the reading of files in [`declaration`].

pub mod declaration;
pub mod exception;
pub mod rule;
mod rules;
pub mod target;

use std::fmt::{self, Display};

use crate::engine::cell::{Claim, Evidence, Observation, Place};
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;
use crate::posture::exception::{Exception, ExceptionError, Exceptions};
use crate::posture::rule::{ALL, Finding, Rule};
use crate::posture::target::{Target, Whole};

/// The family's name.
pub const FAMILY: &str = "posture";

/// The oracle: the rules themselves.
pub const RULES: &str = "rules";

/// How long the init lets everybody end before it kills what is left: its own default, which a test compares.
pub const DRAIN_SECONDS: i64 = 25;

/// Something cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum PostureError {
    /// The exceptions are wrong.
    #[error(transparent)]
    Exception(#[from] ExceptionError),
    /// A defect of the harness.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What becomes of a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Posture {
    /// It holds.
    Holds,
    /// It does not.
    Broken,
}

impl Display for Posture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
        })
    }
}

/// Judges one whole: every rule for everything that it is about. `is_named` says whether the whole is one that exceptions
/// name; of a user's own values none is missed.
///
/// # Errors
///
/// When an exception that is for this whole is for nothing.
pub fn run(whole: &Whole, exceptions: &Exceptions, is_named: bool) -> Result<Run, PostureError> {
    let judged = judge(whole);
    if is_named {
        let broken = |exception: &Exception| {
            judged
                .iter()
                .any(|(target, rule, findings)| !findings.is_empty() && exception.is_for(rule.name, &target.name))
        };
        exceptions.must_be_needed(&whole.name, broken)?;
    }
    let claims = judged.iter().map(|(target, rule, findings)| {
        let exception = exceptions.find(&whole.name, rule.name, &target.name);
        Claim {
            id: format!("{}/{} {}", whole.name, rule.name, target.name),
            subject: target.name.clone(),
            oracle: RULES,
            // In values of somebody's own an exception allows, and asks for nothing.
            expected: if exception.is_some() && (is_named || !findings.is_empty()) {
                Posture::Broken
            } else {
                Posture::Holds
            },
            question: (target, rule, findings, exception),
        }
    });
    let ledger = Ledger::new(FAMILY, claims.collect())?;
    Ok(ledger.answer(|claim| {
        let (target, rule, findings, exception) = claim.question;
        observe(target, rule, findings, exception)
    }))
}

/// Every rule with what breaks it, for everything that it is about.
#[must_use]
pub fn judge(whole: &Whole) -> Vec<(Target<'_>, &'static Rule, Vec<Finding>)> {
    let mut judged = Vec::new();
    for target in target::targets(whole) {
        for rule in rules_of(&target) {
            let findings = (rule.judge)(&target);
            judged.push((target.clone(), rule, findings));
        }
    }
    judged
}

/// What breaks a rule, in words by which it is known again.
pub type Broken = (&'static str, String, String);

/// The first thing that breaks a rule and is not among those that are known, as `rule thing: what`.
#[must_use]
pub fn first_broken(whole: &Whole, known: &[Broken]) -> Option<String> {
    target::targets(whole).into_iter().find_map(|target| {
        let is_known = |rule: &Rule, finding: &Finding| {
            let of_thing =
                |(name, thing, text): &Broken| *name == rule.name && *thing == target.name && *text == finding.text;
            known.iter().any(of_thing)
        };
        rules_of(&target).find_map(|rule| {
            let mut findings = (rule.judge)(&target).into_iter();
            let finding = findings.find(|finding| !is_known(rule, finding))?;
            Some(format!("{} {}: {}", rule.name, target.name, finding.text))
        })
    })
}

/// What is broken already, for [`first_broken`].
#[must_use]
pub fn broken(whole: &Whole) -> Vec<Broken> {
    let judged = judge(whole).into_iter();
    let all = judged.flat_map(|(target, rule, findings)| {
        findings
            .into_iter()
            .map(move |finding| (rule.name, target.name.clone(), finding.text))
    });
    all.collect()
}

fn rules_of(target: &Target<'_>) -> impl Iterator<Item = &'static Rule> {
    let kind = target.kind;
    ALL.iter()
        .flat_map(|rules| rules.iter())
        .filter(move |rule| rule.of == kind)
}

fn observe(
    target: &Target<'_>,
    rule: &Rule,
    findings: &[Finding],
    exception: Option<&Exception>,
) -> Observation<Posture> {
    let Some(first) = findings.first() else {
        return Observation::Answered {
            answer: Posture::Holds,
            evidence: rule.holds.into(),
        };
    };
    let texts: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
    let mut text = format!("{}; it must hold: {}", texts.join("; "), rule.holds);
    if let Some(exception) = exception {
        text.push_str(&format!("; excepted: {}", exception.why));
    }
    let place = target.line(&first.at).map(|line| Place {
        file: target.file().to_owned(),
        line,
    });
    Observation::Answered {
        answer: Posture::Broken,
        evidence: Evidence { text, place },
    }
}
