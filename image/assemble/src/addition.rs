//! Entries on their way into a tree.

use crate::path::ImagePath;
use crate::tree::{Content, Rank};

/// An entry of its own, not yet in a tree.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Where it goes.
    pub path: ImagePath,
    /// What it is.
    pub node: Node,
    /// Permission bits and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// What an addition is.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory, and how sure its mode and owner are.
    Directory(Rank),
    /// A file.
    File(Content),
    /// A symbolic link and its target.
    Link(String),
}

impl Addition {
    /// What root owns.
    #[must_use]
    pub fn of_root(path: ImagePath, node: Node, mode: u32) -> Self {
        Self {
            path,
            node,
            mode,
            uid: 0,
            gid: 0,
        }
    }
}
