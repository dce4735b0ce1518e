//! The suites of other inits, unchanged, with our init in their place: tini's inner tests and the smoke part of its CI, each also as
//! tini is without options, and dumb-init's.
//!
//! Each runs alone in a PID namespace of its own, under a shell as process 1, so that what it leaves behind goes with it. The other
//! architectures' inits run tini's smoke tests and dumb-init's suite under QEMU; what they start are this machine's programs.

mod world;

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use catalogue::Architecture;

use crate::failure::Failure;
use crate::gate::Count;
use crate::nix;
use crate::prefill;
use crate::process;
use crate::project::Project;
use world::World;

/// dumb-init's cases. With another number something was not tried.
const DUMB_INIT_CASES: u64 = 182;

/// How the names of four cases begin, and no other's. These send each signal to the init. What they show is shown natively, and
/// for all but two signals by the others.
const EMULATORS_SIGNALS: &str = "tests/proxies_signals_test.py::test_proxies_signals[";
const EMULATORS_SIGNALS_CASES: u64 = 4;

/// A suite that takes longer hangs. Together they take a minute on a machine with nothing else to do.
const SECONDS_MAX: &str = "1200";

/// dumb-init's own time-outs of 5 s are too short for a machine that is busy.
const CASE_SECONDS_MAX: &str = "--timeout=300";

/// The part of tini's CI that tries what was built, from its comment to the end of its loop.
const SMOKE: &str = r#"
set -o errexit -o nounset -o pipefail
BIN_TEST_DIR=$BUILD_DIR/bin-test
mkdir -p "$BIN_TEST_DIR"
export PATH="$BIN_TEST_DIR:$PATH"
# The script of that package asks for what a C compiler leaves in a program (fortified functions, stack protectors).
hardening-check() { echo "hardening-check is not run: $*"; }
eval "$(sed -n '/# Smoke tests/,/^  done$/p' "$SOURCE_DIR/ci/run_build.sh")"
"#;

/// Runs them all, one at a time.
pub(crate) fn run(project: &Project) -> Result<Count, Failure> {
    prefill::missing(project, false)?;
    let outputs = Architecture::ALL.map(|architecture| format!("init-{architecture}"));
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let built = nix::build(project, &outputs, "the init")?;
    let world = World::prepare(project)?;
    let mut count = Count::default();
    for (architecture, output) in Architecture::ALL.into_iter().zip(&built.paths) {
        let init = output.join("bin/box-init");
        let is_emulated = architecture != Architecture::Amd64;
        let whole = world.names(&init, architecture.debian(), false)?;
        let minimal = world.names(&init, architecture.debian(), true)?;
        for (names, minimal) in [(&whole, ""), (&minimal, "1")] {
            let kind = if minimal.is_empty() { "" } else { " without options" };
            let title = format!("tini's tests{kind} on {architecture}");
            if is_emulated {
                println!(
                    "test {title} ... ignored, QEMU's user mode refuses PR_SET_CHILD_SUBREAPER, which all of them ask for"
                );
                count.skipped += 1;
            } else {
                count.add(repeated(|| tini(&world, names, minimal, &title))?);
            }
            let title = format!("tini's smoke tests{kind} on {architecture}");
            count.add(smoke(&world, names, minimal, &title)?);
        }
        let title = format!("dumb-init's tests on {architecture}");
        count.add(repeated(|| dumb_init(&world, &whole, is_emulated, &title))?);
    }
    Ok(count)
}

/// Both suites sleep where they could wait: on a machine that is busy tini's sends a signal before its own program is ready for it,
/// and dumb-init's gives a pipeline a second and a half to start. So a suite counts when it passes as a whole in one of three runs;
/// each run that does not is printed.
fn repeated(suite: impl Fn() -> Result<Count, Failure>) -> Result<Count, Failure> {
    const RUNS_MAX: usize = 3;
    let mut count = suite()?;
    for _ in 1..RUNS_MAX {
        if count.failed == 0 {
            break;
        }
        count = suite()?;
    }
    Ok(count)
}

fn tini(world: &World, names: &Path, minimal: &str, title: &str) -> Result<Count, Failure> {
    let mut suite = alone("python3", world, names);
    suite.arg(world.tini().join("test/run_inner_tests.py"));
    tini_environment(&mut suite, world, names, minimal);
    suite.env("FORCE_SUBREAPER", "1");
    let said = say(world, &mut suite, title)?;
    verdict(title, said, |text| {
        text.contains("All done, tests as expected").then_some(1)
    })
}

