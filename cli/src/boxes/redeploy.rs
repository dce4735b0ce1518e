//! `cbox redeploy`: builds what changed, puts it where the box lives, rolls the box over, and says how long each step took.

use std::process::ExitCode;

use crate::boxes::arguments::Redeploy;
use crate::boxes::memory::Memory;
use crate::boxes::place::Place;
use crate::boxes::up;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::interrupt;
use crate::project::Project;

/// Makes the remembered box again, out of the project as it is now. Its credential and its volume are those it has.
pub(crate) fn command(project: &Project, options: &Redeploy) -> Result<ExitCode, Failure> {
    let memory = Memory::recall(project, &options.which.name)?;
    let credentials = match memory.place {
        Place::Docker => Credentials::find_kept(&memory.name),
        Place::Kind { .. } | Place::Context { .. } => None,
    };
    let done = interrupt::tidily(|| up::make(project, &memory, credentials))?;
    up::report(&done, options.json)
}
