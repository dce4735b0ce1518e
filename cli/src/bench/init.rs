//! `cbox bench init`: our init beside Debian's tini, tini-static, dumb-init and catatonit, in one run.
//!
//! Method. The inits are the flake's own and those of this machine's Debian packages, unpacked into the cache. Each measurement is made
//! of one init after the other, round by round, so that what else the machine does meets all of them.
//!
//! - *start*: `INIT -- /bin/true` from spawn to end, less the fastest `/bin/true` by itself; smallest and median of the runs, in
//!   microseconds. A process of the same program is spawned in the same way each time.
//! - *calls*: system calls up to the `execve` of the program, of parent and child, as strace counts them; the first `execve`, which
//!   starts the init itself, does not count.
//! - *resident*, *private*: `Rss` and `Private_Dirty` of `smaps_rollup`, while the program sleeps.
//! - *wake-ups*: voluntary context switches in ten seconds, while the program sleeps.
//! - *backlog*: as process 1 of a PID namespace, stopped while its program leaves it a thousand orphans that end; from SIGCONT until none
//!   is left, in milliseconds.
//! - *forward*: the same with twenty thousand, and a SIGUSR1 one millisecond after SIGCONT: until the program has said that it has it;
//!   median and largest of the rounds, in milliseconds.
//! - *soak*: with `--soak SECONDS` ours alone adopts orphans for so long; its resident set at each tenth of the time.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::nix;
use crate::prefill;
use crate::process;
use crate::project::Project;

const PACKAGES: [&str; 3] = ["tini", "dumb-init", "catatonit"];
const WAKE_UP_SECONDS: u64 = 10;
const BACKLOG: u32 = 1_000;
const STORM: u32 = 20_000;

/// What is known of one init.
#[derive(Debug, Default, serde::Serialize)]
struct Findings {
    bytes: u64,
    start_us_minimum: f64,
    start_us_median: f64,
    calls: Option<usize>,
    resident_kb: u64,
    private_kb: u64,
    wake_ups: u64,
    backlog_ms_minimum: f64,
    forward_ms_median: f64,
    forward_ms_maximum: f64,
}

/// Measures and prints a table.
pub(crate) fn command(project: &Project, options: &arguments::BenchInit) -> Result<ExitCode, Failure> {
    prefill::missing(project, false)?;
    let built = nix::build(project, &["init-amd64"], "the init")?;
    let ours = built
        .paths
        .first()
        .map(|path| path.join("bin/box-init"))
        .unwrap_or_default();
    if let Some(seconds) = options.soak {
        return soak(&ours, Duration::from_secs(seconds));
    }
    let peers = peers(project)?;
    let inits: Vec<(String, PathBuf)> = std::iter::once(("box-init".to_owned(), ours)).chain(peers).collect();
    let mut found: BTreeMap<String, Findings> = BTreeMap::new();
    for (name, path) in &inits {
        let size = fs::metadata(path).map_err(|error| cannot_read(path, &error))?.len();
        let findings = found.entry(name.clone()).or_default();
        findings.bytes = size;
        findings.calls = calls(path);
        idle(path, findings)?;
    }
    starts(&inits, options.runs, &mut found)?;
    storms(&inits, options.rounds, &mut found)?;
    if options.json {
        println!("{}", serde_json::json!(found));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<12} {:>8} {:>10} {:>10} {:>6} {:>9} {:>8} {:>9} {:>11} {:>14} {:>14}",
        "",
        "bytes",
        "start min",
        "start med",
        "calls",
        "resident",
        "private",
        "wake-ups",
        "backlog",
        "forward med",
        "forward max"
    );
    for (name, _) in &inits {
        let Some(it) = found.get(name) else { continue };
        println!(
            "{name:<12} {:>8} {:>7.0} us {:>7.0} us {:>6} {:>6} kB {:>5} kB {:>9} {:>8.1} ms {:>11.2} ms {:>11.2} ms",
            it.bytes,
            it.start_us_minimum,
            it.start_us_median,
            it.calls.map_or("-".to_owned(), |calls| calls.to_string()),
            it.resident_kb,
            it.private_kb,
            it.wake_ups,
            it.backlog_ms_minimum,
            it.forward_ms_median,
            it.forward_ms_maximum
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Debian's packages, unpacked.
fn peers(project: &Project) -> Result<Vec<(String, PathBuf)>, Failure> {
    let folder = project.cache.join("inits");
    let programs = folder.join("usr/bin");
    let names = ["tini", "tini-static", "dumb-init", "catatonit"];
    if !names.iter().all(|name| programs.join(name).exists()) {
        fs::create_dir_all(&folder).map_err(|error| cannot_read(&folder, &error))?;
        process::read(
            Command::new("apt-get")
                .args(["--quiet=2", "download"])
                .args(PACKAGES)
                .current_dir(&folder),
        )?;
        let entries = fs::read_dir(&folder).map_err(|error| cannot_read(&folder, &error))?;
        for entry in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if entry.extension().is_some_and(|extension| extension == "deb") {
                process::read(Command::new("dpkg-deb").arg("--extract").arg(&entry).arg(&folder))?;
            }
        }
    }
    Ok(names.map(|name| (name.to_owned(), programs.join(name))).into())
}

fn starts(inits: &[(String, PathBuf)], runs: u32, found: &mut BTreeMap<String, Findings>) -> Result<(), Failure> {
    let mut direct = f64::MAX;
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..runs {
        direct = direct.min(microseconds(&mut Command::new("/bin/true"))?);
        for (name, path) in inits {
            let took = microseconds(Command::new(path).args(["--", "/bin/true"]))?;
            times.entry(name).or_default().push(took);
        }
    }
    for (name, mut taken) in times {
        taken.sort_by(f64::total_cmp);
        let findings = found.entry(name.to_owned()).or_default();
        findings.start_us_minimum = taken.first().copied().unwrap_or_default() - direct;
        findings.start_us_median = taken.get(taken.len() / 2).copied().unwrap_or_default() - direct;
    }
    Ok(())
}

/// A whole process, which may say what it likes.
fn microseconds(command: &mut Command) -> Result<f64, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command
        .status()
        .map_err(|error| process::not_started(command, &error))?;
    let took = started.elapsed().as_secs_f64() * 1e6;
    if status.success() {
        Ok(took)
    } else {
        Err(Failure::new(Code::Failed, format!("{command:?} ended with {status}")))
    }
}

