//! Writes the one tar dialect of this project: ustar, and a pax header where ustar does not suffice.

use super::{BLOCK_LEN, checksum, field};

/// Every member's time, one second past 1970: a file's bytes are known by hash, and no time of day is part of them.
/// Zero would do too, but some programs take it for "no time".
pub const MTIME: u64 = 1;

/// What ends an archive.
pub const END: [u8; 2 * BLOCK_LEN] = [0; 2 * BLOCK_LEN];

/// The most that eleven octal digits hold.
const SIZE_MAX: u64 = 0o777_7777_7777;
/// The most that seven octal digits hold.
const ID_MAX: u32 = 0o777_7777;

/// A member, but for its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Without a leading or trailing slash.
    pub path: &'a str,
    /// What it is.
    pub kind: Kind<'a>,
    /// Permission bits; all others are left out. Symbolic links are 0777 whatever is said here.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// What a member is.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// A directory.
    Directory,
    /// A file; so many bytes and [`super::padding`] follow the header.
    File {
        /// In bytes.
        size: u64,
    },
    /// A symbolic link.
    Link {
        /// As it stands.
        target: &'a str,
    },
    /// Another name of an earlier member.
    HardLink {
        /// The earlier member's path.
        target: &'a str,
    },
}

/// The blocks that go before a member's bytes: a header, and before it a pax header if a name is long or not ASCII or a
/// number is large.
#[must_use]
pub fn encode(header: &Header<'_>) -> Vec<u8> {
    let path = match header.kind {
        Kind::Directory => format!("{}/", header.path),
        _ => header.path.to_owned(),
    };
    let (type_flag, size, target) = match header.kind {
        Kind::File { size } => (b'0', size, ""),
        Kind::HardLink { target } => (b'1', 0, target),
        Kind::Link { target } => (b'2', 0, target),
        Kind::Directory => (b'5', 0, ""),
    };
    let mode = if matches!(header.kind, Kind::Link { .. }) {
        0o777
    } else {
        header.mode & 0o7777
    };

    let split = split(&path);
    // In the order of the keywords, so that there is one way to write them.
    let mut records = String::new();
    let mut extend = |needed: bool, keyword: &str, value: &dyn std::fmt::Display| {
        if needed {
            records.push_str(&record(keyword, &value.to_string()));
        }
    };
    extend(header.gid > ID_MAX, "gid", &header.gid);
    extend(
        target.len() > field::LINK.len() || !target.is_ascii(),
        "linkpath",
        &target,
    );
    extend(split.is_none(), "path", &path);
    extend(size > SIZE_MAX, "size", &size);
    extend(header.uid > ID_MAX, "uid", &header.uid);

    let mut blocks = Vec::with_capacity(BLOCK_LEN);
    if !records.is_empty() {
        // The name that Python's tarfile gives it; a reader that knows pax never shows it.
        let size = records.len() as u64;
        blocks.extend(block(("", "././@PaxHeader"), b'x', size, "", 0o644, (0, 0)));
        blocks.extend(records.as_bytes());
        blocks.extend(super::padding(size));
    }
    let ascii_path = ascii(&path, field::NAME.len());
    let ascii_target = ascii(target, field::LINK.len());
    let size = if size > SIZE_MAX { 0 } else { size };
    let id = |id: u32| if id > ID_MAX { 0 } else { id };
    let name = split.unwrap_or(("", &ascii_path));
    blocks.extend(block(
        name,
        type_flag,
        size,
        &ascii_target,
        mode,
        (id(header.uid), id(header.gid)),
    ));
    blocks
}

fn block(name: (&str, &str), type_flag: u8, size: u64, target: &str, mode: u32, owner: (u32, u32)) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    let mut put = |range: std::ops::Range<usize>, text: &str| {
        for (byte, value) in block[range].iter_mut().zip(text.bytes()) {
            *byte = value;
        }
    };
    put(field::NAME, name.1);
    put(field::MODE, &format!("{mode:07o}"));
    put(field::UID, &format!("{:07o}", owner.0));
    put(field::GID, &format!("{:07o}", owner.1));
    put(field::SIZE, &format!("{size:011o}"));
    put(field::MTIME, &format!("{MTIME:011o}"));
    put(
        field::TYPE..field::TYPE + 1,
        char::from(type_flag).encode_utf8(&mut [0; 4]),
    );
    put(field::LINK, target);
    put(field::MAGIC, "ustar\x0000");
    put(field::DEVICE_MAJOR, "0000000");
    put(field::DEVICE_MINOR, "0000000");
    put(field::PREFIX, name.0);
    let sum = format!("{:06o}\0 ", checksum(&block));
    block[field::CHECKSUM].copy_from_slice(sum.as_bytes());
    block
}

