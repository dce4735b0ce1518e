//! A login that Claude keeps itself: `.credentials.json` in its configuration directory. Looked at before Claude starts, so that one that
//! is damaged, or that nobody can renew, is told by name.
//!
//! The file is Claude's own and undocumented; measured with 2.1.329: `{"claudeAiOauth": {"accessToken", "refreshToken", "expiresAt" (Unix
//! time in milliseconds), "scopes", "subscriptionType"}}`. It may hold logins to MCP servers beside that, or alone.

use crate::error::Error;
use crate::file;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The file's name.
pub const FILE: &str = ".credentials.json";

/// What can be told of a login without asking anyone.
#[derive(Debug, PartialEq, Eq)]
pub struct Login {
    /// The file.
    pub path: PathBuf,
    /// When the access token ends, if that is written there.
    pub expires: Option<SystemTime>,
    /// Claude can get another access token.
    pub is_renewable: bool,
}

/// The login in a configuration directory, if there is one.
///
/// # Errors
///
/// When the file cannot be read, or is none of Claude's.
pub fn read(config: &Path) -> Result<Option<Login>, Error> {
    let path = config.join(FILE);
    match file::read_if_there(&path) {
        Ok(None) => Ok(None),
        Ok(Some(content)) => parse(path, &content),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(Error::CredentialIsDirectory { path }),
        Err(source) => Err(Error::CredentialUnreadable {
            path,
            source,
            user: rustix::process::getuid().as_raw(),
            group: rustix::process::getgid().as_raw(),
        }),
    }
}

fn parse(path: PathBuf, content: &[u8]) -> Result<Option<Login>, Error> {
    let Ok(Value::Object(file)) = serde_json::from_slice(content) else {
        return Err(Error::LoginDamaged { path });
    };
    let Some(login) = file.get("claudeAiOauth") else {
        return Ok(None);
    };
    let is_there = |name: &str| login[name].as_str().is_some_and(|token| !token.is_empty());
    if !is_there("accessToken") {
        return Err(Error::LoginDamaged { path });
    }
    Ok(Some(Login {
        path,
        expires: login["expiresAt"]
            .as_u64()
            .map(|milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds)),
        is_renewable: is_there("refreshToken"),
    }))
}

impl Login {
    /// One that is over and cannot be renewed is of no use.
    ///
    /// # Errors
    ///
    /// When it is so, by this machine's clock.
    pub fn require_valid(self, now: SystemTime) -> Result<Self, Error> {
        match self.expires.map(|expires| now.duration_since(expires)) {
            Some(Ok(since)) if !self.is_renewable => Err(Error::LoginExpired {
                path: self.path,
                since: rough(since),
            }),
            _ => Ok(self),
        }
    }

    /// How long it lasts, for people.
    pub fn words(&self, now: SystemTime) -> String {
        let renewal = if self.is_renewable { ", renewed by Claude" } else { "" };
        match self.expires.map(|expires| expires.duration_since(now)) {
            None => String::new(),
            Some(Ok(left)) => format!(" (expires in {}{renewal})", rough(left)),
            Some(Err(error)) => format!(" (expired {} ago{renewal})", rough(error.duration())),
        }
    }
}

/// One number and a unit.
fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(NOW_MS)
    }

    fn look(content: &str) -> Result<Option<String>, Error> {
        let login = parse("/login".into(), content.as_bytes())?;
        login
            .map(|login| Ok(login.require_valid(now())?.words(now())))
            .transpose()
    }

    /// What the file holds, and what is said of it.
    #[rstest]
    #[case(
        r#"{"claudeAiOauth":{"accessToken":"a","refreshToken":"r","expiresAt":1800003600000}}"#,
        Some(" (expires in 60 min, renewed by Claude)")
    )]
    #[case(
        r#"{"claudeAiOauth":{"accessToken":"a","refreshToken":"r","expiresAt":1799000000000}}"#,
        Some(" (expired 11 days ago, renewed by Claude)")
    )]
    #[case(
        r#"{"claudeAiOauth":{"accessToken":"a","expiresAt":1800000090000}}"#,
        Some(" (expires in 90 s)")
    )]
    #[case(r#"{"claudeAiOauth":{"accessToken":"a"}}"#, Some(""))]
    #[case(r#"{"mcpOAuth":{}}"#, None)]
    #[case("{}", None)]
    fn logins(#[case] content: &str, #[case] expected: Option<&str>) {
        assert_eq!(look(content).expect("it is a file of Claude's").as_deref(), expected);
    }

    #[rstest]
    #[case(
        "",
        65,
        "/login is no login of Claude's (half-written, perhaps); remove it, and log in again with \"box-entrypoint login\""
    )]
    #[case(
        r#"{"claudeAiOauth":{"acc"#,
        65,
        "/login is no login of Claude's (half-written, perhaps); remove it, and log in again with \"box-entrypoint login\""
    )]
    #[case(
        r#"{"claudeAiOauth":{"accessToken":""}}"#,
        65,
        "/login is no login of Claude's (half-written, perhaps); remove it, and log in again with \"box-entrypoint login\""
    )]
    #[case(
        r#"{"claudeAiOauth":{"accessToken":"a","expiresAt":1799990000000}}"#,
        77,
        "the login /login expired 2 h ago by this machine's clock and cannot be renewed; log in again with \"box-entrypoint login\", or set the clock"
    )]
    fn refusal(#[case] content: &str, #[case] exit_code: u8, #[case] sentence: &str) {
        let error = look(content).expect_err("it is of no use");
        assert_eq!((error.to_string().as_str(), error.exit_code()), (sentence, exit_code));
    }
}
