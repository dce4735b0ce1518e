//! `cbox bench init`: our init beside Debian's tini, tini-static, dumb-init and catatonit, in one run.
//!
//! Method. The inits are the flake's own and those of this machine's Debian packages, unpacked into the cache. Each measurement is made
//! of one init after the other, round by round, so that what else the machine does meets all of them. What a number would be without an
//! init is measured in the same way, and is the row `floor`. Root is needed: for PID namespaces, and to look at inits that hide.
//!
//! - *bytes*: of the program's file; ours for each architecture, the others' without the libraries that they load.
//! - *start*: `INIT -- /bin/true` from spawn to end, less the fastest `/bin/true` by itself; smallest and median of the runs. A process
//!   of the same program is spawned in the same way each time. Floor: `/bin/true` itself, median less minimum.
//! - *calls*: system calls between the `execve` of the init and that of the program, of parent and child, as strace sees them.
//! - *resident*, *private*: `Rss` and `Private_Dirty` of `smaps_rollup`, while the program sleeps, with the environment empty. Floor: a
//!   static program of one page that only pauses.
//! - *wake-ups*: voluntary context switches in ten seconds, while the program sleeps.
//! - *backlog*: as process 1 of a PID namespace, stopped while ten thousand orphans end; from SIGCONT until none is left. Floor: a
//!   process 1 that does nothing but wait for the next one.
//! - *forward*: the same with twenty thousand. From one millisecond after SIGCONT on a SIGUSR1 is sent, and the next one when the program
//!   has said that it has it, as long as there are zombies: so an init that reaps all of them first is asked once a round. All rounds'
//!   times together: how many, median, 99th percentile and largest. Floor: the signals go to the program itself.
//! - *end*: from SIGKILL for the last process that lives until the init has ended: the program for the others, which end with it, and
//!   something that outlived the program for ours. Median and 99th percentile of a tenth as many runs as there are starts. Floor: until
//!   that process itself has ended.
//! - *soak*: with `--soak SECONDS` ours alone adopts orphans for so long; its resident set at each tenth of the time.

mod end;
mod floor;
mod idle;
mod peers;
mod running;
mod soak;
mod start;
mod storm;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use catalogue::Architecture;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::nix;
use crate::prefill;
use crate::project::Project;

pub(super) use floor::reap;

/// What stands in for an init in the row of what is possible.
const FLOOR: &str = "floor";
const OURS: &str = "box-init";

/// One program that is measured.
struct Init {
    name: &'static str,
    path: PathBuf,
}

/// What is known of one init.
#[derive(Debug, Default, serde::Serialize)]
struct Findings {
    bytes: BTreeMap<&'static str, u64>,
    start_us_minimum: f64,
    start_us_median: f64,
    calls: Option<usize>,
    resident_kb: u64,
    private_kb: u64,
    wake_ups: u64,
    backlog_ms_minimum: f64,
    forward_count: usize,
    forward_ms_median: f64,
    forward_ms_p99: f64,
    forward_ms_maximum: f64,
    end_ms_median: f64,
    end_ms_p99: f64,
}

type Found = BTreeMap<&'static str, Findings>;

