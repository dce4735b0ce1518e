//! A Debian binary package, deb(5), taken apart in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::ar;
use crate::control::{self, Control};
use crate::digest::Digest;
use crate::path::{ImagePath, PathError};
use crate::request::Package;
use crate::tar::read::{self as tar, Limits};
use crate::unpack::{self, Compression};

/// What a control archive may unpack to.
const CONTROL_BYTES_MAX: u64 = 64 << 20;

/// The one package that may hold the links of a merged `/usr`.
const MERGES_USR: &str = "base-files";

/// A package that is what the request says it is.
#[derive(Clone, Debug)]
pub struct Deb {
    /// Its control file.
    pub control: Control,
    /// Its control archive's `md5sums`: hexadecimal by path.
    pub md5sums: BTreeMap<ImagePath, String>,
    /// Its files, in the order of its archive.
    pub members: Vec<Member>,
    /// Its `data.tar`, which the files are ranges of.
    pub data: Arc<Vec<u8>>,
    /// The paths of files that were setuid or setgid; they are not any more.
    pub setuid_dropped: Vec<ImagePath>,
}

/// A file of a package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// In a merged `/usr`.
    pub path: ImagePath,
    /// What it is.
    pub kind: Kind,
    /// Permission bits and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// What a file of a package is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file: its bytes in [`Deb::data`].
    File(Range<usize>),
    /// A symbolic link and its target.
    Link(String),
}

/// Why a package is refused. Each reads on from "package bash:amd64 (bash_amd64.deb) ".
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It is not the file that the lock names.
    #[error("has sha256 {found}, but the lock says {wanted}: fetch it again with ./cbox fetch")]
    Sha256 {
        /// The file's.
        found: String,
        /// The request's.
        wanted: String,
    },
    /// The outer archive is broken.
    #[error("{0}: fetch it again with ./cbox fetch")]
    Ar(#[from] ar::Error),
    /// The members are not those of a package.
    #[error("is no Debian package of format 2: it holds {0}")]
    Format(String),
    /// A member's compression is not known.
    #[error("holds {0}, whose compression is none of none, gz, xz and zst")]
    Compression(String),
    /// A member cannot be unpacked.
    #[error("holds {member}, which {error}")]
    Unpack {
        /// Its name.
        member: String,
        /// Why.
        error: unpack::Error,
    },
    /// A member is no good archive.
    #[error("holds {member}, which {error}")]
    Tar {
        /// Its name.
        member: String,
        /// Why.
        error: tar::Error,
    },
    /// The control file is not good.
    #[error(transparent)]
    Control(#[from] control::Error),
    /// The control file contradicts the lock.
    #[error("says in its control file that its {field} is {found}: run ./cbox lock")]
    Identity {
        /// `Package`, `Version` or `Architecture`.
        field: &'static str,
        /// What it says.
        found: String,
    },
    /// It is for another machine.
    #[error("is for {found}, but the layer is for {wanted}: run ./cbox lock")]
    Architecture {
        /// The package's.
        found: String,
        /// The layer's.
        wanted: String,
    },
    /// A script that nobody reviewed.
    #[error(
        "holds a {script} with sha256 {sha256} that the lock does not know: run ./cbox lock and review image/scripts.toml"
    )]
    Script {
        /// `preinst` or `postinst`.
        script: String,
        /// Its own.
        sha256: String,
    },
    /// A script that the lock knows is not there.
    #[error("holds no {0}, though the lock knows one: run ./cbox lock")]
    NoScript(String),
    /// A path that no package may have.
    #[error("holds \"{path}\", which {error}")]
    Path {
        /// As the archive has it.
        path: String,
        /// Why.
        error: PathError,
    },
    /// A hard link to what the package does not hold.
    #[error("holds {path}, a hard link to \"{target}\", which is no earlier file of the package")]
    HardLink {
        /// The link.
        path: ImagePath,
        /// As the archive has it.
        target: String,
    },
    /// Something at the top that a merged `/usr` has no place for.
    #[error("holds {0}, which only base-files may hold, as a link")]
    Merged(ImagePath),
    /// The list of checksums cannot be read.
    #[error("holds the line \"{0}\" in its md5sums, which is no checksum and path")]
    Md5sums(String),
    /// A rule lacks what it works on.
    #[error("holds no {0}, which the rule of its postinst works on: review image/scripts.toml")]
    Rule(String),
    /// A rule is wrong.
    #[error("has a rule with \"{0}\", which is neither an absolute path nor an octal mode: correct image/scripts.toml")]
    RuleValue(String),
    /// An account cannot be added.
    #[error(
        "cannot take the account \"{0}\": its name, uid or gid is in the masters already, or a field is empty or holds a colon"
    )]
    Account(String),
}

