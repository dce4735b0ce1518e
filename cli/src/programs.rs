//! The programs that the harness and the clusters run, built by the flake and gathered in one folder.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::failure::{Code, Failure};
use crate::nix;
use crate::prefill;
use crate::project::Project;

/// The flake's output with what a box in a cluster is made by.
const KUBECTL_AND_HELM: &str = "go-kubernetes-amd64";

/// The flake's outputs whose `bin` is gathered. Of two programs of one name, the first output's counts.
const OUTPUTS: [&str; 3] = [KUBECTL_AND_HELM, "kind", "control-plane"];

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

/// The folder as it is when `program` is in it, else it is built: whoever only looks at something is not to wait for Nix
/// each time, and still finds the program in a fresh checkout.
pub(crate) fn with(project: &Project, program: &str) -> Result<PathBuf, Failure> {
    let folder = verify::programs::directory();
    if folder.join(program).is_file() {
        return Ok(folder);
    }
    build(project)
}

/// A folder that holds kubectl and helm: the one above if they are there, so that nobody waits for Nix each time. Whoever
/// has no test cluster does not build one's programs.
pub(crate) fn for_boxes(project: &Project) -> Result<PathBuf, Failure> {
    let folder = verify::programs::directory();
    if ["kubectl", "helm"].iter().all(|program| folder.join(program).is_file()) {
        return Ok(folder);
    }
    let built = nix::build(project, &[KUBECTL_AND_HELM], "kubectl and helm")?;
    Ok(built.paths.first().cloned().unwrap_or_default().join("bin"))
}

/// Makes the folder hold a link to each program of these outputs, and nothing else but its own dot-files. Links are put into
/// place whole, so that whoever runs a program meanwhile finds it; of several processes that gather, one does at a time.
fn gather(outputs: &[PathBuf], folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Code::CannotCreate,
            format!("cannot gather programs in {}: {error}", folder.display()),
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    // It goes with the file's being closed, be it by the end of a killed process.
    let lock = File::create(folder.join(".lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut wanted = std::collections::BTreeMap::new();
    for output in outputs {
        for entry in fs::read_dir(output.join("bin")).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            wanted.entry(entry.file_name()).or_insert_with(|| entry.path());
        }
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_own = entry.file_name() == ".lock";
        if !is_own && !wanted.contains_key(&entry.file_name()) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    for (name, target) in wanted {
        let link = folder.join(name);
        if fs::read_link(&link).is_ok_and(|current| current == target) {
            continue;
        }
        let new = folder.join(".new");
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
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.file_name().is_some_and(|name| name != ".lock"))
                .map(|path| {
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
    #[test]
    fn several_may_gather_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = ["one", "two"].map(|name| {
            let bin = folder.path().join(name).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for program in ["helm", "kind", name] {
                fs::write(bin.join(program), name).unwrap();
            }
            [folder.path().join(name)]
        });
        let target = folder.path().join("programs");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (outputs, target) = (&outputs, &target);
                scope.spawn(move || {
                    for round in 0..50 {
                        gather(&outputs[(number + round) % 2], target).unwrap();
                    }
                });
            }
        });
        gather(&outputs[0], &target).unwrap();
        for program in ["helm", "kind", "one"] {
            assert_eq!(fs::read_to_string(target.join(program)).unwrap(), "one");
        }
        assert!(!target.join("two").exists());
    }
}
