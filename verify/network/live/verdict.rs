//! What the findings mean. Pure: an answer counts only where its control says that it could have been another one.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::engine::cell::{Claim, Evidence as Words, Observation, Place};
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;
use crate::network::live::FAMILY;
use crate::network::live::plan::{Addresses, BOX, Case, TWIN};
use crate::network::live::probe::{Finding, Outcome, Probe, Transport};
use crate::network::live::round::Round;
use crate::network::object::{Direction, Policy};
use crate::network::promise::{Promise, Role};
use crate::network::rendered::SIMULATOR;
use crate::network::simulate::simulate;
use crate::network::traffic::{Pod, Reach};

/// The oracle that tries it.
pub const PROBER: &str = "live probe";

/// What a box saw of somebody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seen {
    /// It got there.
    Open,
    /// Nothing came back.
    Closed,
    /// Somebody answered, and turned it away: whoever answers was reached.
    Refused,
    /// It was told that there is no way.
    Unreachable,
    /// The name was not found.
    Nameless,
}

impl Display for Seen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Nameless => "no such name",
        })
    }
}

impl From<Outcome> for Seen {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Open => Self::Open,
            Outcome::Silent => Self::Closed,
            Outcome::Refused => Self::Refused,
            Outcome::Unreachable => Self::Unreachable,
            Outcome::Nameless => Self::Nameless,
        }
    }
}

impl From<Reach> for Seen {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::Open => Self::Open,
            Reach::Closed => Self::Closed,
        }
    }
}

/// A case that can be asked about, and the answer that must hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Question {
    /// Its position among the cases.
    pub(super) case: usize,
    /// The one right answer.
    pub(super) expected: Seen,
}

/// The cases that can be asked about. What nobody has to serve, and nobody did before there was a policy, is left out.
pub(super) fn questions(cases: &[Case], before: &Round, promise: &Promise, pod: &Pod) -> Vec<Question> {
    let numbered = cases.iter().enumerate();
    let asked =
        numbered.filter(|(_, case)| absence(case, before).is_none() && (promise.has_names() || !is_name(&case.probe)));
    let question = |(number, case): (usize, &Case)| {
        let role = match (&case.peer.pod, case.role) {
            (Some(peer), Role::Gateway) if !promise.is_gateway(peer) => Role::Other,
            (_, role) => role,
        };
        // A policy cannot name ICMP, so that it is closed wherever a direction is.
        let expected = case
            .traffic()
            .map_or(Seen::Closed, |traffic| promise.expects(&traffic, role, pod).into());
        Question { case: number, expected }
    };
    asked.map(question).collect()
}

/// Why a case cannot be asked about in this cluster: nobody answers there, whoever asks, or no prober may ask for an echo.
pub(super) fn absence(case: &Case, before: &Round) -> Option<String> {
    let found = before.get(TWIN)?.as_ref().ok()?;
    let finding = |probe: &Probe| Some(&found.get(probe)?.outcome);
    let echo = found.keys().find(|probe| probe.transport == Transport::Icmp);
    if case.probe.transport == Transport::Icmp
        && let Some(Err(said)) = echo.and_then(finding)
        && said.contains("permission denied")
    {
        return Some("ICMP: the prober's ping wants raw sockets, which it does not have".to_owned());
    }
    let outcome = finding(&case.probe)?.as_ref().ok()?;
    (case.is_optional && *outcome != Outcome::Open).then(|| {
        let what = match case.probe.transport {
            Transport::Icmp => "an echo".to_owned(),
            transport => format!("{transport}:{}", case.probe.port),
        };
        format!("{what} of {}: nobody answers there, with or without a policy", case.row)
    })
}

fn is_name(probe: &Probe) -> bool {
    probe.host.ends_with('.')
}

/// What an incoming case tries at this station.
pub(super) fn inward(case: &Case, to: &str, addresses: &Addresses) -> Option<Probe> {
    Some(Probe {
        host: addresses.get(to)?.to_string(),
        ..case.probe.clone()
    })
}

