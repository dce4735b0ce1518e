//! The inits that ours is measured beside: Debian's packages, unpacked into the cache.

use std::fs;
use std::process::Command;

use super::{Init, cannot_read};
use crate::failure::Failure;
use crate::process;
use crate::project::Project;

const PACKAGES: [&str; 3] = ["tini", "dumb-init", "catatonit"];
const PROGRAMS: [&str; 4] = ["tini", "tini-static", "dumb-init", "catatonit"];

/// Fetches what is not there yet.
pub(super) fn unpacked(project: &Project) -> Result<Vec<Init>, Failure> {
    let folder = project.cache.join("inits");
    let programs = folder.join("usr/bin");
    if !PROGRAMS.iter().all(|name| programs.join(name).exists()) {
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
    let inits = PROGRAMS.map(|name| Init {
        name,
        path: programs.join(name),
    });
    Ok(inits.into())
}
