//! As many damaged packages as there is time for: `cargo bench --package assemble --bench fuzz -- COUNT SEED`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, dead_code, missing_docs)]

#[path = "../tests/integration/fixture.rs"]
mod fixture;
#[path = "../tests/integration/fuzz.rs"]
mod fuzz;

use std::thread;
use std::time::Instant;

const COUNT: u64 = 100_000;

fn main() {
    // Cargo itself says --bench.
    let mut numbers = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .map(|word| word.parse::<u64>().expect("COUNT and SEED are numbers"));
    let (count, seed) = (numbers.next().unwrap_or(COUNT), numbers.next().unwrap_or(0));
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let (seed, number) = fuzz::EXECUTION.get();
        eprintln!("seed {seed}, execution {number}:");
        tell(panic);
    }));
    let started = Instant::now();
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let corpus = fuzz::Corpus::new();
    let outcomes = thread::scope(|scope| {
        let part = |thread: u64| count * thread / threads..count * (thread + 1) / threads;
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let corpus = &corpus;
                    move || fuzz::run(corpus, seed, part(thread))
                })
            })
            .collect();
        let outcomes = started
            .into_iter()
            .map(|thread| thread.join().expect("no execution panics"));
        outcomes.fold(fuzz::Outcomes::default(), |sum, next| fuzz::Outcomes {
            accepted: sum.accepted + next.accepted,
            refused: sum.refused + next.refused,
        })
    });
    let seconds = started.elapsed().as_secs_f64();
    let fuzz::Outcomes { accepted, refused } = outcomes;
    println!(
        "{count} executions of seed {seed} in {seconds:.0} s on {threads} threads: {accepted} accepted, {refused} refused, no panic"
    );
}
