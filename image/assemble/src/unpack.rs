//! The compressions that deb(5) allows for the members of a package, undone.

use std::io::Read;

use zlib_rs::{Inflate, InflateFlush, Status};

/// How a member is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The xz format, what Debian's own packages use.
    Xz,
    /// RFC 8878, what Ubuntu's packages use.
    Zstandard,
}

/// Why a member cannot be unpacked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// More comes out than may.
    #[error("unpacks to more than {0} bytes")]
    TooBig(u64),
    /// The compressed bytes are broken.
    #[error("cannot be unpacked: {0}")]
    Broken(String),
}

impl Compression {
    /// The compression that a member's name tells: `data.tar.xz` for the stem `data.tar`.
    #[must_use]
    pub fn of(name: &str, stem: &str) -> Option<Self> {
        match name.strip_prefix(stem)? {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstandard),
            _ => None,
        }
    }

    /// The bytes unpacked, as long as there are no more than `limit`.
    ///
    /// # Errors
    ///
    /// [`Error`] tells too much from broken.
    pub fn unpack(self, packed: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
        let unpacked = match self {
            Self::None => read(packed, limit)?,
            Self::Gzip => gunzip(packed, limit)?,
            Self::Xz => read(lzma_rust2::XzReader::new(packed, true), limit)?,
            Self::Zstandard => unzstandard(packed, limit)?,
        };
        if unpacked.len() as u64 > limit {
            Err(Error::TooBig(limit))
        } else {
            Ok(unpacked)
        }
    }
}

fn read(mut reader: impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    // One byte more than allowed tells a member that is too big from one that just fits.
    reader
        .by_ref()
        .take(limit.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(broken)?;
    Ok(unpacked)
}

fn unzstandard(mut packed: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    // A file is one frame or several in a row.
    while !packed.is_empty() && unpacked.len() as u64 <= limit {
        let decoder = ruzstd::decoding::StreamingDecoder::new(&mut packed).map_err(broken)?;
        unpacked.extend(read(decoder, limit)?);
    }
    Ok(unpacked)
}

fn gunzip(packed: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
    /// RFC 1951's largest window, and zlib's sign for a gzip header.
    const WINDOW_BITS_GZIP: u8 = 15 + 16;
    let mut unpacked = Vec::new();
    let mut buffer = vec![0; 1 << 18];
    let mut rest = packed;
    while !rest.is_empty() {
        let mut inflate = Inflate::new(true, WINDOW_BITS_GZIP);
        loop {
            let (read_before, written_before) = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(rest, &mut buffer, InflateFlush::NoFlush)
                .map_err(|error| Error::Broken(error.as_str().into()))?;
            let (read, written) = (inflate.total_in() - read_before, inflate.total_out() - written_before);
            rest = rest.get(usize::try_from(read).map_err(broken)?..).unwrap_or_default();
            unpacked.extend_from_slice(
                buffer
                    .get(..usize::try_from(written).map_err(broken)?)
                    .unwrap_or_default(),
            );
            if unpacked.len() as u64 > limit {
                return Err(Error::TooBig(limit));
            }
            if status == Status::StreamEnd {
                break;
            }
            if read == 0 && written == 0 {
                return Err(Error::Broken("the gzip stream ends early".into()));
            }
        }
    }
    Ok(unpacked)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Broken(error.to_string())
}