fn smoke(world: &World, names: &Path, minimal: &str, title: &str) -> Result<Count, Failure> {
    let mut suite = alone("bash", world, names);
    suite.args(["-c", SMOKE]).env("CC", "cc");
    tini_environment(&mut suite, world, names, minimal);
    let said = say(world, &mut suite, title)?;
    // Its last word, of the second of two programs.
    verdict(title, said, |text| {
        (text.matches("hardening-check is not run").count() == 2).then_some(1)
    })
}

fn tini_environment(suite: &mut Command, world: &World, names: &Path, minimal: &str) {
    suite
        .env("SOURCE_DIR", world.tini())
        .env("BUILD_DIR", names)
        .env("PYTHONPATH", world.shims())
        .env("MINIMAL", minimal);
}

fn dumb_init(world: &World, names: &Path, is_emulated: bool, title: &str) -> Result<Count, Failure> {
    let mut suite = alone("python3", world, names);
    suite
        .args(["-m", "pytest", "-p", "no:cacheprovider", CASE_SECONDS_MAX, "tests"])
        .current_dir(world.dumb_init());
    let mut cases = DUMB_INIT_CASES;
    if is_emulated {
        suite.arg(format!("--deselect={EMULATORS_SIGNALS}"));
        println!("test {EMULATORS_SIGNALS}] ... ignored, QEMU's user mode keeps SIGBUS and SIGSEGV for itself");
        cases -= EMULATORS_SIGNALS_CASES;
    }
    let said = say(world, &mut suite, title)?;
    let mut count = verdict(title, said, |text| passed(text).filter(|passed| *passed == cases))?;
    count.skipped = DUMB_INIT_CASES - cases;
    Ok(count)
}

/// The number before `passed` in pytest's last line, if it names nothing else.
fn passed(text: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.contains(" passed"))?;
    let words: Vec<&str> = line.trim_matches(['=', ' ']).split(' ').collect();
    match words.as_slice() {
        [number, "passed", "in", ..] | [number, "passed,", _, "deselected", "in", ..] => number.parse().ok(),
        _ => None,
    }
}

/// A program in a PID namespace in which nobody else is, with the names of other inits first in its path.
fn alone(program: &str, world: &World, names: &Path) -> Command {
    let mut command = Command::new("unshare");
    // Whoever is not root may be it in a user namespace.
    if !fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
        .args(["sh", "-c", "\"$@\"; exit $?", "sh"])
        .args(["timeout", "--kill-after=10", SECONDS_MAX, program])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = [names.to_owned(), world.python()];
    if let Ok(path) = std::env::join_paths(places.into_iter().chain(std::env::split_paths(&path))) {
        command.env("PATH", path);
    }
    command
}

/// What a suite said, if it ended well.
struct Said {
    is_success: bool,
    text: String,
}

fn say(world: &World, command: &mut Command, title: &str) -> Result<Said, Failure> {
    let path = world.log(title);
    let failed = |error: std::io::Error| world::cannot("write", &path, &error);
    let log = File::create(&path).map_err(failed)?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log);
    let status = command
        .status()
        .map_err(|error| process::not_started(command, &error))?;
    let text = fs::read(&path).map_err(failed)?;
    Ok(Said {
        is_success: status.success(),
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

/// Its own exit status, and its own words about what it tried.
fn verdict(title: &str, said: Said, cases: impl Fn(&str) -> Option<u64>) -> Result<Count, Failure> {
    match cases(&said.text).filter(|_| said.is_success) {
        Some(passed) => {
            println!("test {title} ... ok ({passed})");
            Ok(Count {
                passed,
                ..Count::default()
            })
        }
        None => {
            println!("{}\ntest {title} ... FAILED", said.text);
            Ok(Count {
                failures: vec![format!("{title}: its words are above")],
                ..Count::FAILED
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytests_last_line_counts_only_if_everything_passed() {
        let line = |text: &str| passed(&format!("tests/cli_test.py ....\n{text}\n"));
        assert_eq!(line("===== 182 passed in 20.63s ====="), Some(182));
        assert_eq!(line("182 passed in 92.10s (0:01:32)"), Some(182));
        assert_eq!(line("= 178 passed, 4 deselected in 20.63s ="), Some(178));
        assert_eq!(line("== 12 failed, 170 passed in 91.14s (0:01:31) =="), None);
        assert_eq!(line("== 181 passed, 1 skipped in 20.63s =="), None);
        assert_eq!(passed("no tests ran in 0.01s"), None);
    }
}
