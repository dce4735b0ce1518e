//! `cbox test`: everything that must hold, the same for developers and CI.

mod failures;

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use catalogue::Architecture;

use crate::arguments;
use crate::bench;
use crate::build;
use crate::cluster;
use crate::failure::{Code, Failure};
use crate::gate::failures::Failures;
use crate::interrupt;
use crate::lock;
use crate::nix;
use crate::prefill;
use crate::process;
use crate::programs;
use crate::progress::human;
use crate::project::Project;
use crate::suites;

/// `cargo deny` is installed at this version when it is missing.
const CARGO_DENY: &str = "0.20.2";

/// What a step counts, and what it says of what failed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) failures: Vec<String>,
}

impl Count {
    const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
        failures: Vec::new(),
    };
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
        failures: Vec::new(),
    };

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }
}

pub(crate) type Step = (&'static str, fn(&Project) -> Result<Count, Failure>);

/// The cheap ones first, so that a slip is seen at once.
pub(crate) const STEPS: [Step; 14] = [
    ("locks agree with tools.toml", locks),
    ("Rust is formatted", |project| {
        cargo(project, &["fmt", "--all", "--check"])
    }),
    ("dependencies are allowed (cargo deny)", deny),
    ("clippy finds nothing", |project| {
        cargo(
            project,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--quiet",
                "--",
                "--deny=warnings",
            ],
        )
    }),
    ("crates' tests", |project| {
        cargo(
            project,
            &[
                "test",
                "--workspace",
                "--locked",
                "--no-fail-fast",
                "--exclude=claude-in-a-box",
            ],
        )
    }),
    ("the harness's own tests", |project| {
        cargo(
            project,
            &[
                "test",
                "--package=claude-in-a-box",
                "--locked",
                "--no-fail-fast",
                "--lib",
            ],
        )
    }),
    ("the harness's examples", |project| {
        cargo(project, &["test", "--package=claude-in-a-box", "--locked", "--doc"])
    }),
    ("images are built and loaded", images),
    ("nix flake check", flake),
    ("other inits' suites", suites::run),
    ("the clusters' programs are built", |project| {
        programs::build(project)?;
        Ok(Count::PASSED)
    }),
    ("a cluster is up", |project| {
        interrupt::tidily(|| cluster::ensure_for_tests(project))?;
        Ok(Count::PASSED)
    }),
    ("the image does what it promises", |project| {
        cargo(
            project,
            &["test", "--locked", "--test=integration", "--", "--test-threads=4"],
        )
    }),
    ("the benchmark runs", |project| {
        let measure = || arguments::Measure { runs: 1, json: true };
        let init = arguments::BenchInit {
            runs: 10,
            rounds: 1,
            soak: None,
            json: true,
        };
        let mut whats = vec![None, Some(arguments::BenchWhat::Agent(measure()))];
        let mut count = Count::PASSED;
        if bench::is_root() {
            whats.push(Some(arguments::BenchWhat::Init(init)));
        } else {
            println!("test bench init ... ignored, it needs root, for PID namespaces");
            count.skipped += 1;
        }
        for what in whats {
            let measure = measure();
            bench::command(project, &arguments::Bench { what, measure })?;
        }
        Ok(count)
    }),
];

/// Runs every step, whatever an earlier one found, and ends with one line of counts.
pub(crate) fn command(project: &Project, options: &arguments::Test) -> Result<ExitCode, Failure> {
    let filter = options.filter.as_deref().unwrap_or_default();
    let mut total = Count::default();
    for (name, step) in STEPS.iter().filter(|(name, _)| name.contains(filter)) {
        let started = Instant::now();
        eprintln!("cbox: {name} ...");
        let mut count = step(project).unwrap_or_else(|failure| {
            eprintln!("cbox: {failure}");
            Count {
                failures: vec![failure.to_string()],
                ..Count::FAILED
            }
        });
        let verdict = if count.failed == 0 { "ok" } else { "FAILED" };
        eprintln!("cbox: {name}: {verdict} in {}", human(started.elapsed().as_secs_f64()));
        if count.failed > 0 {
            count.failures.insert(0, format!("cbox: what failed in '{name}':"));
        }
        total.add(count);
    }
    if total == Count::default() {
        return Err(Failure::new(
            Code::Usage,
            format!("no step's name holds '{filter}': ./cbox test without a word runs all of them"),
        ));
    }
    for line in &total.failures {
        eprintln!("{line}");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        total.passed, total.failed, total.skipped
    );
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        Code::Failed.into()
    })
}