/// Prefix and name as ustar holds them, if it can.
fn split(path: &str) -> Option<(&str, &str)> {
    if !path.is_ascii() {
        return None;
    }
    if path.len() <= field::NAME.len() {
        return Some(("", path));
    }
    // The last slash that leaves a name; a directory's own slash does not.
    let end = path.len().saturating_sub(1).min(field::PREFIX.len() + 1);
    let slash = path.get(..end)?.rfind('/')?;
    let (prefix, name) = (path.get(..slash)?, path.get(slash + 1..)?);
    (!prefix.is_empty() && name.len() <= field::NAME.len()).then_some((prefix, name))
}

/// What a reader without pax sees: the start of the text, and `_` for what is not ASCII.
fn ascii(text: &str, length: usize) -> String {
    text.chars()
        .map(|letter| if letter.is_ascii() { letter } else { '_' })
        .take(length)
        .collect()
}

/// "length keyword=value\n", where the length counts itself.
fn record(keyword: &str, value: &str) -> String {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {keyword}={value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn file(path: &str) -> Vec<u8> {
        encode(&Header {
            path,
            kind: Kind::File { size: 5 },
            mode: 0o100_755,
            uid: 10_000,
            gid: 10_000,
        })
    }

    #[test]
    fn a_header_is_these_bytes() {
        let mut golden = Vec::new();
        golden.extend(b"usr/bin/bash");
        golden.resize(100, 0);
        golden.extend(b"0000755\x000023420\x000023420\x0000000000005\x0000000000001\x00011453\x00 0");
        golden.resize(257, 0);
        golden.extend(b"ustar\x0000");
        golden.resize(329, 0);
        golden.extend(b"0000000\x000000000\x00");
        golden.resize(512, 0);
        let written = file("usr/bin/bash");
        let (written, golden) = (written.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(written, golden);
    }

    #[rstest]
    #[case(100, 1)]
    #[case(101, 3)]
    fn a_name_without_slashes_outgrows_ustar(#[case] length: usize, #[case] blocks: usize) {
        assert_eq!(file(&"n".repeat(length)).len(), blocks * BLOCK_LEN);
    }

    #[rstest]
    #[case(155, 100, Some((155, 100)))]
    #[case(156, 100, None)]
    #[case(155, 101, None)]
    #[case(1, 100, Some((1, 100)))]
    fn a_path_is_split_at_a_slash(#[case] prefix: usize, #[case] name: usize, #[case] lengths: Option<(usize, usize)>) {
        let path = format!("{}/{}", "p".repeat(prefix), "n".repeat(name));
        assert_eq!(split(&path).map(|(prefix, name)| (prefix.len(), name.len())), lengths);
    }

    #[test]
    fn a_directory_is_not_split_at_its_own_slash() {
        let path = format!("{}/", "d".repeat(120));
        assert_eq!(split(&path), None);
    }

    #[rstest]
    #[case("path", "a", "9 path=a\n")]
    #[case("path", "", "8 path=\n")]
    #[case("a", "234", "8 a=234\n")]
    #[case("a", "2345", "9 a=2345\n")]
    #[case("a", "23456", "11 a=23456\n")]
    fn the_length_of_a_record_counts_itself(#[case] keyword: &str, #[case] value: &str, #[case] expected: &str) {
        assert_eq!(record(keyword, value), expected);
    }

    #[test]
    fn a_link_has_every_permission() {
        let link = encode(&Header {
            path: "a",
            kind: Kind::Link { target: "b" },
            mode: 0,
            uid: 0,
            gid: 0,
        });
        assert_eq!(&link[field::MODE], b"0000777\0");
    }
}
