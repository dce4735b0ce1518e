//! When a task is ended though Claude goes on: which time is up next, and what is done about it. Pure: the clock and the deeds are the
//! caller's.

use crate::outcome::Stop;
use crate::task::Limits;
use std::time::{Duration, Instant};

/// A refused credential stays refused. A gateway may stumble once, and once more.
const REFUSALS_MAX: u64 = 3;

/// How long to wait for what may never come.
#[derive(Debug)]
pub struct Patience {
    /// Claude sometimes stays after its result, with nothing left to do. This long it may be silent then.
    pub after_result: Duration,
    /// What Claude started may hold its output open after its end. What Claude wrote itself is there already.
    pub after_end: Duration,
}

impl Patience {
    /// What has shown to be enough.
    pub const DEFAULT: Self = Self {
        after_result: Duration::from_secs(30),
        after_end: Duration::from_secs(1),
    };
}

/// What is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Claude works; silent until then it has to be ended.
    Working { silence: Instant },
    /// Claude wrote its result.
    Finished { silence: Instant },
    /// Claude was asked to end, with the first so many of the means.
    Asked { means: usize, patience: Instant },
    /// Claude has ended, and its output not yet.
    Ended { output: Instant },
}

/// What is done about a Claude that is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// It is asked to give up its turn, and still writes a result that says what the task cost so far.
    Interrupt,
    /// It ends without a word (2.1.329 does so with SIGINT as well).
    Terminate,
    /// It is ended.
    Kill,
}

/// One after the other; the grace is the time from the first to the last.
const MEANS: [Means; 3] = [Means::Interrupt, Means::Terminate, Means::Kill];

/// The watch over one task.
#[derive(Debug)]
pub struct Watch<'a> {
    limits: &'a Limits,
    patience: &'a Patience,
    deadline: Option<Instant>,
    phase: Phase,
    stop: Option<Stop>,
    refusal: Option<u64>,
}

impl<'a> Watch<'a> {
    /// Begins now.
    pub fn new(now: Instant, limits: &'a Limits, patience: &'a Patience) -> Self {
        Self {
            limits,
            patience,
            deadline: limits.deadline.map(|deadline| now + deadline),
            phase: Phase::Working {
                silence: now + limits.silence,
            },
            stop: None,
            refusal: None,
        }
    }

    /// When [`Self::expire`] is to be called, if nothing happens before.
    pub fn until(&self) -> Instant {
        match self.phase {
            Phase::Working { silence } | Phase::Finished { silence } => {
                self.deadline.map_or(silence, |deadline| silence.min(deadline))
            }
            Phase::Asked { patience, .. } => patience,
            Phase::Ended { output } => output,
        }
    }

    /// Whether it is time for [`Self::expire`], whatever Claude may have written meanwhile: more words move the silence alone.
    pub fn is_overdue(&self, now: Instant) -> bool {
        match self.phase {
            Phase::Working { .. } | Phase::Finished { .. } => self.is_late(now),
            Phase::Asked { patience, .. } => now >= patience,
            Phase::Ended { .. } => false,
        }
    }

