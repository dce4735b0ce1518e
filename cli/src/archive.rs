//! Archives as people open them, `.tar.gz`: the same files give the same bytes on every machine.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// One second past 1970, as in the image's layers: no time of day is part of it.
const MTIME: u64 = 1;

/// Packs files, each with its path in the archive, in the order in which they come.
pub(crate) fn pack(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for (path, bytes) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MTIME);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    archive.into_inner().and_then(GzEncoder::finish)
}
