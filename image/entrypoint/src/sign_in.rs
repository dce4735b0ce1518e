//! `box-entrypoint login`: Claude's own login, at the terminal of whoever started this, kept on the volume when it is whole.
//!
//! Claude logs in into a directory of its own (`.box/login` in `HOME`). What it leaves there is looked at, and takes the place of what the
//! configuration directory holds in one step: a login that is cancelled, that fails, or that dies with the machine changes nothing. The
//! login's account stands in Claude's other file; it goes first, since without a login it means nothing.

use crate::arguments::Arguments;
use crate::claude;
use crate::environment::Environment;
use crate::error::{Error, exit_code};
use crate::file;
use crate::login;
use crate::mode::Mode;
use crate::state::{self, MEMORY_FILE, Places};
use rustix::process::{Pid, Signal};
use serde_json::{Map, Value};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::{self, File, TryLockError};
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;

/// In `HOME`. What is in it is never read by anyone but us.
const DIRECTORY: &str = ".box/login";
const LOCK: &str = ".box/login.lock";
/// What Claude knows of the account, in its memory.
const ACCOUNT: &str = "oauthAccount";

/// Logs in; returns the exit code if it was not done because of a signal.
///
/// # Errors
///
/// When there is no terminal, the volume cannot be written, another login is under way, or Claude ends without a login.
pub fn run(arguments: &Arguments, mut environment: Environment) -> Result<u8, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::LoginWithoutTerminal { stream: "input" });
    }
    if !io::stdout().is_terminal() {
        return Err(Error::LoginWithoutTerminal { stream: "output" });
    }
    let places = Places::from_environment(&environment)?;
    let program = claude::find(environment.get("PATH"))?;
    state::prepare(&places)?;
    let attempt = Attempt::begin(&places.home)?;

    // Remote Control's environment: what keeps Claude quiet otherwise might keep it from asking who logs in.
    claude::prepare_environment(&mut environment, &Mode::RemoteControl, &places);
    environment.set("CLAUDE_CONFIG_DIR", &attempt.directory);
    let mut command = Command::new(&program);
    command
        .args(["auth", "login"])
        .args(&arguments.passed_on)
        .env_clear()
        .envs(environment.iter());
    // Before there is a child, so that no signal can end us and leave what it wrote behind.
    let signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).map_err(|source| Error::Waiting { source })?;
    let child = command
        .spawn()
        .map_err(|source| Error::ClaudeNotExecutable { path: program, source })?;
    let (status, signal) = wait(child, signals)?;

    if attempt.is_whole()? {
        attempt.keep(&places.config)?;
        println!(
            "box-entrypoint: logged in; the login is kept in {}",
            places.config.join(login::FILE).display()
        );
        return Ok(exit_code::DONE);
    }
    if let Some(signal) = signal.or_else(|| signal_of(status)) {
        eprintln!(
            "box-entrypoint: the login was cancelled (signal {signal}); what was in the volume before is unchanged"
        );
        return Ok(exit_code::of_signal(signal));
    }
    Err(Error::LoginNotDone {
        end: format!("exit code {}", status.code().unwrap_or_default()),
    })
}

/// Ctrl-C is a character for Claude, which reads keys one by one: it ends with the code that a shell would give.
fn signal_of(status: ExitStatus) -> Option<i32> {
    let code = status.code().filter(|code| (129..=192).contains(code));
    status.signal().or(code.map(|code| code - 128))
}

/// Waits for Claude's end, and tells the first signal that came meanwhile. Claude shares our process group, so that those of the terminal
/// reach it without us; one that was sent to us alone is sent on.
fn wait(mut child: Child, mut signals: Signals) -> Result<(ExitStatus, Option<i32>), Error> {
    let process = Pid::from_child(&child);
    let handle = signals.handle();
    let watcher = thread::spawn(move || {
        let mut first = None;
        for number in signals.forever() {
            first = first.or(Some(number));
            if number == SIGTERM || number == SIGHUP {
                let _ = rustix::process::kill_process(process, Signal::TERM);
            }
        }
        first
    });
    let status = child.wait().map_err(|source| Error::Waiting { source });
    handle.close();
    let signal = watcher.join().unwrap_or_default();
    Ok((status?, signal))
}

/// A login that is under way, and this box's alone on its volume.
struct Attempt {
    directory: PathBuf,
    /// Unlocked when it is closed; Claude does not inherit it.
    _lock: File,
}

impl Attempt {
    fn begin(home: &Path) -> Result<Self, Error> {
        let (directory, lock) = (home.join(DIRECTORY), home.join(LOCK));
        let cannot = |source| state::not_writable(&directory, source);
        file::make_directory(lock.parent().unwrap_or(home)).map_err(cannot)?;
        let file = File::create(&lock).map_err(|source| state::not_writable(&lock, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::LoginUnderWay { path: lock }),
            Err(TryLockError::Error(source)) => return Err(state::not_writable(&lock, source)),
        }
        // One that was killed, or whose machine stopped, left it behind.
        remove(&directory).map_err(cannot)?;
        file::make_directory(&directory).map_err(cannot)?;
        Ok(Self { directory, _lock: file })
    }

