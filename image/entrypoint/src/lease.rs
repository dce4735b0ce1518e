//! One box at a time holds the conversations of a volume.
//!
//! Claude itself lets two processes go on with one conversation, and each would lose what the other one wrote. A volume that one node
//! may mount can be in two pods of that node, and a Docker volume in two containers.
//!
//! The lease is a lock of the kernel's (flock(2)) on a file of the volume. There is no clock in it, that could be wrong, and no process
//! number, that means something else in another container: it is held for as long as a process of the box has the file open, and a box
//! that is killed, or whose node dies, has let go of it. Claude inherits it when it takes our place.
//!
//! What a lease is not: a guard against a program of the box's own user, which may remove the file, and nothing for a `claude` that
//! somebody starts in the box by hand.

use crate::error::Error;
use crate::file;
use crate::state;
use rustix::io::FdFlags;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// In `HOME`.
const FILE: &str = ".box/session.lock";

/// Held until it is dropped, or, once it is handed on, until the last process that inherited it ends.
#[derive(Debug)]
pub struct Lease {
    file: File,
    path: PathBuf,
}

impl Lease {
    /// Takes the lease of this `HOME`, or says who holds it.
    ///
    /// # Errors
    ///
    /// When another box holds it, nothing can be written, or the file system knows no locks: rather no session than one that is lost.
    pub fn take(home: &Path) -> Result<Self, Error> {
        state::require_writable(home)?;
        let path = home.join(FILE);
        let not_writable = |source| state::not_writable(&path, source);
        file::make_directory(path.parent().unwrap_or(home)).map_err(not_writable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::SessionHeld {
                    holder: read(&mut file),
                    path,
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::NoLocks { path, source }),
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        write(&mut file, &host).map_err(not_writable)?;
        Ok(Self { file, path })
    }

    /// Lets the program that takes our place inherit it. Its children do so as well; they end with the box.
    ///
    /// # Errors
    ///
    /// When the descriptor is refused, which a descriptor of ours cannot be.
    pub fn hand_on(&self) -> Result<(), Error> {
        rustix::io::fcntl_setfd(&self.file, FdFlags::empty()).map_err(|errno| Error::NoLocks {
            path: self.path.clone(),
            source: errno.into(),
        })
    }
}

/// The holder's name helps whoever looks for it; nothing depends on it.
fn read(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file.take(64).read_to_string(&mut holder);
    let holder = holder.trim();
    if read.is_err() || holder.is_empty() || holder.chars().any(char::is_control) {
        return "unknown".into();
    }
    holder.into()
}

fn write(file: &mut File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{holder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_box_at_a_time() {
        let home = tempfile::tempdir().expect("a directory can be made");
        let lease = Lease::take(home.path()).expect("nobody holds it");
        let error = Lease::take(home.path()).expect_err("somebody holds it");
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let expected = format!(
            "the sessions on this volume are held by another box ({host}), which has {}/.box/session.lock locked; attach to that box or end it, or give this one a volume of its own",
            home.path().display()
        );
        assert_eq!((error.to_string(), error.exit_code()), (expected, 75));
        drop(lease);
        Lease::take(home.path()).expect("nobody holds it any more");
    }

    #[test]
    fn what_stands_in_the_file_does_not_matter() {
        let home = tempfile::tempdir().expect("a directory can be made");
        std::fs::create_dir(home.path().join(".box")).expect("a directory can be made");
        std::fs::write(home.path().join(FILE), "\u{1b}[2J of a box that is long gone\n")
            .expect("a file can be written");
        let lease = Lease::take(home.path()).expect("nobody holds it");
        std::fs::write(home.path().join(FILE), [0xff, b'x']).expect("a file can be written");
        let error = Lease::take(home.path()).expect_err("somebody holds it");
        assert!(error.to_string().contains("another box (unknown)"), "{error}");
        drop(lease);
    }
}
