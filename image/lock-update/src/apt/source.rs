//! Source packages: upstream's own archives, as Debian keeps them beside its packages.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Apt, AptError, KEYRINGS, RELEASE, configuration, file, write};
use crate::command;

impl Apt {
    /// Gets upstream's archives of these source packages, which apt checks against Debian's signature, into a directory.
    /// What is there already is not fetched again. Returns what the directory holds.
    ///
    /// # Errors
    ///
    /// When Debian's keys are missing, the mirror cannot be reached, or it does not have a package.
    pub fn source_archives(&self, packages: &[&str], directory: &Path) -> Result<Vec<PathBuf>, AptError> {
        let keyring = KEYRINGS
            .iter()
            .find(|path| Path::new(path).exists())
            .ok_or(AptError::NoKeyring)?;
        // Another configuration than that of packages: lists of sources are large, and few want them.
        let root = self.root.join("sources");
        for place in ["state/lists/partial", "cache/archives/partial"] {
            let path = root.join(place);
            fs::create_dir_all(&path).map_err(file("create", &path))?;
        }
        fs::create_dir_all(directory).map_err(file("create", directory))?;
        write(&root.join("status"), "")?;
        let line = format!(
            "deb-src [signed-by={keyring}] {} {RELEASE} main\n",
            self.mirrors.of("debian")
        );
        write(&root.join("sources.list"), &line)?;
        write(&root.join("apt.conf"), &configuration(&root))?;
        let apt_get = || {
            let mut apt_get = std::process::Command::new("apt-get");
            apt_get.arg(format!("--config-file={}", root.join("apt.conf").display()));
            apt_get
        };
        command::output(apt_get().args(["--quiet=2", "--error-on=any", "update"])).map_err(AptError::Update)?;
        let mut source = apt_get();
        source
            .current_dir(directory)
            .args(["--quiet=2", "--tar-only", "source"])
            .args(packages);
        command::output(&mut source)?;
        let entries = fs::read_dir(directory).map_err(file("read", directory))?;
        Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
    }
}