    /// Is there a login? One that is damaged is none: Claude was stopped while it wrote it.
    fn is_whole(&self) -> Result<bool, Error> {
        match login::read(&self.directory) {
            Ok(login) => Ok(login.is_some()),
            Err(Error::LoginDamaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, config: &Path) -> Result<(), Error> {
        let account = memory(&self.directory.join(MEMORY_FILE))?.remove(ACCOUNT);
        let path = config.join(MEMORY_FILE);
        let mut kept = memory(&path)?;
        match account {
            Some(account) => kept.insert(ACCOUNT.into(), account),
            None => kept.remove(ACCOUNT),
        };
        replace(&path, Value::Object(kept).to_string().as_bytes())?;
        let path = self.directory.join(login::FILE);
        let content = fs::read(&path).map_err(|source| state::not_writable(&path, source))?;
        replace(&config.join(login::FILE), &content)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next one.
        let _ = remove(&self.directory);
    }
}

/// What Claude remembers; nothing if that is not JSON, which [`state::prepare`] has seen to for the kept one.
fn memory(path: &Path) -> Result<Map<String, Value>, Error> {
    let content = file::read_if_there(path).map_err(|source| state::not_writable(path, source))?;
    Ok(content
        .and_then(|content| serde_json::from_slice(&content).ok())
        .unwrap_or_default())
}

fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    file::replace(path, content).map_err(|source| state::not_writable(path, source))
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what a login left that did not come to its end, unless one is under way.
pub fn tidy(home: &Path) {
    let directory = home.join(DIRECTORY);
    if directory.exists() {
        // Begun and ended again. A box that cannot be tidied up can still be used.
        let _ = Attempt::begin(home);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"new","refreshToken":"r"}}"#;

    fn home(kept: Option<&str>) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a directory can be made");
        let config = home.path().join(".claude");
        file::make_directory(&config).expect("a directory can be made");
        fs::write(config.join(MEMORY_FILE), r#"{"mine":1,"oauthAccount":"old"}"#).expect("a file can be written");
        if let Some(kept) = kept {
            fs::write(config.join(login::FILE), kept).expect("a file can be written");
        }
        home
    }

    fn files(home: &Path) -> (Option<String>, String) {
        let config = home.join(".claude");
        (
            fs::read_to_string(config.join(login::FILE)).ok(),
            fs::read_to_string(config.join(MEMORY_FILE)).expect("it is there"),
        )
    }

    #[test]
    fn a_whole_login_takes_the_place_of_the_old_one() {
        let home = home(Some("old"));
        let attempt = Attempt::begin(home.path()).expect("the home is writable");
        fs::write(attempt.directory.join(login::FILE), LOGIN).expect("a file can be written");
        fs::write(
            attempt.directory.join(MEMORY_FILE),
            r#"{"oauthAccount":"new","theirs":2}"#,
        )
        .expect("a file can be written");
        assert!(attempt.is_whole().expect("it can be read"));
        attempt.keep(&home.path().join(".claude")).expect("it can be written");
        drop(attempt);
        let memory = r#"{"mine":1,"oauthAccount":"new"}"#;
        assert_eq!(files(home.path()), (Some(LOGIN.to_owned()), memory.to_owned()));
        assert!(!home.path().join(DIRECTORY).exists());
    }

    #[test]
    fn half_a_login_is_none_and_leaves_nothing() {
        for half in [None, Some(""), Some(&LOGIN[..30]), Some("{}")] {
            let home = home(None);
            let before = files(home.path());
            let attempt = Attempt::begin(home.path()).expect("the home is writable");
            if let Some(half) = half {
                fs::write(attempt.directory.join(login::FILE), half).expect("a file can be written");
            }
            assert!(!attempt.is_whole().expect("it can be read"), "{half:?}");
            drop(attempt);
            assert_eq!(files(home.path()), before);
            assert!(!home.path().join(DIRECTORY).exists());
        }
    }

    #[test]
    fn a_cancelled_login_ends_like_its_signal() {
        for (raw, expected) in [(2, Some(2)), (130 << 8, Some(2)), (1 << 8, None), (0, None)] {
            assert_eq!(signal_of(ExitStatus::from_raw(raw)), expected);
        }
    }

    #[test]
    fn one_login_at_a_time_and_the_next_start_tidies_up() {
        let home = home(None);
        let attempt = Attempt::begin(home.path()).expect("the home is writable");
        let error = Attempt::begin(home.path()).err().expect("one login at a time");
        assert_eq!(error.exit_code(), 75, "{error}");
        tidy(home.path());
        assert!(attempt.directory.exists());
        // As if the process had been killed.
        let directory = attempt.directory.clone();
        drop(attempt);
        file::make_directory(&directory).expect("a directory can be made");
        tidy(home.path());
        assert!(!directory.exists());
    }
}
