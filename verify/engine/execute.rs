//! Puts claims to probes that wait for others, a bounded number at a time.

use std::num::NonZeroUsize;
use std::time::Instant;

use futures_util::stream::{self, StreamExt};

use crate::engine::cell::{Answer, Cell, Claim, Observation};
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;

/// Puts every claim to `probe`, at most `parallel` at a time; `seen` gets each cell as it comes, in the order of answers.
///
/// # Errors
///
/// When the ledger refuses an answer, which would be a defect of the harness.
pub async fn execute<Q, A, F>(
    mut ledger: Ledger<Q, A>,
    parallel: NonZeroUsize,
    probe: impl Fn(Claim<Q, A>) -> F,
    mut seen: impl FnMut(&Cell),
) -> Result<Run, LedgerError>
where
    Q: Clone,
    A: Answer,
    F: Future<Output = Observation<A>>,
{
    let claims = ledger.claims().to_vec();
    let mut answers = stream::iter(claims.into_iter().enumerate())
        .map(|(position, claim)| {
            let probe = probe(claim);
            async move {
                let started = Instant::now();
                let observation = probe.await;
                (position, observation, started.elapsed())
            }
        })
        .buffer_unordered(parallel.get());
    while let Some((position, observation, duration)) = answers.next().await {
        seen(ledger.record(position, observation, duration)?);
    }
    Ok(ledger.finish())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell as Counter;

    use super::*;
    use crate::engine::cell::{Evidence, Verdict};

    #[tokio::test]
    async fn no_more_than_the_bound_run_at_a_time() {
        let claims = (0..50).map(|n| Claim {
            id: n.to_string(),
            subject: String::new(),
            oracle: "test",
            question: n,
            expected: true,
        });
        let ledger = Ledger::new("test", claims.collect()).expect("the names differ");
        let (running, most, seen) = (Counter::new(0), Counter::new(0), Counter::new(0));
        let probe = |_| async {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            tokio::task::yield_now().await;
            running.set(running.get() - 1);
            Observation::Answered {
                answer: true,
                evidence: Evidence::default(),
            }
        };
        let four = NonZeroUsize::new(4).expect("four is not zero");
        let run = execute(ledger, four, probe, |_| seen.set(seen.get() + 1)).await;
        assert_eq!(run.expect("each is answered once").verdict(), Verdict::Passed);
        assert_eq!((most.get(), seen.get()), (4, 50));
    }
}
