//! What was found, as answers to the families' claims.

use std::fmt::{self, Display};

use super::event::{Event, Fate};
use super::writer::{Acknowledged, EXIT_CODE};
use crate::engine::cell::{Claim, Evidence, Observation, Place};

/// How reports call the oracle of the family storage: what was written before.
pub const WRITTEN_BEFORE: &str = "what was written before";

/// How reports call the oracle of the family signals: what the program wrote, and what the API tells of its end.
pub const THE_PROGRAM: &str = "the program in the box";

/// What is asked about an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Aspect {
    Pod,
    Volume,
    Files,
    Modes,
    Records,
    Whole,
    Heard,
    Exit,
    Zombies,
    LastWrite,
    Grace,
}

impl Aspect {
    pub(super) const STORAGE: [Self; 6] = [
        Self::Pod,
        Self::Volume,
        Self::Files,
        Self::Modes,
        Self::Records,
        Self::Whole,
    ];

    pub(super) const SIGNALS: [Self; 5] = [Self::Heard, Self::Exit, Self::Zombies, Self::LastWrite, Self::Grace];

    fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Volume => "volume",
            Self::Files => "sha256",
            Self::Modes => "owner-and-mode",
            Self::Records => "acknowledged",
            Self::Whole => "crc",
            Self::Heard => "heard",
            Self::Exit => "exit-code",
            Self::Zombies => "zombies",
            Self::LastWrite => "last-write",
            Self::Grace => "grace",
        }
    }

    fn expected(self, event: Event) -> Answer {
        match self {
            Self::Pod => Answer::Fate(event.fate()),
            Self::Volume => Answer::Same,
            Self::Files | Self::Modes => Answer::Kept,
            Self::Records => Answer::Lost(0),
            Self::Whole => Answer::Torn(0),
            Self::Heard => Answer::Heard("TERM"),
            Self::Exit => Answer::Exit(EXIT_CODE),
            Self::Zombies => Answer::Zombies(0),
            Self::LastWrite => Answer::Kept,
            Self::Grace => Answer::InTime,
        }
    }
}

/// What is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Fate(Fate),
    Same,
    Another,
    Kept,
    Changed(usize),
    Gone,
    Lost(usize),
    Torn(usize),
    Heard(&'static str),
    Nothing,
    Exit(i64),
    Untold,
    Zombies(u64),
    InTime,
    TooLate,
}

impl Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fate(fate) => out.write_str(fate.words()),
            Self::Same => out.write_str("the same claim and volume"),
            Self::Another => out.write_str("another claim or volume"),
            Self::Kept => out.write_str("kept"),
            Self::Changed(count) => write!(out, "{count} changed"),
            Self::Gone => out.write_str("gone"),
            Self::Lost(count) => write!(out, "{count} lost"),
            Self::Torn(count) => write!(out, "{count} torn"),
            Self::Heard(signal) => write!(out, "SIG{signal}"),
            Self::Nothing => out.write_str("nothing"),
            Self::Exit(code) => write!(out, "{code}"),
            Self::Untold => out.write_str("not told"),
            Self::Zombies(count) => write!(out, "{count}"),
            Self::InTime => out.write_str("within the grace"),
            Self::TooLate => out.write_str("beyond the grace"),
        }
    }
}

/// What became of a box.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) fate: Fate,
    pub(super) files: Seen,
    pub(super) modes: Seen,
    pub(super) acknowledged: usize,
    pub(super) lost: Vec<Acknowledged>,
    pub(super) count: usize,
    pub(super) torn: Vec<String>,
    pub(super) is_same_claim: bool,
    pub(super) claim: String,
    pub(super) heard: Option<String>,
    pub(super) zombies: Option<String>,
    pub(super) has_last_write: bool,
    pub(super) end: Option<(i64, String)>,
    pub(super) in_time: Option<bool>,
    pub(super) grace_seconds: u64,
}

/// Lines about files, as they were and as they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    count: usize,
    changed: Vec<String>,
}