/// Nothing where there is no strace.
fn calls(init: &Path) -> Option<usize> {
    let output = Command::new("strace")
        .args(["-f", "-qq"])
        .arg(init)
        .args(["--", "/bin/true"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let is_call = |line: &&str| {
        line.contains('(') && !line.contains("+++") && !line.contains("--- SIG") && !line.contains("resumed>")
    };
    let lines: Vec<&str> = text.lines().filter(is_call).collect();
    let program = lines.iter().position(|line| line.contains("execve(\"/bin/true\""))?;
    Some(program.saturating_sub(1))
}

fn idle(init: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let mut running = Running::start(Command::new(init).args(["--", "sleep", "1000"]))?;
    let id = running.child.id();
    // It is idle when it has not been awake for a while.
    let mut before = switches(id)?;
    loop {
        thread::sleep(Duration::from_millis(300));
        let now = switches(id)?;
        if now == before {
            break;
        }
        before = now;
    }
    let before = switches(id)?;
    thread::sleep(Duration::from_secs(WAKE_UP_SECONDS));
    findings.wake_ups = switches(id)? - before;
    findings.resident_kb = rollup(id, "Rss:")?;
    findings.private_kb = rollup(id, "Private_Dirty:")?;
    running.end();
    Ok(())
}

fn switches(id: u32) -> Result<u64, Failure> {
    number(&PathBuf::from(format!("/proc/{id}/status")), "voluntary_ctxt_switches:")
}

fn rollup(id: u32, name: &str) -> Result<u64, Failure> {
    number(&PathBuf::from(format!("/proc/{id}/smaps_rollup")), name)
}

fn number(path: &Path, name: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string(path).map_err(|error| cannot_read(path, &error))?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.ok_or_else(|| Failure::new(Code::Software, format!("{} has no {name}", path.display())))
}

/// A program that leaves its init so many orphans, says so, and says when it hears of SIGUSR1.
const STORM_MAKER: &str = r#"
trap 'echo heard' USR1
echo ready
read -r line
i=0
while [ $i -lt "$1" ]; do (: &); i=$((i + 1)); done
echo done
while :; do read -r line || exit 0; done
"#;

fn storms(inits: &[(String, PathBuf)], rounds: u32, found: &mut BTreeMap<String, Findings>) -> Result<(), Failure> {
    let mut backlogs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut forwards: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for (name, path) in inits {
            backlogs.entry(name).or_default().push(storm(path, BACKLOG, false)?);
            forwards.entry(name).or_default().push(storm(path, STORM, true)?);
        }
    }
    for (name, mut times) in backlogs {
        times.sort_by(f64::total_cmp);
        found.entry(name.to_owned()).or_default().backlog_ms_minimum = times.first().copied().unwrap_or_default();
    }
    for (name, mut times) in forwards {
        times.sort_by(f64::total_cmp);
        let findings = found.entry(name.to_owned()).or_default();
        findings.forward_ms_median = times.get(times.len() / 2).copied().unwrap_or_default();
        findings.forward_ms_maximum = times.last().copied().unwrap_or_default();
    }
    Ok(())
}

/// Milliseconds until the backlog is gone, or until a signal has arrived through it.
fn storm(init: &Path, size: u32, forwards: bool) -> Result<f64, Failure> {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]).arg(init);
    command.args(["--", "sh", "-c", STORM_MAKER, "sh", &size.to_string()]);
    let mut running = Running::start(command.stdin(Stdio::piped()))?;
    running.line("ready")?;
    let first = children(running.child.id())?.first().copied().unwrap_or_default();
    signal(first, "STOP")?;
    if let Some(stdin) = &mut running.child.stdin {
        use std::io::Write;
        stdin
            .write_all(b"go\n")
            .map_err(|error| Failure::new(Code::Software, format!("the program does not listen: {error}")))?;
    }
    running.line("done")?;
    let started = Instant::now();
    signal(first, "CONT")?;
    if forwards {
        thread::sleep(Duration::from_millis(1));
        let sent = Instant::now();
        signal(first, "USR1")?;
        running.line("heard")?;
        let took = sent.elapsed();
        running.end();
        return Ok(took.as_secs_f64() * 1e3);
    }
    while children(first)?.len() > 1 {
        thread::sleep(Duration::from_micros(100));
    }
    let took = started.elapsed();
    running.end();
    Ok(took.as_secs_f64() * 1e3)
}

