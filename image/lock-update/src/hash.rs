//! Hashes of files, as locks write them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use sha2::{Digest, Sha256, Sha512};

/// The hashes of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Hashes {
    /// In hexadecimal.
    pub(crate) sha256: String,
    /// As npm writes it: `sha512-` and base64.
    pub(crate) integrity: String,
    /// In bytes.
    pub(crate) size: u64,
}

/// Of bytes in memory, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Of a file.
pub(crate) fn file(path: &Path) -> io::Result<Hashes> {
    stream(File::open(path)?)
}

/// Of all that can be read.
pub(crate) fn stream(mut reader: impl Read) -> io::Result<Hashes> {
    let (mut sha256, mut sha512, mut size) = (Sha256::new(), Sha512::new(), 0);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        sha256.update(bytes);
        sha512.update(bytes);
        size += length as u64;
    }
    let integrity = format!(
        "sha512-{}",
        base64::engine::general_purpose::STANDARD.encode(sha512.finalize())
    );
    Ok(Hashes {
        sha256: hexadecimal(&sha256.finalize()),
        integrity,
        size,
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