impl Deb {
    /// Reads a package and holds it against the request.
    ///
    /// # Errors
    ///
    /// [`Error`] says why the package is refused. Its checksum is looked at before anything in it is.
    pub fn read(bytes: &[u8], wanted: &Package, layer_architecture: &str, limits: Limits) -> Result<Self, Error> {
        let found = Digest::of(bytes).hex();
        if found != wanted.sha256 {
            return Err(Error::Sha256 {
                found,
                wanted: wanted.sha256.clone(),
            });
        }
        let (control_archive, data_archive) = archives(bytes)?;
        let mut files = control_files(&control_archive)?;
        let control = Control::parse(
            &files
                .remove("control")
                .ok_or_else(|| Error::Format("no control file".into()))?,
        )?;
        identify(&control, wanted, layer_architecture)?;
        review(&files, wanted)?;
        let md5sums = files
            .get("md5sums")
            .map_or_else(|| Ok(BTreeMap::new()), |file| md5sums(file))?;
        let data = data_archive.unpack(limits.bytes)?;
        let members = data_archive.members(&data, limits)?;
        let (members, setuid_dropped) = resolve(members, control.package == MERGES_USR)?;
        Ok(Self {
            control,
            md5sums,
            members,
            data: Arc::new(data),
            setuid_dropped,
        })
    }

    /// The bytes of a file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        let member = self.members.iter().find(|member| member.path.as_str() == path)?;
        match &member.kind {
            Kind::File(range) => self.data.get(range.clone()),
            _ => None,
        }
    }
}

/// A compressed archive within the package.
struct Archive<'a> {
    member: ar::Member<'a>,
    compression: Compression,
}

impl Archive<'_> {
    fn unpack(&self, limit: u64) -> Result<Vec<u8>, Error> {
        let unpacked = self.compression.unpack(self.member.data, limit);
        unpacked.map_err(|error| Error::Unpack {
            member: self.member.name.into(),
            error,
        })
    }

    fn members(&self, archive: &[u8], limits: Limits) -> Result<Vec<tar::Member>, Error> {
        tar::members(archive, limits).map_err(|error| Error::Tar {
            member: self.member.name.into(),
            error,
        })
    }
}

/// The two archives, which deb(5) has in this order behind the format's version; members that begin with an underscore
/// may stand between and are for others.
fn archives(bytes: &[u8]) -> Result<(Archive<'_>, Archive<'_>), Error> {
    let members = ar::members(bytes)?;
    let mut members = members.into_iter().filter(|member| !member.name.starts_with('_'));
    let format = members.next().ok_or_else(|| Error::Format("nothing".into()))?;
    if format.name != "debian-binary" || !format.data.starts_with(b"2.") {
        return Err(Error::Format(format!(
            "{} first, with \"{}\"",
            format.name,
            format.data.escape_ascii()
        )));
    }
    let mut archive = |stem: &str| {
        let member = members.next().ok_or_else(|| Error::Format(format!("no {stem}")))?;
        if !member.name.starts_with(stem) {
            return Err(Error::Format(format!("{} in the place of {stem}", member.name)));
        }
        let compression = Compression::of(member.name, stem).ok_or_else(|| Error::Compression(member.name.into()))?;
        Ok(Archive { member, compression })
    };
    Ok((archive("control.tar")?, archive("data.tar")?))
}

