//! What a layer holds: entries of many owners merged into one tree. Pure; it neither reads nor writes files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::addition::{Addition, Node};
use crate::conflict::Conflict;
use crate::control::Control;
use crate::path::ImagePath;

/// Entries by path.
#[derive(Debug, Default)]
pub struct Tree {
    /// Who the entries belong to; [`OwnerId`] counts them.
    pub owners: Vec<Owner>,
    /// The bytes of files; [`ContentId`] counts them. Hard links are entries with the same content.
    pub contents: Vec<Content>,
    /// Sorted by the bytes of the path: a directory comes before what it holds.
    pub entries: BTreeMap<ImagePath, Entry>,
}

/// An index into [`Tree::owners`].
pub type OwnerId = usize;

/// An index into [`Tree::contents`].
pub type ContentId = usize;

/// Who brings entries.
#[derive(Clone, Debug)]
pub struct Owner {
    /// `deb:bash`, `go:k8s.io/kubectl`.
    pub name: String,
    /// For a Debian package, its control file: it may say whose files this owner's take the place of.
    pub control: Option<Control>,
}

/// The bytes of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// Part of bytes in memory, most often of a package's unpacked archive.
    Memory {
        /// All of them.
        data: Arc<Vec<u8>>,
        /// The part.
        range: Range<usize>,
    },
    /// A file of this machine.
    Disk {
        /// Where.
        path: PathBuf,
        /// In bytes.
        size: u64,
    },
}

impl Content {
    /// Bytes of their own.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self::Memory {
            data: Arc::new(bytes),
            range,
        }
    }

    /// In bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory { range, .. } => range.len() as u64,
            Self::Disk { size, .. } => *size,
        }
    }
}

/// One path of the tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Who brought it.
    pub owner: OwnerId,
}

/// What an entry is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A directory, and how sure its mode and owner are.
    Directory(Rank),
    /// A file.
    File(ContentId),
    /// A symbolic link and its target.
    Link(String),
}

/// Whose word on a directory counts; the higher overrules.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rank {
    /// Only the path of something below says that it exists.
    Implied,
    /// A package holds it.
    Packaged,
    /// A rule or an item states it.
    Stated,
}

impl Tree {
    /// Another owner.
    pub fn owner(&mut self, owner: Owner) -> OwnerId {
        self.owners.push(owner);
        self.owners.len() - 1
    }

    /// Other bytes.
    pub fn content(&mut self, content: Content) -> ContentId {
        self.contents.push(content);
        self.contents.len() - 1
    }

    /// Adds an entry. If two packages bring a path, and one of them declares that it replaces the other, its entry
    /// stays, whichever was added first.
    ///
    /// # Errors
    ///
    /// [`Conflict`] names the path and both owners.
    pub fn add(&mut self, path: ImagePath, entry: Entry) -> Result<(), Conflict> {
        let Some(present) = self.entries.get(&path) else {
            self.entries.insert(path, entry);
            return Ok(());
        };
        let entry_wins = match (&present.kind, &entry.kind) {
            (Kind::Directory(present_rank), Kind::Directory(rank)) if present_rank != rank => rank > present_rank,
            (Kind::Directory(_), Kind::Directory(_)) if present.attributes() == entry.attributes() => false,
            (Kind::Directory(_), Kind::Directory(_)) => {
                return Err(Conflict::Directory {
                    first: self.owner_name(present.owner),
                    first_is: present.attributes(),
                    second: self.owner_name(entry.owner),
                    second_is: entry.attributes(),
                    path,
                });
            }
            _ => match (
                self.replaces(entry.owner, present.owner),
                self.replaces(present.owner, entry.owner),
            ) {
                (true, false) => true,
                (false, true) => false,
                _ => {
                    let (first, second) = (self.owner_name(present.owner), self.owner_name(entry.owner));
                    return Err(Conflict::Duplicate { path, first, second });
                }
            },
        };
        if entry_wins {
            self.entries.insert(path, entry);
        }
        Ok(())
    }

