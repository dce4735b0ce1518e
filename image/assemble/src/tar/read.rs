//! Reads what `dpkg-deb` and other archivers write: ustar, GNU's long names and numbers, pax.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{BLOCK_LEN, checksum, field};

/// One member of an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// As the archive has it.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, `setuid`, `setgid` and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// What a member is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file: where its bytes are in the archive.
    File(Range<usize>),
    /// A symbolic link and its target.
    Link(String),
    /// Another name of an earlier member.
    HardLink(String),
}

/// How much an archive may declare.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The sum of all sizes.
    pub bytes: u64,
    /// The number of members.
    pub members: usize,
}

impl Limits {
    /// What no honest package exceeds. A package is unpacked in memory, so that this is also what a hostile one may take.
    pub const PACKAGE: Self = Self {
        bytes: 1 << 30,
        members: 1_000_000,
    };
}

/// What is wrong with an archive.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It ends within a member or without its end mark.
    #[error("ends early")]
    Truncated,
    /// A header's checksum does not hold.
    #[error("has a damaged header at byte {0}")]
    Checksum(usize),
    /// A header's number cannot be read.
    #[error("has an unreadable number in the header at byte {0}")]
    Number(usize),
    /// A pax header cannot be read.
    #[error("has an unreadable pax header at byte {0}")]
    Pax(usize),
    /// A name is not UTF-8.
    #[error("has a name that is not UTF-8 in the header at byte {0}")]
    Encoding(usize),
    /// A device, a pipe, or a kind that no one knows.
    #[error("holds {path}, which is {what}")]
    Special {
        /// The member.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// More than [`Limits::bytes`].
    #[error("declares more than {0} bytes")]
    TooBig(u64),
    /// More than [`Limits::members`].
    #[error("holds more than {0} members")]
    TooMany(usize),
}

/// What an extension header says about the next member.
#[derive(Default)]
struct Extension {
    path: Option<String>,
    target: Option<String>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

/// The members in their order.
///
/// # Errors
///
/// [`Error`] says where the archive is broken or what it must not hold. Sparse files, volume labels and the like are
/// refused as well: no package has them.
pub fn members(archive: &[u8], limits: Limits) -> Result<Vec<Member>, Error> {
    let mut members = Vec::new();
    let mut bytes_declared = 0_u64;
    let mut headers = 0_usize;
    let mut extension = Extension::default();
    let mut at = 0;
    loop {
        let header: &[u8; BLOCK_LEN] = archive
            .get(at..at + BLOCK_LEN)
            .and_then(|block| block.try_into().ok())
            .ok_or(Error::Truncated)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(members);
        }
        let number = |range: Range<usize>| number(&header[range]).ok_or(Error::Number(at));
        if number(field::CHECKSUM)? != u64::from(checksum(header)) {
            return Err(Error::Checksum(at));
        }
        let type_flag = header[field::TYPE];
        let is_extension = matches!(type_flag, b'x' | b'g' | b'L' | b'K');
        // Links and directories may carry a size that means nothing.
        let has_data = is_extension || matches!(type_flag, b'0' | 0 | b'7');
        let size = match extension.size {
            Some(size) if !is_extension => size,
            _ => number(field::SIZE)?,
        };
        let size = if has_data { size } else { 0 };
        bytes_declared = bytes_declared.saturating_add(size);
        headers += 1;
        if bytes_declared > limits.bytes {
            return Err(Error::TooBig(limits.bytes));
        }
        if headers > limits.members {
            return Err(Error::TooMany(limits.members));
        }
        let start = at + BLOCK_LEN;
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size))
            .ok_or(Error::Truncated)?;
        let data = archive.get(start..end).ok_or(Error::Truncated)?;
        let text = |bytes: &[u8]| text(bytes).ok_or(Error::Encoding(at));
        match type_flag {
            b'x' => pax(data, &mut extension).ok_or(Error::Pax(at))?,
            // A global header speaks of comments and times; what it says of names and sizes no writer uses.
            b'g' => pax(data, &mut Extension::default()).ok_or(Error::Pax(at))?,
            b'L' => extension.path = Some(text(data)?),
            b'K' => extension.target = Some(text(data)?),
            _ => {
                let said = std::mem::take(&mut extension);
                let path = match said.path {
                    Some(path) => path,
                    None => ustar_path(header).ok_or(Error::Encoding(at))?,
                };
                let target = || said.target.clone().map_or_else(|| text(&header[field::LINK]), Ok);
                let kind = match type_flag {
                    // Old archives mark a directory by its slash alone.
                    b'0' | 0 if path.ends_with('/') => Kind::Directory,
                    b'0' | 0 | b'7' => Kind::File(start..end),
                    b'1' => Kind::HardLink(target()?),
                    b'2' => Kind::Link(target()?),
                    b'5' => Kind::Directory,
                    other => {
                        return Err(Error::Special {
                            path,
                            what: special(other),
                        });
                    }
                };
                let id = |said: Option<u64>, range| said.map_or_else(|| number(range), Ok);
                members.push(Member {
                    path,
                    kind,
                    mode: (number(field::MODE)? & 0o7777) as u32,
                    uid: u32::try_from(id(said.uid, field::UID)?).map_err(|_| Error::Number(at))?,
                    gid: u32::try_from(id(said.gid, field::GID)?).map_err(|_| Error::Number(at))?,
                });
            }
        }
        at = end.checked_next_multiple_of(BLOCK_LEN).ok_or(Error::Truncated)?;
    }
}

