//! The formats that packages are made of.

use assemble::ar::{Error as ArError, members};
use assemble::unpack::{Compression, Error};
use rstest::rstest;

use crate::fixture::{ar, pack};

const ALL: [Compression; 4] = [
    Compression::None,
    Compression::Gzip,
    Compression::Xz,
    Compression::Zstandard,
];

#[test]
fn members_are_read_in_order() {
    let bytes = ar(&[("debian-binary", b"2.0\n"), ("odd", b"abc"), ("last", b"")]);
    let read = members(&bytes).unwrap();
    let names: Vec<_> = read.iter().map(|member| (member.name, member.data)).collect();
    assert_eq!(
        names,
        [("debian-binary", &b"2.0\n"[..]), ("odd", b"abc"), ("last", b"")]
    );
}

#[test]
fn every_cut_of_an_ar_archive_is_noticed_or_ends_at_a_member() {
    let bytes = ar(&[("debian-binary", b"2.0\n"), ("data.tar", b"0123456789")]);
    for length in 0..bytes.len() {
        if let Ok(read) = members(&bytes[..length]) {
            assert!(read.len() < 2, "cut to {length} bytes");
        }
    }
}

#[test]
fn a_size_beyond_the_end_is_truncation() {
    let mut bytes = ar(&[("data.tar", b"0123456789")]);
    bytes[8 + 48..8 + 58].copy_from_slice(b"9999999999");
    assert_eq!(members(&bytes), Err(ArError::Truncated("data.tar".into())));
}

#[rstest]
#[case("data.tar", Some(Compression::None))]
#[case("data.tar.gz", Some(Compression::Gzip))]
#[case("data.tar.xz", Some(Compression::Xz))]
#[case("data.tar.zst", Some(Compression::Zstandard))]
#[case("data.tar.bz2", None)]
#[case("data.tar.lzma", None)]
#[case("control.tar.xz", None)]
fn the_name_tells_the_compression(#[case] name: &str, #[case] compression: Option<Compression>) {
    assert_eq!(Compression::of(name, "data.tar"), compression);
}

#[test]
fn what_was_packed_comes_out() {
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    for compression in ALL {
        let packed = pack(compression, &bytes);
        assert_eq!(compression.unpack(&packed, 1 << 30).unwrap(), bytes, "{compression:?}");
        assert_eq!(
            compression.unpack(&packed, bytes.len() as u64).unwrap(),
            bytes,
            "{compression:?}"
        );
    }
}

#[test]
fn several_streams_in_a_row_are_one() {
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstandard] {
        let packed = [pack(compression, b"one "), pack(compression, b"two")].concat();
        assert_eq!(compression.unpack(&packed, 100).unwrap(), b"one two", "{compression:?}");
    }
}

#[test]
fn one_byte_too_many_is_refused() {
    for compression in ALL {
        let packed = pack(compression, &[7; 1000]);
        assert_eq!(
            compression.unpack(&packed, 999),
            Err(Error::TooBig(999)),
            "{compression:?}"
        );
    }
}

#[test]
fn a_cut_stream_is_broken() {
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstandard] {
        let packed = pack(compression, &[7; 1000]);
        let cut = &packed[..packed.len() - 9];
        assert!(
            matches!(compression.unpack(cut, 1 << 20), Err(Error::Broken(_))),
            "{compression:?}"
        );
    }
}