fn control_files(archive: &Archive<'_>) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let limits = Limits {
        bytes: CONTROL_BYTES_MAX,
        members: 1000,
    };
    let unpacked = archive.unpack(limits.bytes)?;
    let mut files = BTreeMap::new();
    for member in archive.members(&unpacked, limits)? {
        if let tar::Kind::File(range) = member.kind {
            let name = member.path.strip_prefix("./").unwrap_or(&member.path).to_owned();
            files.insert(name, unpacked.get(range).unwrap_or_default().to_vec());
        }
    }
    Ok(files)
}

fn identify(control: &Control, wanted: &Package, layer_architecture: &str) -> Result<(), Error> {
    let fields = [
        ("Package", &control.package, &wanted.package),
        ("Version", &control.version, &wanted.version),
        ("Architecture", &control.architecture, &wanted.architecture),
    ];
    for (field, found, wanted) in fields {
        if found != wanted {
            return Err(Error::Identity {
                field,
                found: found.clone(),
            });
        }
    }
    if control.architecture != "all" && control.architecture != layer_architecture {
        return Err(Error::Architecture {
            found: control.architecture.clone(),
            wanted: layer_architecture.into(),
        });
    }
    Ok(())
}

/// Every script that an installation would run must be one that was reviewed.
fn review(files: &BTreeMap<String, Vec<u8>>, wanted: &Package) -> Result<(), Error> {
    for script in ["preinst", "postinst"] {
        match (
            files.get(script).map(|file| Digest::of(file).hex()),
            wanted.scripts.get(script),
        ) {
            (Some(sha256), known) if known.is_none_or(|known| known.sha256 != sha256) => {
                return Err(Error::Script {
                    script: script.into(),
                    sha256,
                });
            }
            (None, Some(_)) => return Err(Error::NoScript(script.into())),
            _ => {}
        }
    }
    Ok(())
}

/// Lines of a checksum, two spaces and a path without its leading slash.
fn md5sums(file: &[u8]) -> Result<BTreeMap<ImagePath, String>, Error> {
    let text = String::from_utf8_lossy(file);
    let entry = |line: &str| {
        let (sum, path) = line.split_once(' ')?;
        let path = ImagePath::member(path.trim_start_matches([' ', '*'])).ok()?;
        (sum.len() == 32 && sum.bytes().all(|digit| digit.is_ascii_hexdigit())).then(|| (path, sum.to_owned()))
    };
    text.lines()
        .map(|line| entry(line).ok_or_else(|| Error::Md5sums(line.into())))
        .collect()
}

/// Gives every member its one path, and hard links the bytes that they are another name of.
fn resolve(archive: Vec<tar::Member>, merges_usr: bool) -> Result<(Vec<Member>, Vec<ImagePath>), Error> {
    let mut members = Vec::with_capacity(archive.len());
    let mut setuid_dropped = Vec::new();
    let mut files: BTreeMap<ImagePath, tar::Member> = BTreeMap::new();
    for mut member in archive {
        let mut path = match ImagePath::member(&member.path) {
            Ok(path) => path,
            // The layer's root is the image's, whose mode no package decides.
            Err(PathError::Root) => continue,
            Err(error) => {
                return Err(Error::Path {
                    path: member.path,
                    error,
                });
            }
        };
        if let tar::Kind::HardLink(target) = member.kind {
            let file = ImagePath::member(&target).ok().and_then(|target| files.get(&target));
            member = file.cloned().ok_or_else(|| Error::HardLink {
                path: path.clone(),
                target,
            })?;
        }
        let kind = match &member.kind {
            tar::Kind::Directory => Kind::Directory,
            tar::Kind::File(range) => Kind::File(range.clone()),
            tar::Kind::Link(target) | tar::Kind::HardLink(target) => Kind::Link(target.clone()),
        };
        if let Some(merged) = path.merged() {
            match kind {
                Kind::Directory => path = merged,
                Kind::Link(_) if merges_usr => {}
                _ => return Err(Error::Merged(path)),
            }
        }
        if member.mode & 0o6000 != 0 {
            setuid_dropped.push(path.clone());
        }
        members.push(Member {
            path: path.clone(),
            kind,
            mode: member.mode & 0o1777,
            uid: member.uid,
            gid: member.gid,
        });
        if matches!(member.kind, tar::Kind::File(_)) {
            files.insert(path, member);
        }
    }
    Ok((members, setuid_dropped))
}