    /// Adds an entry that shares its bytes with no other.
    ///
    /// # Errors
    ///
    /// As [`Tree::add`].
    pub fn add_own(&mut self, owner: OwnerId, addition: Addition) -> Result<(), Conflict> {
        let Addition {
            path,
            node,
            mode,
            uid,
            gid,
        } = addition;
        let kind = match node {
            Node::Directory(rank) => Kind::Directory(rank),
            Node::File(content) => Kind::File(self.content(content)),
            Node::Link(target) => Kind::Link(target),
        };
        self.add(
            path,
            Entry {
                kind,
                mode,
                uid,
                gid,
                owner,
            },
        )
    }

    /// Adds the directories that paths imply, owned by root with mode 0755.
    ///
    /// # Errors
    ///
    /// [`Conflict::Below`] if something lies below what is no directory.
    pub fn add_parents(&mut self) -> Result<(), Conflict> {
        let mut implied = BTreeMap::new();
        for (path, entry) in &self.entries {
            for parent in path.parents() {
                match self.entries.get(&parent) {
                    None => {
                        let kind = Kind::Directory(Rank::Implied);
                        implied.entry(parent).or_insert(Entry {
                            kind,
                            mode: 0o755,
                            uid: 0,
                            gid: 0,
                            owner: entry.owner,
                        });
                    }
                    Some(Entry {
                        kind: Kind::Directory(_),
                        ..
                    }) => {}
                    Some(other) => {
                        return Err(Conflict::Below {
                            path: path.clone(),
                            owner: self.owner_name(entry.owner),
                            parent,
                            parent_owner: self.owner_name(other.owner),
                        });
                    }
                }
            }
        }
        self.entries.extend(implied);
        Ok(())
    }

    /// The bytes of a file in memory; nothing for what is not one.
    #[must_use]
    pub fn bytes(&self, content: ContentId) -> Option<&[u8]> {
        match self.contents.get(content)? {
            Content::Memory { data, range } => data.get(range.clone()),
            Content::Disk { .. } => None,
        }
    }

    /// The name of an owner.
    #[must_use]
    pub fn owner_name(&self, owner: OwnerId) -> String {
        self.owners
            .get(owner)
            .map(|owner| owner.name.clone())
            .unwrap_or_default()
    }

    fn replaces(&self, owner: OwnerId, other: OwnerId) -> bool {
        let control = |owner: OwnerId| self.owners.get(owner).and_then(|owner| owner.control.as_ref());
        match (control(owner), control(other)) {
            (Some(control), Some(other)) => control.replaces(&other.package, &other.version),
            _ => false,
        }
    }
}

