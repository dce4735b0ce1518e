//! The engine of every family of the harness: what must hold is claimed first, each claim is put to a probe, and one
//! stream of cells says what became of all of them.
//!
//! ```text
//! claims --Ledger::new--> Ledger --record, one observation a claim--> Run --stream::Writer--> JSONL, summary, reports
//! ```
//!
//! The core holds three rules that test suites forget. A claim that nobody answered is an error, not a pass. A probe that
//! could not run is an error, whatever it was expected to find. And a run without a claim proves nothing, so it is an
//! error as well.

pub mod cell;
#[cfg(feature = "live")]
pub mod execute;
pub mod ledger;
pub mod run;
pub mod stream;
