//! The programs that the harness and the clusters run, built by the flake and gathered in one folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::failure::{Code, Failure};
use crate::nix;
use crate::prefill;
use crate::project::Project;

/// The flake's outputs whose `bin` is gathered. Of two programs of one name, the first output's counts.
const OUTPUTS: [&str; 3] = ["go-kubernetes-amd64", "kind", "control-plane"];

/// Where they are gathered, below the project's folder; the harness looks there too.
const FOLDER: &str = "target/programs/bin";

/// Builds them and returns the folder that holds them all.
///
/// A folder that `CBOX_PROGRAMS` names is somebody else's: it is taken as it is.
pub(crate) fn build(project: &Project) -> Result<PathBuf, Failure> {
    if std::env::var_os(verify::programs::VARIABLE).is_some() {
        return Ok(verify::programs::directory());
    }
    prefill::missing(project, true)?;
    let built = nix::build(project, &OUTPUTS, "the clusters' programs")?;
    let folder = project.root.join(FOLDER);
    gather(&built.paths, &folder)?;
    Ok(folder)
}

/// Makes the folder hold a link to each program of these outputs, and nothing else. Links are put into place whole, so that
/// whoever runs a program meanwhile finds it.
fn gather(outputs: &[PathBuf], folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Code::CannotCreate,
            format!("cannot gather programs in {}: {error}", folder.display()),
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut wanted = std::collections::BTreeMap::new();
    for output in outputs {
        for entry in fs::read_dir(output.join("bin")).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            wanted.entry(entry.file_name()).or_insert_with(|| entry.path());
        }
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !wanted.contains_key(&entry.file_name()) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    for (name, target) in wanted {
        let link = folder.join(name);
        if fs::read_link(&link).is_ok_and(|current| current == target) {
            continue;
        }
        let new = folder.join(format!(".new-{}", std::process::id()));
        symlink(&target, &new).map_err(failed)?;
        fs::rename(&new, &link).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_the_current_programs_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let output = |name: &str, programs: &[&str]| {
            let bin = folder.path().join(name).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for program in programs {
                fs::write(bin.join(program), name).unwrap();
            }
            folder.path().join(name)
        };
        let target = folder.path().join("programs");
        let found = || {
            let mut found: Vec<_> = fs::read_dir(&target)
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    let text = fs::read_to_string(&path).unwrap();
                    (path.file_name().unwrap().to_string_lossy().into_owned(), text)
                })
                .collect();
            found.sort();
            found
        };
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        gather(
            &[output("old", &["helm", "gone"]), output("more", &["helm", "kind"])],
            &target,
        )
        .unwrap();
        assert_eq!(
            found(),
            [pair("gone", "old"), pair("helm", "old"), pair("kind", "more")]
        );
        gather(&[output("new", &["helm"])], &target).unwrap();
        assert_eq!(found(), [pair("helm", "new")]);
    }
}
