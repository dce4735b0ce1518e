//! Where the project and its caches are.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::{Code, Failure};

/// The checkout that the command works on.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder that holds `flake.nix`.
    pub(crate) root: PathBuf,
    /// Where downloads and measured times are kept: `$XDG_CACHE_HOME/cbox`.
    pub(crate) cache: PathBuf,
}

impl Project {
    /// The checkout that the launcher names in `CBOX_ROOT`, else the one around the current directory.
    pub(crate) fn find() -> Result<Self, Failure> {
        let root = match env::var_os("CBOX_ROOT") {
            Some(root) => PathBuf::from(root),
            None => around(&env::current_dir().map_err(|error| {
                Failure::new(Code::NoInput, format!("cannot read the current directory: {error}"))
            })?)?,
        };
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .ok_or_else(|| {
                Failure::new(
                    Code::NoInput,
                    "neither XDG_CACHE_HOME nor HOME is set: set one, so that downloads have a place",
                )
            })?
            .join("cbox");
        Ok(Self { root, cache })
    }

    /// A flake reference to one of the project's outputs.
    pub(crate) fn output(&self, attribute: &str) -> String {
        format!("{}#{attribute}", self.root.display())
    }
}

fn around(start: &Path) -> Result<PathBuf, Failure> {
    start
        .ancestors()
        .find(|folder| folder.join("image/tools.toml").is_file() && folder.join("flake.nix").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Failure::new(
                Code::NoInput,
                format!(
                    "{} is not inside a checkout of claude-in-a-box: start ./cbox of the checkout, or set CBOX_ROOT to it",
                    start.display()
                ),
            )
        })
}
