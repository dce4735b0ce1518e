//! Why entries do not make one tree.

use crate::path::ImagePath;

/// Why entries do not fit together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Conflict {
    /// Two owners bring the same path.
    #[error("{path} is in {first} and in {second}: leave one of them out of the layer")]
    Duplicate {
        /// The path.
        path: ImagePath,
        /// An owner.
        first: String,
        /// The other.
        second: String,
    },
    /// Two owners see a directory differently.
    #[error(
        "the directory {path} is {first_is} in {first} and {second_is} in {second}: settle it by a \"directory\" entry of an item"
    )]
    Directory {
        /// The path.
        path: ImagePath,
        /// An owner.
        first: String,
        /// Mode, uid and gid there.
        first_is: String,
        /// The other.
        second: String,
        /// Mode, uid and gid there.
        second_is: String,
    },
    /// Something lies below what is no directory.
    #[error(
        "{path} of {owner} lies below {parent}, which is no directory in {parent_owner}: leave one of them out of the layer"
    )]
    Below {
        /// The path.
        path: ImagePath,
        /// Its owner.
        owner: String,
        /// What is no directory.
        parent: ImagePath,
        /// Its owner.
        parent_owner: String,
    },
}