fn locks(project: &Project) -> Result<Count, Failure> {
    lock::must_agree(project)?;
    Ok(Count::PASSED)
}

fn deny(project: &Project) -> Result<Count, Failure> {
    let tools = project.cache.join("tools").join(format!("cargo-deny-{CARGO_DENY}"));
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        eprintln!("cbox: installing cargo-deny {CARGO_DENY} (once, some minutes)");
        let mut install = Command::new("cargo");
        install
            .args(["install", "--quiet", "--locked", "--version", CARGO_DENY, "--root"])
            .arg(&tools)
            .arg("cargo-deny");
        process::read(&mut install)?;
    }
    // Advisories come from a server that not every machine reaches; what the lock itself says is checked everywhere.
    let mut check = Command::new(program);
    check
        .current_dir(&project.root)
        .args(["--all-features", "--locked", "check", "bans", "licenses", "sources"]);
    status(&mut check)
}

fn flake(project: &Project) -> Result<Count, Failure> {
    let mut check = nix::nix();
    check.args(["flake", "check", "--print-build-logs"]).arg(&project.root);
    status(&mut check)
}

fn images(project: &Project) -> Result<Count, Failure> {
    prefill::missing(project, false)?;
    nix::build(project, &build::LAYOUTS, "the images")?;
    verify::docker::sweep()?;
    for architecture in Architecture::ALL {
        // Most tests want the small one; every tool's probe is tried in the one that holds all.
        build::load(project, "core", architecture.debian())?;
        build::load(project, "full", architecture.debian())?;
    }
    build::load_model(project)?;
    Ok(Count::PASSED)
}

/// Runs cargo; a run of tests counts its tests, anything else counts once.
fn cargo(project: &Project, arguments: &[&str]) -> Result<Count, Failure> {
    let mut command = Command::new("cargo");
    command
        .current_dir(&project.root)
        .args(arguments)
        .env("INSTA_UPDATE", "no");
    if arguments.first() != Some(&"test") {
        return status(&mut command);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| process::not_started(&command, &error))?;
    let broken = |error: std::io::Error| Failure::new(Code::Software, format!("cannot read what cargo says: {error}"));
    let mut count = Count::default();
    let mut failures = Failures::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(broken)?).into_owned();
            println!("{line}");
            failures.read(&line);
            if let Some(counted) = summary(&line) {
                count.add(counted);
            }
        }
    }
    let status = child.wait().map_err(broken)?;
    if !status.success() && count.failed == 0 {
        // The tests were not even built.
        count.add(Count::FAILED);
    }
    count.failures = failures.told();
    if status.success() && count == Count::default() {
        return Err(Failure::new(
            Code::Failed,
            format!(
                "`cargo {}` ran no test: a check that checks nothing is a failure",
                arguments.join(" ")
            ),
        ));
    }
    Ok(count)
}

/// Runs a command whose own output is the report.
fn status(command: &mut Command) -> Result<Count, Failure> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| process::not_started(command, &error))?;
    Ok(if status.success() { Count::PASSED } else { Count::FAILED })
}

/// The counts of libtest's closing line: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
fn summary(line: &str) -> Option<Count> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |word: &str| -> Option<u64> {
        rest.split(['.', ';'])
            .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
    };
    Some(Count {
        passed: number("passed")?,
        failed: number("failed")?,
        skipped: number("ignored")?,
        failures: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_test_run_is_counted() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(
            summary(line),
            Some(Count {
                passed: 3,
                failed: 2,
                skipped: 1,
                failures: Vec::new(),
            })
        );
        assert_eq!(summary("test tests::one ... ok"), None);
    }
}
