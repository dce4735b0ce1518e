//! The steps of a long command: each is named before it is taken and timed after.

use std::time::Instant;

use serde::Serialize;

use crate::failure::Failure;
use crate::progress::human;

/// What was done, and how long each step took.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Debug, Serialize)]
struct Step {
    name: String,
    seconds: f64,
}

impl Steps {
    /// Takes a step.
    pub(crate) fn take<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        eprintln!("cbox: {name} ...");
        let started = Instant::now();
        let result = work()?;
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("cbox: {name}: {}", human(seconds));
        self.0.push(Step {
            name: name.to_owned(),
            seconds,
        });
        Ok(result)
    }

    /// The seconds of all steps.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.iter().map(|step| step.seconds).sum()
    }
}