    /// Claude wrote something.
    pub fn output(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Working { silence } => *silence = now + self.limits.silence,
            Phase::Finished { silence } => *silence = now + self.patience.after_result,
            Phase::Asked { .. } | Phase::Ended { .. } => {}
        }
    }

    /// Claude wrote a result.
    pub fn result(&mut self, now: Instant) {
        if let Phase::Working { .. } | Phase::Finished { .. } = self.phase {
            self.phase = Phase::Finished {
                silence: now + self.patience.after_result,
            };
        }
    }

    /// Claude tries a request again.
    pub fn retry(&mut self, now: Instant, attempt: u64, status: Option<u64>) {
        if let (Phase::Working { silence }, Some(status @ (401 | 403))) = (&mut self.phase, status)
            && attempt >= REFUSALS_MAX
        {
            self.refusal = Some(status);
            *silence = now;
        }
    }

    /// Somebody asked the box to end: what is to be done for it, if anything is left. Who asks again does not want to wait, and the next
    /// of the means is taken at once.
    pub fn signal(&mut self, now: Instant, number: i32) -> Option<Means> {
        self.stop = self.stop.or(Some(Stop::Signal(number)));
        self.ask(now)
    }

    /// Claude has ended.
    pub fn end(&mut self, now: Instant) {
        self.phase = Phase::Ended {
            output: now + self.patience.after_end,
        };
    }

    /// The time is up: what is to be done now, if anything is left.
    pub fn expire(&mut self, now: Instant) -> Option<Means> {
        match self.phase {
            Phase::Working { .. } => self.stop = self.stop.or(Some(self.reason(now))),
            // It may go on with a second result until the deadline, which is then the reason.
            Phase::Finished { .. } if self.is_late(now) => self.stop = self.stop.or(Some(self.reason(now))),
            Phase::Finished { .. } | Phase::Asked { .. } | Phase::Ended { .. } => {}
        }
        self.ask(now)
    }

    /// The next of the means, and the time that it has.
    fn ask(&mut self, now: Instant) -> Option<Means> {
        let means = match self.phase {
            Phase::Working { .. } => 0,
            Phase::Finished { .. } if self.is_late(now) => 0,
            // There is nothing to interrupt.
            Phase::Finished { .. } => 1,
            Phase::Asked { means, .. } => means,
            Phase::Ended { .. } => return None,
        };
        self.phase = Phase::Asked {
            means: means + 1,
            patience: now + self.limits.grace / 2,
        };
        MEANS.get(means).copied()
    }

    /// Why the task was ended before its time.
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }

    fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    fn reason(&self, now: Instant) -> Stop {
        match (self.refusal, self.limits.deadline) {
            (Some(status), _) => Stop::Refusal(status),
            (None, Some(deadline)) if self.is_late(now) => Stop::Deadline(deadline.as_secs()),
            _ => Stop::Silence(self.limits.silence.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(deadline: Option<u64>) -> Limits {
        Limits {
            deadline: deadline.map(Duration::from_secs),
            silence: 60 * SECOND,
            ..Limits::default()
        }
    }

    /// Lets it expire until nothing is left to be done, and returns what was.
    fn expire(watch: &mut Watch) -> Vec<Means> {
        (0..5).filter_map(|_| watch.expire(watch.until())).collect()
    }

    #[test]
    fn silence_is_counted_from_the_last_word() {
        let (start, limits) = (Instant::now(), limits(None));
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        assert_eq!(watch.until(), start + 60 * SECOND);
        watch.output(start + 50 * SECOND);
        assert_eq!(watch.until(), start + 110 * SECOND);
        assert_eq!(expire(&mut watch), MEANS);
        assert_eq!(watch.stop(), Some(Stop::Silence(60)));
    }

    #[test]
    fn a_deadline_does_not_move() {
        let (start, limits) = (Instant::now(), limits(Some(90)));
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        watch.output(start + 80 * SECOND);
        assert_eq!(watch.until(), start + 90 * SECOND);
        assert!(!watch.is_overdue(start + 89 * SECOND) && watch.is_overdue(start + 90 * SECOND));
        assert_eq!(expire(&mut watch), MEANS);
        assert_eq!(watch.stop(), Some(Stop::Deadline(90)));
    }

    #[test]
    fn a_credential_is_refused_when_it_was_so_three_times() {
        let (start, limits) = (Instant::now(), limits(Some(90)));
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        for (attempt, status) in [(1, Some(401)), (2, Some(401)), (3, Some(529)), (4, None)] {
            watch.retry(start, attempt, status);
            assert_eq!(watch.until(), start + 60 * SECOND);
        }
        watch.retry(start, 5, Some(403));
        assert_eq!(watch.until(), start);
        assert_eq!(expire(&mut watch), MEANS);
        assert_eq!(watch.stop(), Some(Stop::Refusal(403)));
    }

    #[test]
    fn after_a_result_nothing_is_wrong() {
        let (start, limits) = (Instant::now(), limits(Some(90)));
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        watch.result(start);
        watch.output(start + SECOND);
        assert_eq!(watch.until(), start + 31 * SECOND);
        assert_eq!(expire(&mut watch), [Means::Terminate, Means::Kill]);
        assert_eq!(watch.stop(), None);
    }

    #[test]
    fn who_asks_again_does_not_wait() {
        let (start, limits) = (Instant::now(), limits(None));
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        let taken = [2, 2, 2, 2].map(|number| watch.signal(start, number));
        assert_eq!(
            taken,
            [Some(Means::Interrupt), Some(Means::Terminate), Some(Means::Kill), None]
        );
        assert_eq!(watch.stop(), Some(Stop::Signal(2)));
    }

    #[test]
    fn the_grace_is_the_time_up_to_the_last_of_the_means() {
        let start = Instant::now();
        let limits = Limits {
            grace: 20 * SECOND,
            ..limits(None)
        };
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        assert_eq!(watch.signal(start, 15), Some(Means::Interrupt));
        assert_eq!(watch.expire(watch.until()), Some(Means::Terminate));
        assert_eq!(watch.until(), start + 20 * SECOND);
        assert_eq!(watch.expire(watch.until()), Some(Means::Kill));
    }

    #[test]
    fn the_first_reason_is_the_reason() {
        let (start, limits) = (Instant::now(), limits(None));
        let mut watch = Watch::new(start, &limits, &Patience::DEFAULT);
        assert_eq!(watch.signal(start, 15), Some(Means::Interrupt));
        // Silence and the deadline do not count any more.
        watch.output(start + SECOND);
        assert_eq!(watch.until(), start + 4 * SECOND);
        assert_eq!(expire(&mut watch), [Means::Terminate, Means::Kill]);
        assert_eq!(watch.stop(), Some(Stop::Signal(15)));
        watch.end(start);
        assert_eq!(watch.until(), start + SECOND);
        assert_eq!((watch.expire(watch.until()), watch.signal(start, 15)), (None, None));
    }
}