/// Measures and prints a table.
pub(crate) fn command(project: &Project, options: &arguments::BenchInit) -> Result<ExitCode, Failure> {
    if !is_root() {
        return Err(Failure::new(
            Code::Usage,
            "bench init needs root: it makes PID namespaces, and looks at inits that hide their memory".to_owned(),
        ));
    }
    prefill::missing(project, false)?;
    let outputs = Architecture::ALL.map(|architecture| format!("init-{architecture}"));
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let built = nix::build(project, &outputs, "the init")?;
    let ours: Vec<PathBuf> = built.paths.iter().map(|path| path.join("bin/box-init")).collect();
    let native = Architecture::ALL
        .iter()
        .zip(&ours)
        .find(|(architecture, _)| **architecture == Architecture::Amd64)
        .map(|(_, path)| path.clone())
        .unwrap_or_default();
    if let Some(seconds) = options.soak {
        return soak::soak(&native, Duration::from_secs(seconds));
    }
    let mut inits = vec![Init {
        name: OURS,
        path: native,
    }];
    inits.extend(peers::unpacked(project)?);

    let mut found = Found::new();
    for (architecture, path) in Architecture::ALL.iter().zip(&ours) {
        found
            .entry(OURS)
            .or_default()
            .bytes
            .insert(architecture.debian(), size(path)?);
    }
    for init in inits.iter().skip(1) {
        let bytes = &mut found.entry(init.name).or_default().bytes;
        bytes.insert(Architecture::Amd64.debian(), size(&init.path)?);
    }
    idle::measure(&inits, &mut found)?;
    start::measure(&inits, options.runs, &mut found)?;
    end::measure(&inits, options.runs.div_ceil(10), &mut found)?;
    storm::measure(&inits, options.rounds, &mut found)?;

    if options.json {
        println!("{}", serde_json::json!(found));
    } else {
        print(&inits, &found);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether this process may do what it takes.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn print(inits: &[Init], found: &Found) {
    println!(
        "{:<12} {:>7} {:>16} {:>5} {:>14} {:>4} {:>9} {:>28} {:>15}",
        "", "bytes", "start us", "calls", "resident kB", "wake", "backlog", "forward ms", "end ms"
    );
    println!(
        "{:<12} {:>7} {:>16} {:>5} {:>14} {:>4} {:>9} {:>28} {:>15}",
        "", "", "min / med", "", "(private)", "-ups", "ms", "n: med / p99 / max", "med / p99"
    );
    for name in inits.iter().map(|init| init.name).chain([FLOOR]) {
        let Some(it) = found.get(name) else { continue };
        let optional = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        println!(
            "{name:<12} {:>7} {:>16} {:>5} {:>14} {:>4} {:>9.1} {:>28} {:>15}",
            optional(it.bytes.get(Architecture::Amd64.debian()).copied()),
            format!("{:.0} / {:.0}", it.start_us_minimum, it.start_us_median),
            optional(it.calls.map(|calls| calls as u64)),
            format!("{} ({})", it.resident_kb, it.private_kb),
            it.wake_ups,
            it.backlog_ms_minimum,
            format!(
                "{}: {:.2} / {:.2} / {:.2}",
                it.forward_count, it.forward_ms_median, it.forward_ms_p99, it.forward_ms_maximum
            ),
            format!("{:.2} / {:.2}", it.end_ms_median, it.end_ms_p99),
        );
    }
    if let Some(ours) = found.get(OURS) {
        let sizes: Vec<String> = ours.bytes.iter().map(|(name, size)| format!("{name} {size}")).collect();
        println!("\n{OURS}'s bytes: {}", sizes.join(", "));
        println!("As parts of the others' (of the same run):");
        for name in inits.iter().skip(1).map(|init| init.name).chain([FLOOR]) {
            let Some(it) = found.get(name) else { continue };
            let part = |ours: f64, theirs: f64| {
                if theirs > 0.0 {
                    format!("{:.2}", ours / theirs)
                } else {
                    "-".to_owned()
                }
            };
            let amd64 = |it: &Findings| it.bytes.get(Architecture::Amd64.debian()).copied().unwrap_or_default() as f64;
            println!(
                "  {name:<12} bytes {}, start {}, resident {}, backlog {}, forward (median) {}, end {}",
                part(amd64(ours), amd64(it)),
                part(ours.start_us_minimum, it.start_us_minimum),
                part(ours.resident_kb as f64, it.resident_kb as f64),
                part(ours.backlog_ms_minimum, it.backlog_ms_minimum),
                part(ours.forward_ms_median, it.forward_ms_median),
                part(ours.end_ms_median, it.end_ms_median),
            );
        }
    }
}

fn size(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).map_err(|error| cannot_read(path, &error))?.len())
}

/// The one of some measured times below which a part of them is, from 0 to 1.
fn quantile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let index = (times.len() as f64 * part).ceil() as usize;
    times.get(index.saturating_sub(1)).copied().unwrap_or_default()
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_times() {
        let mut times: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            [0.0, 0.5, 0.99, 1.0].map(|part| quantile(&mut times, part)),
            [1.0, 100.0, 198.0, 200.0]
        );
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