fn children(id: u32) -> Result<Vec<u32>, Failure> {
    let path = PathBuf::from(format!("/proc/{id}/task/{id}/children"));
    let text = fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))?;
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

fn signal(id: u32, name: &str) -> Result<(), Failure> {
    process::read(Command::new("/bin/kill").args([format!("-{name}"), id.to_string()])).map(drop)
}

fn soak(init: &Path, time: Duration) -> Result<ExitCode, Failure> {
    const TENTHS: u32 = 10;
    let script = "while :; do (sleep 0.01 &); (: &); done";
    let mut running = Running::start(Command::new(init).args(["--", "sh", "-c", script]))?;
    let mut sizes = Vec::new();
    for _ in 0..=TENTHS {
        sizes.push(rollup(running.child.id(), "Rss:")?);
        println!("{} kB", sizes.last().copied().unwrap_or_default());
        thread::sleep(time / TENTHS);
    }
    running.end();
    // The first is from before everything was touched once.
    let is_constant = sizes.iter().skip(1).all(|size| Some(size) == sizes.get(1));
    println!(
        "the resident set is {}",
        if is_constant { "constant" } else { "not constant" }
    );
    Ok(if is_constant {
        ExitCode::SUCCESS
    } else {
        Code::Failed.into()
    })
}

/// A process that does not outlive its measurement.
struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| process::not_started(command, &error))?;
        let stdout = child.stdout.take().map(BufReader::new);
        Ok(Self { child, stdout })
    }

    fn line(&mut self, expected: &str) -> Result<(), Failure> {
        let mut line = String::new();
        while let Some(stdout) = &mut self.stdout {
            line.clear();
            let size = stdout.read_line(&mut line);
            if line.trim_end() == expected {
                return Ok(());
            }
            if !size.is_ok_and(|size| size > 0) {
                break;
            }
        }
        Err(Failure::new(
            Code::Failed,
            format!("a measured program ended before it said '{expected}'"),
        ))
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        let _ = signal(self.child.id(), "TERM");
        thread::sleep(Duration::from_millis(50));
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut stdout) = self.stdout.take() {
            let _ = stdout.read_to_end(&mut Vec::new());
        }
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display()))
}
