//! `cbox bench agent`: what the box costs beside Claude itself, in one run.
//!
//! Method: two boxes of the core image on one internal network with a scripted model that answers at once. One is as people run it. In
//! the other an empty directory hides the image's settings, and Claude is started as it comes (`claude --print`, its key in the
//! environment, and only what keeps it from asking other hosts); both have a tmpfs for their home. Each measurement is a whole process from
//! start to end, timed by the shell in the box (`EPOCHREALTIME`, whose reading starts no process), so that Docker's part is not in it. The
//! two of a ratio take turns (A B A B …) after one of each that is not counted. Of each the smallest, the median and the largest are
//! told; on a busy machine the smallest says most.
//!
//! - *headless turn, box* and *bare*: one prompt, one answer, no tool;
//! - *start to exec*: the entrypoint in interactive mode, with a stand-in for Claude that ends at once, beside that stand-in alone: what
//!   is between the two is the time until the entrypoint becomes Claude. Without a cluster: with one, the start also waits for
//!   `kubectl version`, two seconds at most, to tell Claude the cluster's version;
//! - *probes*: the processor time, user and system, of a hundred of each (the shell's `times`, which is getrusage(2) of its children),
//!   divided by a hundred.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use serde_json::json;
use tempfile::TempDir;
use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use super::Measurement;
use crate::arguments;
use crate::build;
use crate::credentials::Credentials;
use crate::demo;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::project::Project;

const SCRIPT: &str = "verify/messages-api/scripts/answer.toml";
const KEY: &str = "sk-ant-api03-scripted-bench-key-000000000000000";
const PROBES: [&str; 3] = ["live", "ready", "startup"];
const PROBE_COUNT: u32 = 100;

/// Runs a command in the box and prints how many microseconds it took; fails as the command does, with what it said.
const TIMED: &str = r#"
begin=${EPOCHREALTIME/./}
"$@" </dev/null >/tmp/said 2>&1 || { code=$?; cat /tmp/said >&2; exit $code; }
end=${EPOCHREALTIME/./}
echo $((end - begin))
"#;

/// A name that no run had before is one that is done.
const HEADLESS: &str =
    "CLAUDE_MODE=headless CLAUDE_PROMPT='What is 40 + 2?' CLAUDE_RUN_ID=bench-$EPOCHREALTIME box-entrypoint";
const BARE: &str = "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 ANTHROPIC_API_KEY=$(</run/secrets/anthropic/api-key) \
                    claude --print --output-format=json 'What is 40 + 2?'";
/// Arguments of Claude's, so that no terminal is wanted.
const BECOMES: &str = "CLAUDE_MODE=interactive PATH=/tmp/stand-in:$PATH box-entrypoint -- --version";
const STAND_IN: &str = "/tmp/stand-in/claude --version";

/// Measures and prints a table.
pub(super) fn command(project: &Project, options: &arguments::Measure) -> Result<ExitCode, Failure> {
    interrupt::tidily(|| measure(project, options))
}

