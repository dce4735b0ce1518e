//! Files of this machine that go into a layer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::addition::{Addition, Node};
use crate::error::Error;
use crate::input;
use crate::omit::Omit;
use crate::path::ImagePath;
use crate::request::Entry;
use crate::tree::{Content, Rank};

/// The additions that an entry stands for. Files are looked at, not read.
///
/// # Errors
///
/// [`Error::Read`] if something is not there, [`Error::Source`] if it is not what it must be.
pub fn additions(entry: &Entry, omit: &Omit) -> Result<Vec<Addition>, Error> {
    match entry {
        Entry::File { source, path, mode } => {
            let metadata = fs::metadata(source).map_err(|error| Error::read(source, error))?;
            if !metadata.is_file() {
                return Err(Error::Source {
                    path: source.clone(),
                    problem: "is no file",
                });
            }
            let content = Content::Disk {
                path: source.clone(),
                size: metadata.len(),
            };
            Ok(vec![Addition::of_root(path.clone(), Node::File(content), mode.bits())])
        }
        Entry::Tree { source, path } => {
            // The tree itself may be reached through a link; what is in it may not.
            let source = fs::canonicalize(source).map_err(|error| Error::read(source, error))?;
            if !input::metadata(&source)?.is_dir() {
                return Err(Error::Source {
                    path: source,
                    problem: "is no directory",
                });
            }
            let mut additions = Vec::new();
            if let Some(path) = path {
                additions.push(Addition::of_root(path.clone(), Node::Directory(Rank::Packaged), 0o755));
            }
            walk(&source, path.as_ref(), omit, &mut additions)?;
            Ok(additions)
        }
        Entry::Directory { path, mode, uid, gid } => {
            let node = Node::Directory(Rank::Stated);
            Ok(vec![Addition {
                path: path.clone(),
                node,
                mode: mode.bits(),
                uid: *uid,
                gid: *gid,
            }])
        }
        Entry::Link { path, target } => Ok(vec![Addition::of_root(path.clone(), Node::Link(target.clone()), 0o777)]),
    }
}

fn walk(source: &Path, below: Option<&ImagePath>, omit: &Omit, additions: &mut Vec<Addition>) -> Result<(), Error> {
    let name_error = |path: PathBuf| Error::Source {
        path,
        problem: "has a name that no image may hold",
    };
    // The order in which a directory lists its files does not matter: the tree sorts them.
    for entry in fs::read_dir(source).map_err(|error| Error::read(source, error))? {
        let source = entry.map_err(|error| Error::read(source, error))?.path();
        let metadata = input::metadata(&source)?;
        let name = source
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| name_error(source.clone()))?;
        let path = below
            .map_or_else(|| ImagePath::member(name), |below| below.join(name))
            .map_err(|_| name_error(source.clone()))?;
        // A directory `bin` of a tree at the root is the merged `/usr/bin`.
        let path = path.merged().filter(|_| metadata.is_dir()).unwrap_or(path);
        if omit.leaves_out(&path, metadata.is_symlink()) {
            // What a pattern leaves out may still hold what stays.
            if metadata.is_dir() {
                walk(&source, Some(&path), omit, additions)?;
            }
            continue;
        }
        let (node, mode) = if metadata.is_symlink() {
            let target = fs::read_link(&source).map_err(|error| Error::read(&source, error))?;
            let target = target.to_str().ok_or_else(|| name_error(source.clone()))?.to_owned();
            (Node::Link(target), 0o777)
        } else if metadata.is_dir() {
            walk(&source, Some(&path), omit, additions)?;
            (Node::Directory(Rank::Packaged), 0o755)
        } else if metadata.is_file() {
            // Only whether it is executable survives a store, a checkout or an umask.
            let is_executable = metadata.permissions().mode() & 0o111 != 0;
            let content = Content::Disk {
                path: source,
                size: metadata.len(),
            };
            (Node::File(content), if is_executable { 0o755 } else { 0o644 })
        } else {
            return Err(Error::Source {
                path: source,
                problem: "is neither a file nor a directory nor a link",
            });
        };
        additions.push(Addition::of_root(path, node, mode));
    }
    Ok(())
}
