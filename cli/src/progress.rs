//! What a long build shows: how much is done, what is being built, how long is left.
//!
//! Times are learnt: what a step took on this machine is kept in the cache; what was never built here is guessed from
//! the times of a machine with two cores.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::nix::Kind;
use crate::project::Project;

/// Seconds of the steps that take long, by the start of their name, on two cores.
const GUESSES: [(&str, f64); 12] = [
    ("go-kubernetes-modules", 40.0),
    ("go-kubernetes", 200.0),
    ("go-1.", 30.0),
    ("rust-1.", 15.0),
    ("rustc-", 10.0),
    ("rust-std", 5.0),
    ("assemble-amd64", 60.0),
    ("box-", 20.0),
    ("messages-api-", 50.0),
    ("crate-tests", 120.0),
    ("layer-claude", 10.0),
    ("layer-", 3.0),
];
const GUESS_OTHERWISE: f64 = 0.5;

/// The progress of one build. Nothing is shown for a build that has nothing to do.
pub(crate) struct Progress {
    bar: ProgressBar,
    what: String,
    interactive: bool,
    learnt: PathBuf,
    seconds: BTreeMap<String, f64>,
    waiting: Vec<String>,
    running: BTreeMap<String, Instant>,
}

impl Progress {
    /// The progress of a build of `what` that consists of the `planned` steps.
    pub(crate) fn new(project: &Project, what: &str, planned: &[String]) -> Self {
        let learnt = project.cache.join("seconds.json");
        // A missing or broken file only makes the guesses worse.
        let seconds = std::fs::read(&learnt)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let interactive = std::io::stderr().is_terminal();
        let bar = if planned.is_empty() || !interactive {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(planned.len() as u64)
        };
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(500));
        let progress = Self {
            bar,
            what: what.to_owned(),
            interactive,
            learnt,
            seconds,
            waiting: planned.to_vec(),
            running: BTreeMap::new(),
        };
        if !planned.is_empty() && !interactive {
            eprintln!(
                "cbox: building {what}: {} steps, about {}",
                planned.len(),
                human(progress.left())
            );
        }
        progress
    }

    /// A step started.
    pub(crate) fn started(&mut self, step: &str) {
        self.waiting.retain(|waiting| waiting != step);
        self.running.insert(step.to_owned(), Instant::now());
        self.show();
    }

    /// A step ended after this time.
    pub(crate) fn finished(&mut self, step: &str, took: Duration) {
        self.running.remove(step);
        self.seconds.insert(step.to_owned(), took.as_secs_f64());
        self.bar.inc(1);
        self.show();
        if !self.interactive && took > Duration::from_secs(10) {
            eprintln!(
                "cbox: {}: {step} took {}, about {} left",
                self.what,
                human(took.as_secs_f64()),
                human(self.left())
            );
        }
    }

    /// The build ended, well or badly.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
        if let Ok(json) = serde_json::to_vec_pretty(&self.seconds) {
            // What could not be kept is learnt again: only a guess is at stake.
            let _ = std::fs::write(&self.learnt, json);
        }
    }

    fn show(&self) {
        let mut running: Vec<&str> = self.running.keys().map(String::as_str).collect();
        running.sort_by(|one, other| self.guess(other).total_cmp(&self.guess(one)));
        self.bar
            .set_message(format!("about {} left: {}", human(self.left()), running.join(", ")));
    }

    /// Seconds until everything that is running or waiting is done, were all cores busy.
    fn left(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let running = self
            .running
            .iter()
            .map(|(step, since)| (self.guess(step) - since.elapsed().as_secs_f64()).max(0.5));
        let waiting: f64 = self.waiting.iter().map(|step| self.guess(step)).sum();
        // A compiler step uses every core by itself, so two of them do not end sooner side by side.
        let compiling: f64 = self
            .waiting
            .iter()
            .filter(|step| crate::nix::kind(step) == Kind::Compile)
            .map(|step| self.guess(step))
            .sum();
        running.fold(0.0, f64::max) + compiling + (waiting - compiling) / cores as f64
    }

    fn guess(&self, step: &str) -> f64 {
        self.seconds.get(step).copied().unwrap_or_else(|| {
            GUESSES
                .iter()
                .find(|(start, _)| step.starts_with(start))
                .map_or(GUESS_OTHERWISE, |(_, seconds)| *seconds)
        })
    }
}

/// `45 s`, `3 min 20 s`.
pub(crate) fn human(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 60 {
        format!("{whole} s")
    } else {
        format!("{} min {} s", whole / 60, whole % 60)
    }
}
