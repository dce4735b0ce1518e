//! `cbox bench cluster`: how long clusters, and boxes in them, take to be ready.
//!
//! Method: all inputs are in the store and the node image is in Docker. Each measurement is a whole process of this command
//! from start to end, told by the system's clock; those of a round follow each other in this order, and the median over the
//! rounds is reported with the smallest and the largest. The clusters are the benchmark's own and end with it; taking one
//! down is not counted. The load average is that of the whole machine, before each round.
//!
//! - *one worker*, *two workers*: `cluster up --workers N`, where there was no cluster, with the trial of a NetworkPolicy;
//!   *until Ready* are the steps of it that end with every node, Calico, DNS and storage ready;
//! - *a box*: `up --on kind` in the cluster with two workers: the first one brings the image to the nodes, *another box* finds
//!   it there;
//! - *redeploy*: of that box with nothing changed; out of a copy of the checkout with another *file* of the image's; out of
//!   one with other code in the *program* that is ours (`box-entrypoint`), which is compiled anew. The checkout itself is not
//!   touched;
//! - *the control plane alone*: its three processes from their start until the API answers and the namespace `default` has its
//!   service account (`benches/control_plane.rs`, which is built before).

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde::Serialize;
use serde_json::Value;

use super::{Measurement, cannot_copy, copied, nonce, seconds};
use crate::arguments;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::process;
use crate::project::Project;

/// The names of what is measured, and how long each may take (seconds), where that is promised.
const NAMES: [(&str, Option<f64>); 10] = [
    ("one worker", None),
    ("one worker, until Ready", Some(45.0)),
    ("two workers", None),
    ("two workers, until Ready", Some(75.0)),
    ("a box, its image not on the nodes yet", Some(45.0)),
    ("another box", None),
    ("redeploy, nothing changed", None),
    ("redeploy, a file changed", Some(30.0)),
    ("redeploy, a program changed", Some(30.0)),
    ("the control plane alone", Some(8.0)),
];

/// The step of a cluster's making that ends with everything ready.
const READY: &str = "nodes, Calico, CoreDNS and storage are ready";

/// A round's seconds, in the order of [`NAMES`].
type Round = [f64; NAMES.len()];

/// Measures and prints a table.
pub(super) fn command(project: &Project, options: &arguments::Measure) -> Result<ExitCode, Failure> {
    let bench = Bench {
        name: format!("cbox-bench-{}", std::process::id()),
        owner: verify::docker::owner(),
    };
    let mut rounds = Vec::new();
    let mut loads = Vec::new();
    for number in 0..options.runs {
        eprintln!("cbox: round {} of {}", number + 1, options.runs);
        loads.push(load_average()?);
        // Whatever breaks off a round, its cluster goes; a killed one's is swept up by the next `cluster up`.
        let round = interrupt::tidily(|| bench.round(project));
        let removed = bench.cbox(&["cluster", "down", "--name", &bench.name]).and_then(must);
        rounds.push(round?);
        removed?;
    }
    let measured: Vec<Measured> = NAMES
        .iter()
        .enumerate()
        .map(|(index, (name, target))| Measured {
            measurement: Measurement::of(name, rounds.iter().map(|round| round[index]).collect()),
            target: *target,
        })
        .collect();
    if options.json {
        println!("{}", serde_json::json!({ "seconds": measured, "load_averages": loads }));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<40} {:>8} {:>8} {:>8} {:>8}  seconds, {} runs; load {loads:?}",
        "", "min", "median", "max", "target", options.runs
    );
    for Measured {
        measurement: it,
        target,
    } in &measured
    {
        let target = target.map_or_else(|| "-".to_owned(), |target| format!("{target:.0}"));
        println!(
            "{:<40} {:>8.1} {:>8.1} {:>8.1} {target:>8}",
            it.name, it.minimum, it.median, it.maximum
        );
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Serialize)]
struct Measured {
    #[serde(flatten)]
    measurement: Measurement,
    target: Option<f64>,
}

/// One benchmark: a cluster's and a box's name.
struct Bench {
    name: String,
    /// The process that the clusters end with.
    owner: String,
}

impl Bench {
    fn round(&self, project: &Project) -> Result<Round, Failure> {
        let (one, one_ready) = self.cluster("1")?;
        must(self.cbox(&["cluster", "down", "--name", &self.name])?)?;
        let (two, two_ready) = self.cluster("2")?;

        let first = self.up("first")?;
        let another = self.up("box")?;
        let nothing = seconds(&mut self.redeploy(&project.root)?)?;
        let file = copied(project, |copy| {
            let path = copy.join("image/rootfs/etc/box-bench");
            fs::write(&path, nonce()).map_err(|error| cannot_copy(&path, &error))
        })?;
        let file = self.changed(file.path())?;
        let program = copied(project, another_program)?;
        let program = self.changed(program.path())?;
        for name in ["first", "box"] {
            must(self.cbox(&["down", "--volume", "--name", &self.box_name(name)])?)?;
        }
        let alone = control_plane(project)?;
        Ok([
            one, one_ready, two, two_ready, first, another, nothing, file, program, alone,
        ])
    }

