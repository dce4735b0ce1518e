//! What the suites need: their sources, a Python with their modules, and folders in which the init has the names that they call.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use lock_update::apt::Apt;

use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;

/// Upstream's archives, by Debian's names, and the folders that they unpack to.
const SOURCES: [(&str, &str); 2] = [
    ("tini_0.19.0.orig.tar.gz", "tini-0.19.0"),
    ("dumb-init_1.2.5.orig.tar.gz", "dumb-init-1.2.5"),
];

/// What the suites import. Newer pytests no longer take dumb-init's files, newer time-outs not that pytest.
const MODULES: [&str; 5] = ["bitmap", "psutil", "py", "pytest<8", "pytest-timeout<2"];

/// Part of python-prctl, in a few lines.
const PRCTL: &str = include_str!("prctl.py");

/// Where everything is.
pub(super) struct World {
    root: PathBuf,
}

impl World {
    /// Gets what is missing, with this machine's own clients.
    pub(super) fn prepare(project: &Project) -> Result<Self, Failure> {
        let world = Self {
            root: project.cache.join("suites"),
        };
        world.unpack(project)?;
        world.install_modules()?;
        let shims = world.root.join("shims");
        create(&shims)?;
        write(&shims.join("prctl.py"), PRCTL)?;
        Ok(world)
    }

    /// tini's source.
    pub(super) fn tini(&self) -> PathBuf {
        self.root.join(SOURCES[0].1)
    }

    /// dumb-init's source.
    pub(super) fn dumb_init(&self) -> PathBuf {
        self.root.join(SOURCES[1].1)
    }

    /// The folder with the Python that has the modules.
    pub(super) fn python(&self) -> PathBuf {
        self.root.join("python/bin")
    }

    /// The folder with what stands for modules that are not installed.
    pub(super) fn shims(&self) -> PathBuf {
        self.root.join("shims")
    }

    /// A place for what a suite says.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.root.join(format!("{}.log", name.replace([' ', '\''], "-")))
    }

    /// A fresh folder in which an init has other inits' names; `is_minimal` as tini has it when it was built without options.
    pub(super) fn names(&self, init: &Path, architecture: &str, is_minimal: bool) -> Result<PathBuf, Failure> {
        let folder = self
            .root
            .join(format!("{architecture}{}", if is_minimal { "-minimal" } else { "" }));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| cannot("remove", &folder, &error))?;
        }
        create(&folder)?;
        for name in ["tini", "tini-static", "dumb-init"] {
            let path = folder.join(name);
            if is_minimal {
                write(
                    &path,
                    &format!("#!/bin/sh\nexec {} --as tini-minimal \"$@\"\n", init.display()),
                )?;
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(&path, mode).map_err(|error| cannot("change", &path, &error))?;
            } else {
                symlink(init, &path).map_err(|error| cannot("create", &path, &error))?;
            }
        }
        let mut compile = Command::new("cc");
        compile.arg("-o").arg(folder.join("sigconf-test"));
        process::read(compile.arg(self.tini().join("test/sigconf/sigconf-test.c")))?;
        Ok(folder)
    }

    fn unpack(&self, project: &Project) -> Result<(), Failure> {
        let archives = self.root.join("archives");
        if SOURCES.iter().any(|(archive, _)| !archives.join(archive).exists()) {
            eprintln!("cbox: getting the source packages of tini and dumb-init");
            let unavailable = |error: lock_update::apt::AptError| Failure::new(Code::Unavailable, error.to_string());
            let apt = Apt::open(&project.cache.join("apt"), &BTreeSet::new()).map_err(unavailable)?;
            apt.source_archives(&["tini", "dumb-init"], &archives)
                .map_err(unavailable)?;
        }
        for (archive, folder) in SOURCES {
            let archive = archives.join(archive);
            if !archive.exists() {
                return Err(Failure::new(
                    Code::Data,
                    format!(
                        "Debian's source packages no longer have {}: the suites of another version are to be tried, and cli/src/suites/world.rs names this one",
                        archive.display()
                    ),
                ));
            }
            // Always anew: what a run left in there is not upstream's.
            let folder = self.root.join(folder);
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(|error| cannot("remove", &folder, &error))?;
            }
            process::read(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&self.root))?;
        }
        Ok(())
    }

    fn install_modules(&self) -> Result<(), Failure> {
        let wanted = MODULES.join("\n");
        let installed = self.root.join("python/modules");
        if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
            return Ok(());
        }
        eprintln!("cbox: installing the Python modules of the suites");
        let python = self.root.join("python");
        process::read(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&python))?;
        let mut pip = Command::new(python.join("bin/pip"));
        process::read(
            pip.args(["install", "--quiet", "--disable-pip-version-check"])
                .args(MODULES),
        )?;
        write(&installed, &wanted)
    }
}

fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| cannot("write", path, &error))
}

pub(super) fn cannot(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Code::CannotCreate,
        format!("cannot {action} {}: {error}", path.display()),
    )
}