impl Seen {
    /// Compares the lines that have this in them: two spaces are sha256sum's, a colon stat's.
    pub(super) fn of_lines(before: &str, after: &str, mark: &str) -> Self {
        let of = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.contains(mark));
            lines.map(str::to_owned).collect()
        };
        let (before, after) = (of(before), of(after));
        Self {
            count: before.len(),
            changed: before.into_iter().filter(|line| !after.contains(line)).collect(),
        }
    }

    fn answer(&self) -> (Answer, String) {
        match self.changed.first() {
            None => (Answer::Kept, format!("{} lines are as they were", self.count)),
            Some(first) => (Answer::Changed(self.changed.len()), format!("it was: {first}")),
        }
    }
}

impl Found {
    fn answer(&self, aspect: Aspect) -> (Answer, String) {
        let numbered = |records: &[Acknowledged]| {
            records.first().map_or_else(
                || format!("{} acknowledged, {} in the log", self.acknowledged, self.count),
                |(boot, number)| {
                    format!(
                        "of {} acknowledged the first is {number} of start {boot}",
                        self.acknowledged
                    )
                },
            )
        };
        match aspect {
            Aspect::Pod => (Answer::Fate(self.fate), String::new()),
            Aspect::Volume if self.is_same_claim && self.claim.ends_with(" Bound") => {
                (Answer::Same, self.claim.clone())
            }
            Aspect::Volume => (Answer::Another, self.claim.clone()),
            Aspect::Files => self.files.answer(),
            Aspect::Modes => self.modes.answer(),
            Aspect::Records => (Answer::Lost(self.lost.len()), numbered(&self.lost)),
            Aspect::Whole => (
                Answer::Torn(self.torn.len()),
                self.torn
                    .first()
                    .cloned()
                    .unwrap_or_else(|| format!("{} records", self.count)),
            ),
            Aspect::Heard => {
                let known = ["TERM", "INT", "HUP"]
                    .into_iter()
                    .find(|known| self.heard.as_deref() == Some(known));
                (known.map_or(Answer::Nothing, Answer::Heard), String::new())
            }
            Aspect::Exit => match &self.end {
                Some((code, reason)) => (Answer::Exit(*code), reason.clone()),
                None => (Answer::Untold, String::new()),
            },
            Aspect::Zombies => match self.zombies.as_deref().map(str::parse) {
                Some(Ok(count)) => (Answer::Zombies(count), String::new()),
                _ => (Answer::Untold, "the program did not come to count them".to_owned()),
            },
            Aspect::LastWrite if self.has_last_write => (Answer::Kept, String::new()),
            Aspect::LastWrite => (Answer::Gone, String::new()),
            Aspect::Grace => {
                let evidence = format!("the grace is {} s", self.grace_seconds);
                match self.in_time {
                    Some(true) => (Answer::InTime, evidence),
                    Some(false) => (Answer::TooLate, evidence),
                    None => (Answer::Untold, evidence),
                }
            }
        }
    }
}

/// The claims about these events.
pub(super) fn claims(
    events: &[Event],
    aspects: &[Aspect],
    oracle: &'static str,
) -> Vec<Claim<(Event, Aspect), Answer>> {
    let pairs = events
        .iter()
        .flat_map(|event| aspects.iter().map(move |aspect| (*event, *aspect)));
    pairs
        .map(|(event, aspect)| Claim {
            id: format!("shell/{} {event}", aspect.name()),
            subject: "a box in mode shell".to_owned(),
            oracle,
            question: (event, aspect),
            expected: aspect.expected(event),
        })
        .collect()
}

/// The answer to a claim.
pub(super) fn observation(
    found: Option<&Result<Found, String>>,
    aspect: Aspect,
    place: Option<Place>,
) -> Observation<Answer> {
    match found {
        Some(Ok(found)) => {
            let (answer, text) = found.answer(aspect);
            Observation::Answered {
                answer,
                evidence: Evidence { text, place },
            }
        }
        Some(Err(cause)) => Observation::NotProbed { cause: cause.clone() },
        None => Observation::NotProbed {
            cause: "the event was not tried".to_owned(),
        },
    }
}