fn measure(project: &Project, options: &arguments::Measure) -> Result<ExitCode, Failure> {
    let image = build::load(project, "core", "amd64")?;
    let model_image = build::load_model(project)?;
    docker::sweep()?;
    let network = Network::create("bench")?;
    demo::start_model(&network, &project.root.join(SCRIPT), &model_image)?;
    let credentials = Credentials::of("api-key", KEY.as_bytes())?;
    let nothing = tempfile::tempdir().map_err(cannot_create)?;
    // The box's user has to see that there is nothing.
    fs::set_permissions(nothing.path(), fs::Permissions::from_mode(0o755)).map_err(cannot_create)?;
    let boxed = Boxed::start(&image, &network, &credentials, None)?;
    let bare = Boxed::start(&image, &network, &credentials, Some(&nothing))?;
    boxed.run(
        "mkdir --parents /tmp/stand-in /home/claude/.claude && ln --symbolic /usr/bin/true /tmp/stand-in/claude",
    )?;

    // First: a run that is started in a box like this one takes the place of the box's own start in its notes.
    let mut probes = serde_json::Map::new();
    for probe in PROBES {
        probes.insert(probe.to_owned(), boxed.probe_cpu_milliseconds(probe)?.into());
    }
    let (turn_boxed, turn_bare) = in_turn(options.runs, || boxed.timed(HEADLESS), || bare.timed(BARE))?;
    let (becomes, stand_in) = in_turn(options.runs, || boxed.timed(BECOMES), || boxed.timed(STAND_IN))?;
    let measurements = [
        Measurement::of("headless turn, box", turn_boxed),
        Measurement::of("headless turn, bare claude --print", turn_bare),
        Measurement::of("entrypoint until it has become a stand-in for Claude", becomes),
        Measurement::of("the stand-in alone", stand_in),
    ];
    let ratio = |of: fn(&Measurement) -> f64| of(&measurements[0]) / of(&measurements[1]);
    let until_exec = |of: fn(&Measurement) -> f64| of(&measurements[2]) - of(&measurements[3]);
    let minimum = |it: &Measurement| it.minimum;
    let median = |it: &Measurement| it.median;
    if options.json {
        println!(
            "{}",
            json!({
                "milliseconds": measurements,
                "box_to_bare": { "minimum": ratio(minimum), "median": ratio(median) },
                "start_to_exec_milliseconds": { "minimum": until_exec(minimum), "median": until_exec(median) },
                "probe_cpu_milliseconds": probes,
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<54} {:>8} {:>8} {:>8}  milliseconds, {} runs",
        "", "min", "median", "max", options.runs
    );
    for it in &measurements {
        println!(
            "{:<54} {:>8.1} {:>8.1} {:>8.1}",
            it.name, it.minimum, it.median, it.maximum
        );
    }
    println!(
        "a turn in the box takes {:.2} of a bare one's time (minima), {:.2} (medians)",
        ratio(minimum),
        ratio(median)
    );
    println!(
        "from the entrypoint's start to the exec of Claude: {:.1} ms (minima), {:.1} ms (medians)",
        until_exec(minimum),
        until_exec(median)
    );
    for (probe, cpu) in &probes {
        println!("health {probe}: {cpu} ms of processor time");
    }
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds of both, one after the other, so that what else the machine does meets both alike.
fn in_turn(
    runs: u32,
    mut first: impl FnMut() -> Result<f64, Failure>,
    mut second: impl FnMut() -> Result<f64, Failure>,
) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    first()?;
    second()?;
    let mut measured = (Vec::new(), Vec::new());
    for _ in 0..runs {
        measured.0.push(first()?);
        measured.1.push(second()?);
    }
    Ok(measured)
}

/// A box that waits, removed when dropped.
struct Boxed {
    id: String,
}

impl Boxed {
    /// `hides` is what stands in the place of the image's settings for Claude.
    fn start(
        image: &str,
        network: &Network,
        credentials: &Credentials,
        hides: Option<&TempDir>,
    ) -> Result<Self, Failure> {
        let container = Container {
            image: image.to_owned(),
            network: Some(network.name.clone()),
            labels: vec![(OWNER.to_owned(), docker::owner())],
            environment: vec![
                ("ANTHROPIC_BASE_URL".to_owned(), "http://model:8080".to_owned()),
                ("CLAUDE_MODE".to_owned(), "shell".to_owned()),
            ],
            credentials: Some(credentials.directory()),
            ..Container::default()
        };
        let mut arguments = container.arguments();
        arguments.insert(1, "--detach".to_owned());
        if let Some(directory) = hides {
            let mount = format!(
                "type=bind,source={},target=/etc/claude-code,readonly",
                directory.path().display()
            );
            arguments.insert(1, format!("--mount={mount}"));
        }
        let id = docker::docker(arguments)?;
        Ok(Self { id })
    }

    fn exec(&self, words: &[&str]) -> Result<String, Failure> {
        Ok(docker::docker(
            [&["exec", self.id.as_str(), "bash", "-c"], words].concat(),
        )?)
    }

    fn run(&self, script: &str) -> Result<String, Failure> {
        self.exec(&[script])
    }

    /// Milliseconds that a line of the shell's takes.
    fn timed(&self, line: &str) -> Result<f64, Failure> {
        let said = self.run(&format!("timed() {{ {TIMED} }}; run() {{ {line}; }}; timed run"))?;
        let microseconds: f64 = said.parse().map_err(|_| no_number(line, &said))?;
        Ok(microseconds / 1000.0)
    }

    fn probe_cpu_milliseconds(&self, probe: &str) -> Result<f64, Failure> {
        let script = format!(
            "for ((i = 0; i < {PROBE_COUNT}; i++)); do CLAUDE_MODE=headless box-entrypoint health {probe} || exit; done >/dev/null; times"
        );
        let said = self.run(&script)?;
        // The second line is the children's: user and system time, each as 0m0.123s.
        let times = said.lines().nth(1).unwrap_or_default();
        let mut sum = 0.0;
        for time in times.split_whitespace() {
            let (minutes, seconds) = time
                .trim_end_matches('s')
                .split_once('m')
                .ok_or_else(|| no_number(&script, &said))?;
            let number = |text: &str| text.parse::<f64>().map_err(|_| no_number(&script, &said));
            sum += number(minutes)? * 60.0 + number(seconds)?;
        }
        if sum <= 0.0 {
            return Err(no_number(&script, &said));
        }
        Ok(sum * 1000.0 / f64::from(PROBE_COUNT))
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        // What cannot be removed now is swept up by the next run.
        let _ = docker::docker(["rm", "--force", &self.id]);
    }
}

fn no_number(script: &str, said: &str) -> Failure {
    Failure::new(
        Code::Software,
        format!("{script:?} in the box printed {said:?}, and no time"),
    )
}

fn cannot_create(error: std::io::Error) -> Failure {
    Failure::new(
        Code::CannotCreate,
        format!("cannot create a temporary directory: {error}"),
    )
}