impl Entry {
    /// `0755 0:0`.
    fn attributes(&self) -> String {
        format!("{:04o} {}:{}", self.mode, self.uid, self.gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn path(text: &str) -> ImagePath {
        ImagePath::absolute(text).unwrap()
    }

    fn package(name: &str, replaces: &str) -> Owner {
        let control =
            Control::parse(format!("Package: {name}\nVersion: 1\nArchitecture: all\n{replaces}").as_bytes()).unwrap();
        Owner {
            name: format!("deb:{name}"),
            control: Some(control),
        }
    }

    fn tree(first: &str, second: &str) -> Tree {
        Tree {
            owners: vec![package("first", first), package("second", second)],
            ..Tree::default()
        }
    }

    fn link(owner: OwnerId) -> Entry {
        Entry {
            kind: Kind::Link("target".into()),
            mode: 0o777,
            uid: 0,
            gid: 0,
            owner,
        }
    }

    fn directory(owner: OwnerId, rank: Rank, mode: u32) -> Entry {
        Entry {
            kind: Kind::Directory(rank),
            mode,
            uid: 0,
            gid: 0,
            owner,
        }
    }

    #[rstest]
    #[case(
        "",
        "",
        Err("/usr/bin/x is in deb:first and in deb:second: leave one of them out of the layer")
    )]
    #[case("", "Replaces: first\n", Ok("deb:second"))]
    #[case("", "Replaces: first (<< 2)\n", Ok("deb:second"))]
    #[case(
        "",
        "Replaces: first (>> 2)\n",
        Err("/usr/bin/x is in deb:first and in deb:second: leave one of them out of the layer")
    )]
    #[case("Replaces: second\n", "", Ok("deb:first"))]
    #[case(
        "Replaces: second\n",
        "Replaces: first\n",
        Err("/usr/bin/x is in deb:first and in deb:second: leave one of them out of the layer")
    )]
    fn a_path_has_one_owner(#[case] first: &str, #[case] second: &str, #[case] expected: Result<&str, &str>) {
        let mut tree = tree(first, second);
        tree.add(path("/usr/bin/x"), link(0)).unwrap();
        let added = tree.add(path("/usr/bin/x"), link(1));
        let found = added.map(|()| tree.owner_name(tree.entries[&path("/usr/bin/x")].owner));
        assert_eq!(
            found.map_err(|conflict| conflict.to_string()),
            expected.map(str::to_owned).map_err(str::to_owned)
        );
    }

    #[rstest]
    #[case(Rank::Packaged, 0o755, Rank::Packaged, 0o755, Ok(0o755))]
    #[case(Rank::Packaged, 0o755, Rank::Stated, 0o700, Ok(0o700))]
    #[case(Rank::Stated, 0o700, Rank::Packaged, 0o755, Ok(0o700))]
    #[case(
        Rank::Packaged,
        0o1777,
        Rank::Packaged,
        0o755,
        Err(
            "the directory /tmp is 1777 0:0 in deb:first and 0755 0:0 in deb:second: settle it by a \"directory\" entry of an item"
        )
    )]
    #[case(
        Rank::Stated,
        0o755,
        Rank::Stated,
        0o700,
        Err(
            "the directory /tmp is 0755 0:0 in deb:first and 0700 0:0 in deb:second: settle it by a \"directory\" entry of an item"
        )
    )]
    fn a_directory_has_one_mode(
        #[case] first: Rank,
        #[case] first_mode: u32,
        #[case] second: Rank,
        #[case] second_mode: u32,
        #[case] expected: Result<u32, &str>,
    ) {
        let mut tree = tree("", "");
        tree.add(path("/tmp"), directory(0, first, first_mode)).unwrap();
        let added = tree.add(path("/tmp"), directory(1, second, second_mode));
        let found = added.map(|()| tree.entries[&path("/tmp")].mode);
        assert_eq!(
            found.map_err(|conflict| conflict.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn a_directory_is_no_file() {
        let mut tree = tree("", "");
        tree.add(path("/usr/x"), directory(0, Rank::Packaged, 0o755)).unwrap();
        assert!(tree.add(path("/usr/x"), link(1)).is_err());
    }

    #[test]
    fn every_directory_is_there_once() {
        let mut tree = tree("", "");
        tree.add(path("/usr/share/doc/x"), link(0)).unwrap();
        tree.add(path("/usr/share"), directory(0, Rank::Packaged, 0o700))
            .unwrap();
        tree.add_parents().unwrap();
        let entries: Vec<_> = tree
            .entries
            .iter()
            .map(|(path, entry)| (path.as_str(), entry.mode))
            .collect();
        assert_eq!(
            entries,
            [
                ("usr", 0o755),
                ("usr/share", 0o700),
                ("usr/share/doc", 0o755),
                ("usr/share/doc/x", 0o777)
            ]
        );
    }

    #[test]
    fn nothing_lies_below_a_link() {
        let mut tree = tree("", "");
        tree.add(path("/var/run"), link(0)).unwrap();
        tree.add(path("/var/run/x"), link(1)).unwrap();
        assert_eq!(
            tree.add_parents().unwrap_err().to_string(),
            "/var/run/x of deb:second lies below /var/run, which is no directory in deb:first: leave one of them out of the layer"
        );
    }
}
