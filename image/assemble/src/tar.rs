//! The tar format: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Header Block".

pub mod read;
pub mod write;

/// Everything is a multiple of this long.
pub const BLOCK_LEN: usize = 512;

/// Where the fields of a header are.
mod field {
    use std::ops::Range;

    pub(super) const NAME: Range<usize> = 0..100;
    pub(super) const MODE: Range<usize> = 100..108;
    pub(super) const UID: Range<usize> = 108..116;
    pub(super) const GID: Range<usize> = 116..124;
    pub(super) const SIZE: Range<usize> = 124..136;
    pub(super) const MTIME: Range<usize> = 136..148;
    pub(super) const CHECKSUM: Range<usize> = 148..156;
    pub(super) const TYPE: usize = 156;
    pub(super) const LINK: Range<usize> = 157..257;
    pub(super) const MAGIC: Range<usize> = 257..265;
    pub(super) const DEVICE_MAJOR: Range<usize> = 329..337;
    pub(super) const DEVICE_MINOR: Range<usize> = 337..345;
    pub(super) const PREFIX: Range<usize> = 345..500;
}

/// The sum of a header's bytes, its checksum field read as spaces.
fn checksum(header: &[u8; BLOCK_LEN]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let spaces = u32::from(b' ') * field::CHECKSUM.len() as u32;
    sum(&header[..field::CHECKSUM.start]) + spaces + sum(&header[field::CHECKSUM.end..])
}

/// The zero bytes that fill a member's last block.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    const ZERO: [u8; BLOCK_LEN] = [0; BLOCK_LEN];
    let used = (size % BLOCK_LEN as u64) as usize;
    if used == 0 { &[] } else { &ZERO[used..] }
}

#[cfg(test)]
mod tests {
    use super::read::{Kind as Read, Limits, members};
    use super::write::{END, Header, Kind, encode};
    use super::*;
    use proptest::prelude::*;

    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec("[a-zA-Z0-9_.é -]{1,60}", 1..8).prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(
            path in path(), target in path(), mode in 0..0o10000_u32, uid in any::<u32>(), gid in any::<u32>(),
            data in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let kinds = [Kind::File { size: data.len() as u64 }, Kind::Directory, Kind::Link { target: &target }, Kind::HardLink { target: &target }];
            let mut bytes = Vec::new();
            for kind in kinds {
                bytes.extend(encode(&Header { path: &path, kind, mode, uid, gid }));
                if let Kind::File { size } = kind {
                    bytes.extend(&data);
                    bytes.extend(padding(size));
                }
            }
            bytes.extend(END);
            let read = members(&bytes, Limits::PACKAGE).unwrap();
            prop_assert_eq!(read.len(), 4);
            for member in &read {
                let expected = if member.kind == Read::Directory { format!("{path}/") } else { path.clone() };
                prop_assert_eq!(&member.path, &expected);
                prop_assert_eq!((member.uid, member.gid), (uid, gid));
            }
            let Read::File(range) = &read[0].kind else { panic!("{:?}", read[0].kind) };
            prop_assert_eq!(&bytes[range.clone()], &data[..]);
            prop_assert_eq!(read[0].mode, mode);
            prop_assert_eq!(&read[2].kind, &Read::Link(target.clone()));
            prop_assert_eq!(&read[3].kind, &Read::HardLink(target));
        }

        #[test]
        fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _ = members(&bytes, Limits::PACKAGE);
        }

        #[test]
        fn no_changed_byte_brings_the_reader_down(at in 0..512_usize, byte in any::<u8>()) {
            let mut bytes = encode(&Header { path: "usr/bin/x", kind: Kind::File { size: 3 }, mode: 0o755, uid: 0, gid: 0 });
            bytes.extend(b"abc");
            bytes.extend(padding(3));
            bytes.extend(END);
            let changed = bytes[at] != byte;
            bytes[at] = byte;
            // A checksum that still holds can only come from the checksum field itself, written otherwise.
            if changed && !field::CHECKSUM.contains(&at) {
                prop_assert!(members(&bytes, Limits::PACKAGE).is_err());
            }
        }
    }
}