fn special(type_flag: u8) -> &'static str {
    match type_flag {
        b'3' => "a character device",
        b'4' => "a block device",
        b'6' => "a named pipe",
        b'S' => "a sparse file",
        _ => "of a kind that no package needs",
    }
}

/// A number in octal, or GNU's binary form whose first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        // The second bit is the sign.
        let first = if first & 0x40 == 0 {
            u64::from(first & 0x3f)
        } else {
            return None;
        };
        return rest.iter().try_fold(first, |number, byte| {
            number.checked_mul(256).map(|number| number | u64::from(*byte))
        });
    }
    let digits = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if digits.is_empty() {
        return Some(0);
    }
    // A sign is no digit.
    digits
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| u64::from_str_radix(digits, 8).ok())?
}

/// Text up to its first zero byte.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes.get(..end)?.to_vec()).ok()
}

fn ustar_path(header: &[u8; BLOCK_LEN]) -> Option<String> {
    let name = text(&header[field::NAME])?;
    // GNU's magic has spaces here and uses the prefix field for other things.
    let is_ustar = &header[field::MAGIC] == b"ustar\x0000";
    let prefix = if is_ustar {
        text(&header[field::PREFIX])?
    } else {
        String::new()
    };
    Some(if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    })
}

/// Records of the form "length keyword=value\n".
fn pax(mut records: &[u8], extension: &mut Extension) -> Option<()> {
    let mut values = BTreeMap::new();
    while !records.is_empty() {
        let space = records.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(records.get(..space)?).ok()?.parse().ok()?;
        let record = std::str::from_utf8(records.get(space + 1..length)?).ok()?;
        let (keyword, value) = record.strip_suffix('\n')?.split_once('=')?;
        // A sparse file's name and size are elsewhere than a reader without sparse files would look.
        if keyword.starts_with("GNU.sparse.") {
            return None;
        }
        values.insert(keyword, value);
        records = records.get(length..)?;
    }
    let number = |keyword| {
        values
            .get(keyword)
            .map(|value: &&str| value.parse::<u64>())
            .transpose()
            .ok()
    };
    extension.size = number("size")?.or(extension.size);
    extension.uid = number("uid")?.or(extension.uid);
    extension.gid = number("gid")?.or(extension.gid);
    let text = |keyword| values.get(keyword).map(|value| (*value).to_owned());
    extension.path = text("path").or(extension.path.take());
    extension.target = text("linkpath").or(extension.target.take());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::padding;
    use crate::tar::write::{END, Header, Kind as Write, encode};
    use rstest::rstest;

    /// A header with another type and the checksum made right again.
    fn retyped(path: &str, size: u64, type_flag: u8) -> Vec<u8> {
        let mut bytes = encode(&Header {
            path,
            kind: Write::File { size },
            mode: 0o644,
            uid: 0,
            gid: 0,
        });
        bytes[field::TYPE] = type_flag;
        checksummed(bytes)
    }

    fn checksummed(mut bytes: Vec<u8>) -> Vec<u8> {
        let block: &[u8; BLOCK_LEN] = bytes[..BLOCK_LEN].try_into().unwrap();
        let sum = format!("{:06o}\0 ", checksum(block));
        bytes[field::CHECKSUM].copy_from_slice(sum.as_bytes());
        bytes
    }

    fn with_data(mut bytes: Vec<u8>, data: &[u8]) -> Vec<u8> {
        bytes.extend(data);
        bytes.extend(padding(data.len() as u64));
        bytes
    }

    fn check(parts: &[Vec<u8>]) -> Result<Vec<Member>, Error> {
        members(&[parts.concat(), END.to_vec()].concat(), Limits::PACKAGE)
    }

    #[rstest]
    #[case(b'3', "a character device")]
    #[case(b'4', "a block device")]
    #[case(b'6', "a named pipe")]
    #[case(b'S', "a sparse file")]
    #[case(b'V', "of a kind that no package needs")]
    fn special_files_are_refused(#[case] type_flag: u8, #[case] what: &'static str) {
        assert_eq!(
            check(&[retyped("dev/x", 0, type_flag)]),
            Err(Error::Special {
                path: "dev/x".into(),
                what
            })
        );
    }

    #[test]
    fn long_names_of_gnu_are_read() {
        let (path, target) = ("p/".repeat(300), "t/".repeat(300));
        let read = check(&[
            with_data(retyped("././@LongLink", 601, b'L'), format!("{path}\0").as_bytes()),
            with_data(retyped("././@LongLink", 601, b'K'), format!("{target}\0").as_bytes()),
            retyped("short", 0, b'2'),
            retyped("next", 0, b'0'),
        ])
        .unwrap();
        assert_eq!((&read[0].path, &read[0].kind), (&path, &Kind::Link(target)));
        assert_eq!(read[1].path, "next");
    }

    #[test]
    fn binary_numbers_of_gnu_are_read() {
        let mut bytes = retyped("x", 0, b'0');
        bytes[field::UID].copy_from_slice(&[0x80, 0, 0, 0, 0, 0x12, 0x34, 0x56]);
        assert_eq!(check(&[checksummed(bytes)]).unwrap()[0].uid, 0x12_3456);
    }

    #[test]
    fn a_size_beyond_the_limit_is_refused_before_it_is_looked_for() {
        let limits = Limits {
            bytes: 1000,
            members: 10,
        };
        assert_eq!(members(&retyped("x", 1001, b'0'), limits), Err(Error::TooBig(1000)));
        let two = [with_data(retyped("x", 600, b'0'), &[0; 600]), retyped("y", 600, b'0')].concat();
        assert_eq!(members(&two, limits), Err(Error::TooBig(1000)));
    }

    #[test]
    fn too_many_members_are_refused() {
        let bytes = [retyped("x", 0, b'0').repeat(11), END.to_vec()].concat();
        assert_eq!(
            members(&bytes, Limits { bytes: 0, members: 10 }),
            Err(Error::TooMany(10))
        );
        assert_eq!(members(&bytes, Limits { bytes: 0, members: 11 }).unwrap().len(), 11);
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = [with_data(retyped("x", 600, b'0'), &[1; 600]), END.to_vec()].concat();
        for length in 0..bytes.len() - BLOCK_LEN {
            assert_eq!(
                members(&bytes[..length], Limits::PACKAGE),
                Err(Error::Truncated),
                "cut to {length} bytes"
            );
        }
    }

    #[rstest]
    #[case("30 mtime=1350244992.023960108\n", true)]
    #[case("6 a=b\n", true)]
    #[case("7 a=b\n", false)]
    #[case("5 a=b\n", false)]
    #[case("99999999999999999999999 a=b\n", false)]
    #[case("9 size=x\n", false)]
    #[case("22 GNU.sparse.major=1\n", false)]
    fn pax_records_are_read_or_refused(#[case] records: &str, #[case] good: bool) {
        let read = check(&[
            with_data(retyped("x", records.len() as u64, b'x'), records.as_bytes()),
            retyped("y", 0, b'0'),
        ]);
        assert_eq!(read.is_ok(), good, "{read:?}");
    }
}