    /// Makes the cluster; the seconds of the whole and of its way to Ready.
    fn cluster(&self, workers: &str) -> Result<(f64, f64), Failure> {
        let started = std::time::Instant::now();
        let words = ["cluster", "up", "--json", "--name", &self.name, "--workers", workers];
        let mut command = self.cbox(&words)?;
        command.args(["--owner", &self.owner]);
        let said = process::read(&mut command)?;
        let whole = started.elapsed().as_secs_f64();
        let said: Value = serde_json::from_str(&said).map_err(|error| {
            Failure::new(
                Code::Software,
                format!("cannot read what `cluster up` printed: {error}"),
            )
        })?;
        let mut until_ready = 0.0;
        for step in said["steps"].as_array().into_iter().flatten() {
            until_ready += step["seconds"].as_f64().unwrap_or_default();
            if step["what"] == READY {
                return Ok((whole, until_ready));
            }
        }
        Err(Failure::new(
            Code::Software,
            format!("`cluster up` says nothing of '{READY}': {said}"),
        ))
    }

    fn up(&self, name: &str) -> Result<f64, Failure> {
        let name = self.box_name(name);
        seconds(&mut self.cbox(&[
            "up",
            "--on=kind",
            "--mode=shell",
            "--cluster",
            &self.name,
            "--name",
            &name,
        ])?)
    }

    /// A redeployment that must have made another pod: what was to be measured is a change.
    fn changed(&self, root: &Path) -> Result<f64, Failure> {
        let image = || -> Result<String, Failure> {
            let said = process::read(&mut self.cbox(&["status", "--json", "--name", &self.box_name("box")])?)?;
            let said: Value = serde_json::from_str(&said)
                .map_err(|error| Failure::new(Code::Software, format!("cannot read what `status` printed: {error}")))?;
            Ok(said["image"].as_str().unwrap_or_default().to_owned())
        };
        let before = image()?;
        let took = seconds(&mut self.redeploy(root)?)?;
        if image()? == before {
            return Err(Failure::new(
                Code::Software,
                format!("a change was to be measured, and the box runs {before} as before"),
            ));
        }
        Ok(took)
    }

    fn redeploy(&self, root: &Path) -> Result<Command, Failure> {
        let mut command = self.cbox(&["redeploy", "--name", &self.box_name("box")])?;
        command.env("CBOX_ROOT", root);
        Ok(command)
    }

    /// This very command, once more.
    fn cbox(&self, words: &[&str]) -> Result<Command, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(Code::Software, format!("cannot find this program: {error}")))?;
        let mut command = Command::new(program);
        command.args(words);
        Ok(command)
    }

    fn box_name(&self, name: &str) -> String {
        format!("bench-{}-{name}", std::process::id())
    }
}

fn must(mut command: Command) -> Result<(), Failure> {
    process::read(&mut command).map(drop)
}

/// Other code in a program of ours that does the same: another word that nobody says.
fn another_program(copy: &Path) -> Result<(), Failure> {
    let path = copy.join("image/entrypoint/src/main.rs");
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
    const START: &str = "fn main() -> ExitCode {\n";
    let other = format!(
        "{START}    if std::env::args_os().any(|word| word == {:?}) {{\n        return ExitCode::FAILURE;\n    }}\n",
        nonce()
    );
    let changed = text.replacen(START, &other, 1);
    if changed == text {
        return Err(Failure::new(
            Code::Software,
            format!("{} has no '{}' to change", path.display(), START.trim()),
        ));
    }
    fs::write(&path, changed).map_err(|error| cannot_copy(&path, &error))
}

/// The seconds that the control plane alone takes, as the harness measures them: this command is built without it.
fn control_plane(project: &Project) -> Result<f64, Failure> {
    let mut command = Command::new("cargo");
    command
        .current_dir(&project.root)
        .args(["bench", "--quiet", "--locked", "--profile=dev", "--bench=control_plane"]);
    let said = process::read(&mut command)?;
    said.lines()
        .find_map(|line| line.strip_prefix("seconds ")?.parse().ok())
        .ok_or_else(|| {
            Failure::new(
                Code::Software,
                format!("the control plane's benchmark says no seconds: {said}"),
            )
        })
}

/// proc(5)'s `loadavg`: how many processes wanted a processor, in the last minute.
fn load_average() -> Result<String, Failure> {
    let text = fs::read_to_string("/proc/loadavg")
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read /proc/loadavg: {error}")))?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}
