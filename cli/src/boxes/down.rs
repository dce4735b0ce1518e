//! `cbox down`: takes a box down. Its volume stays unless it is to go as well.

use std::process::ExitCode;

use crate::boxes::arguments::Down;
use crate::boxes::attach::kubernetes;
use crate::boxes::container;
use crate::boxes::memory::Memory;
use crate::boxes::place::Place;
use crate::boxes::release::Release;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::project::Project;

/// Takes the box down and forgets it.
pub(crate) fn command(project: &Project, options: &Down) -> Result<ExitCode, Failure> {
    let memory = Memory::recall(project, &options.which.name)?;
    let name = &memory.name;
    if memory.place == Place::Docker {
        container::remove(name)?;
        Credentials::forget_kept(name)?;
        if options.volume {
            container::remove_volume(name)?;
        }
    } else if let Some(cluster) = kubernetes(project, &memory)? {
        let release = Release {
            project,
            cluster: &cluster,
            name,
            wishes: &memory.wishes,
            image: String::new(),
            is_loaded: false,
        };
        release.remove()?;
        release.forget_credential()?;
        if options.volume {
            release.remove_volume()?;
        }
    }
    memory.forget(project)?;
    println!(
        "the box '{name}' is down{}",
        if options.volume {
            ", and its volume is gone"
        } else {
            "; its volume is kept"
        }
    );
    Ok(ExitCode::SUCCESS)
}
