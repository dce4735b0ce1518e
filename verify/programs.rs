//! Where the programs are that the harness and the command run: helm, kubectl, kind and the parts of a control plane.
//!
//! They are the project's own builds, so that a test does not depend on what a machine happens to have.

use std::env;
use std::path::{Path, PathBuf};

/// The variable that names their folder.
pub const VARIABLE: &str = "CBOX_PROGRAMS";

/// A program is not where it should be.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not in {}: `./cbox cluster programs` builds it there; or set {VARIABLE} to a folder that has it", .directory.display())]
pub struct ProgramError {
    /// The program.
    pub name: String,
    /// Where it was looked for.
    pub directory: PathBuf,
}

/// Their folder: what [`VARIABLE`] says, else `target/programs/bin` of the checkout that `CBOX_ROOT` names, else of the
/// one that this was compiled in.
#[must_use]
pub fn directory() -> PathBuf {
    if let Some(directory) = env::var_os(VARIABLE) {
        return PathBuf::from(directory);
    }
    let root = env::var_os("CBOX_ROOT").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&root).join("target/programs/bin")
}

/// The path of a program.
///
/// # Errors
///
/// When there is none; the sentence says what builds it.
pub fn find(name: &str) -> Result<PathBuf, ProgramError> {
    find_in(directory(), name)
}

fn find_in(directory: PathBuf, name: &str) -> Result<PathBuf, ProgramError> {
    let path = directory.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(ProgramError {
        name: name.to_owned(),
        directory,
    })
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_its_folder_or_the_way_to_it_is_said() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("helm"), "").expect("a file");
        let found = find_in(folder.path().to_owned(), "helm").expect("helm is there");
        assert_eq!(found, folder.path().join("helm"));
        let error = find_in(PathBuf::from("/programs"), "kind").expect_err("kind is not there");
        assert_eq!(
            error.to_string(),
            "kind is not in /programs: `./cbox cluster programs` builds it there; or set CBOX_PROGRAMS to a folder that has it"
        );
    }
}