/// Everything that was found out about a release.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) cases: &'a [Case],
    pub(super) addresses: &'a Addresses,
    /// Without a policy.
    pub(super) before: &'a Round,
    /// Under the policy: how the moment is called, who was the box, and what all found.
    pub(super) moments: [(&'a str, &'static str, &'a Round); 2],
    /// Why nothing can be said of this cluster, if that is so.
    pub(super) canary: &'a Result<(), String>,
    pub(super) policies: &'a [Policy],
    pub(super) pod: &'a Pod,
}

/// What a cell is asked: which case, and in which moment; the simulator knows no moments.
type Asked = (usize, Option<usize>);

impl Evidence<'_> {
    /// The cells: each case in each moment, and once by the simulator.
    pub(super) fn run(&self, release: &str, questions: Vec<Question>) -> Result<Run, LedgerError> {
        let mut claims: Vec<Claim<Asked, Seen>> = Vec::new();
        for question in &questions {
            let Some(case) = self.cases.get(question.case) else {
                continue;
            };
            let way = match case.direction {
                Direction::Egress => "egress",
                Direction::Ingress => "ingress",
            };
            let mut claim = |moment: &str, number, oracle| {
                claims.push(Claim {
                    id: format!("{release}/{moment}/{way}/{} {}", case.column(), case.row),
                    subject: release.to_owned(),
                    oracle,
                    question: (question.case, number),
                    expected: question.expected,
                });
            };
            for (number, (moment, _, _)) in self.moments.iter().enumerate() {
                claim(moment, Some(number), PROBER);
            }
            if case.traffic().is_some() {
                claim("applied", None, SIMULATOR);
            }
        }
        let mut ledger = Ledger::new(FAMILY, claims)?;
        let asked: Vec<Asked> = ledger.claims().iter().map(|claim| claim.question).collect();
        for (position, (case, moment)) in asked.into_iter().enumerate() {
            let Some(case) = self.cases.get(case) else {
                continue;
            };
            let (observation, duration) = match moment.and_then(|number| self.moments.get(number)) {
                Some((_, subject, round)) => self.observe(case, subject, round),
                None => (self.simulated(case), Duration::ZERO),
            };
            ledger.record(position, observation, duration)?;
        }
        Ok(ledger.finish())
    }

    fn simulated(&self, case: &Case) -> Observation<Seen> {
        let Some(traffic) = case.traffic() else {
            let cause = "a NetworkPolicy knows no ICMP".to_owned();
            return Observation::NotProbed { cause };
        };
        match simulate(self.policies, self.pod, &traffic) {
            Observation::Answered { answer, evidence } => Observation::Answered {
                answer: answer.into(),
                evidence,
            },
            Observation::NotProbed { cause } => Observation::NotProbed { cause },
        }
    }

    /// What the box saw, if its controls say that it could have seen anything else.
    fn observe(&self, case: &Case, subject: &str, round: &Round) -> (Observation<Seen>, Duration) {
        match self.seen(case, subject, round) {
            Ok((finding, outcome)) => {
                let text = format!(
                    "{}: {outcome}; the control beside it got through",
                    self.attempt(case, subject)
                );
                let place = self.line(case);
                let observation = Observation::Answered {
                    answer: outcome.into(),
                    evidence: Words { text, place },
                };
                (observation, finding.duration)
            }
            Err(cause) => (Observation::NotProbed { cause }, Duration::ZERO),
        }
    }

    fn seen<'r>(&self, case: &Case, subject: &str, round: &'r Round) -> Result<(&'r Finding, Outcome), String> {
        self.canary.clone()?;
        let address =
            |name: &str| inward(case, name, self.addresses).ok_or_else(|| format!("station {name} has no address"));
        let (from, tried, control) = match case.direction {
            Direction::Egress => (subject, case.probe.clone(), (TWIN, case.probe.clone())),
            Direction::Ingress => (
                case.from.as_str(),
                address(subject)?,
                (case.from.as_str(), address(TWIN)?),
            ),
        };
        // Without a policy the very same pod, or one that was its like, got through.
        let (from_before, tried_before) = match case.direction {
            Direction::Egress => (BOX, tried.clone()),
            Direction::Ingress => (from, address(BOX)?),
        };
        let mut controls = vec![
            ("without a policy", from_before, tried_before, self.before),
            ("from or to a pod that no policy selects", control.0, control.1, round),
        ];
        if case.direction == Direction::Ingress {
            let listener = Probe {
                host: "127.0.0.1".to_owned(),
                ..case.probe.clone()
            };
            controls.push(("in the box itself", subject, listener, round));
        }
        for (what, from, probe, round) in controls {
            let outcome = outcome(round, from, &probe)?.1;
            if outcome != Outcome::Open {
                return Err(format!(
                    "the control {what} did not get through either ({from} tried {probe}): {outcome}"
                ));
            }
        }
        outcome(round, from, &tried)
    }

    fn attempt(&self, case: &Case, subject: &str) -> String {
        match case.direction {
            Direction::Egress => format!("{subject} tried {}", case.probe),
            Direction::Ingress => {
                let probe = inward(case, subject, self.addresses).unwrap_or_else(|| case.probe.clone());
                format!("{} tried {probe} of {subject}", case.from)
            }
        }
    }

    /// The line of the policies that lets it through, if one does.
    fn line(&self, case: &Case) -> Option<Place> {
        match simulate(self.policies, self.pod, &case.traffic()?) {
            Observation::Answered { evidence, .. } => evidence.place,
            Observation::NotProbed { .. } => None,
        }
    }
}

fn outcome<'r>(round: &'r Round, from: &str, probe: &Probe) -> Result<(&'r Finding, Outcome), String> {
    let found = round
        .get(from)
        .ok_or_else(|| format!("station {from} was not asked"))?
        .as_ref()
        .map_err(Clone::clone)?;
    let finding = found
        .get(probe)
        .ok_or_else(|| format!("station {from} said nothing of its probe `{probe}`"))?;
    let outcome = finding
        .outcome
        .clone()
        .map_err(|said| format!("station {from} could not try `{probe}`: {said}"))?;
    Ok((finding, outcome))
}

#[cfg(test)]
mod tests;
