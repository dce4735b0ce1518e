//! The probes that a pod or Docker runs in the box: cheap enough for every few seconds, and without a Claude of their own.
//!
//! | probe | is told by |
//! |---|---|
//! | live | the init's first child is there, and neither a zombie nor stopped |
//! | startup | it is prepared: the state is written and the credential was found |
//! | ready | live; a credential that is not known to be refused; a state directory with room |
//!
//! Whether the process is there is asked of /proc, which nobody in the box can write. Ready says what a new turn would meet; that the
//! network or the API works it does not say, because only a turn would tell.

use crate::credential::{self, Credential};
use crate::environment::Environment;
use crate::error::Error;
use crate::mode::Kind;
use crate::notes::Notes;
use crate::process::{self, Process};
use crate::state::{self, Places};
use std::path::Path;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Is there any point in going on?
    Live,
    /// Can a turn begin?
    Ready,
    /// Is the box prepared?
    Startup,
}

/// Answers with a sentence: `Ok` if healthy, `Err` if not.
///
/// # Errors
///
/// Why the box is not healthy, or why that cannot be told, which counts as the same.
pub fn check(probe: Probe, secrets: &Path, environment: &Environment) -> Result<String, String> {
    let processes = process::all().map_err(|error| format!("the processes in /proc cannot be read: {error}"))?;
    let main = process::main_child(&processes, process::is_in_our_group)?;
    let alive = is_alive(main)?;
    match probe {
        Probe::Live => Ok(alive),
        Probe::Startup => has_started(main, environment),
        Probe::Ready => is_ready(main, secrets, environment).map_err(|error| error.to_string()),
    }
}

fn is_alive(main: &Process) -> Result<String, String> {
    let Process { id, name, state, .. } = main;
    match state {
        'Z' | 'X' => Err(format!("{name} (process {id}) has ended")),
        'T' => Err(format!(
            "{name} (process {id}) is stopped; kill -CONT {id} lets it go on"
        )),
        _ => Ok(format!("{name} runs (process {id})")),
    }
}

fn has_started(main: &Process, environment: &Environment) -> Result<String, String> {
    let places = Places::from_environment(environment).map_err(|error| error.to_string())?;
    if Notes::of(&places.home).has_started(main) {
        Ok("the box is prepared".into())
    } else {
        Err("the box is still preparing itself".into())
    }
}

fn is_ready(main: &Process, secrets: &Path, environment: &Environment) -> Result<String, Error> {
    let places = Places::from_environment(environment)?;
    state::require_room(&places)?;
    let credential = match Kind::from_environment(environment)? {
        // A shell needs none.
        Kind::Shell => return Ok("a shell can be used".into()),
        Kind::RemoteControl => credential::find_login(secrets, environment, &places.config)?,
        Kind::Headless | Kind::Interactive => credential::find(secrets, environment, &places.config)?,
    };
    let notes = Notes::of(&places.home);
    // What Claude was given counts, even if the file has changed since; unless it reads the file itself.
    let given = match credential {
        Credential::ApiKey(_) | Credential::OauthToken(_) => notes.credential_of(main),
        Credential::AuthTokenFile(_) | Credential::Login(_) | Credential::Cloud { .. } => None,
    };
    if notes.is_refused(&given.unwrap_or_else(|| credential.fingerprint())) {
        return Err(Error::CredentialRefused {
            name: credential.name(),
        });
    }
    Ok(format!("a turn can begin, with {}", credential.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case('S', Ok("claude runs (process 7)"))]
    #[case('R', Ok("claude runs (process 7)"))]
    #[case('Z', Err("claude (process 7) has ended"))]
    #[case('T', Err("claude (process 7) is stopped; kill -CONT 7 lets it go on"))]
    fn alive(#[case] state: char, #[case] expected: Result<&str, &str>) {
        let main = Process {
            id: 7,
            parent: 1,
            name: "claude".into(),
            state,
            started_ticks: 1,
        };
        assert_eq!(is_alive(&main), expected.map(str::to_owned).map_err(str::to_owned));
    }
}
