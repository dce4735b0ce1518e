//! A layer's archive: the tree, entry by entry.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::digest::{self, Hashing};
use crate::error::Error;
use crate::input;
use crate::mode::Mode;
use crate::path::ImagePath;
use crate::record::{File, FileKind};
use crate::tar::padding;
use crate::tar::write::{END, Header, Kind as Written, encode};
use crate::tree::{Content, ContentId, Kind, Tree};
use sha1::{Digest as _, Sha1};

/// Writes the tree as an archive and says what is in it. `place` is the output's name in errors.
///
/// # Errors
///
/// [`Error::Read`] and [`Error::Changed`] for a file of this machine, [`Error::Write`] for the sink.
pub fn write(tree: &Tree, sink: &mut impl Write, place: &Path) -> Result<Vec<File>, Error> {
    let put = |error| Error::write(place, error);
    let mut files = Vec::with_capacity(tree.entries.len());
    // Of the paths that have the same bytes the first is the file, and the others are links to it.
    let mut firsts: HashMap<ContentId, &ImagePath> = HashMap::new();
    for (path, entry) in &tree.entries {
        let mut content = None;
        let kind = match &entry.kind {
            Kind::Directory(_) => Written::Directory,
            Kind::Link(target) => Written::Link { target },
            Kind::File(id) => match firsts.get(id) {
                Some(first) => Written::HardLink { target: first.as_str() },
                None => {
                    firsts.insert(*id, path);
                    content = tree.contents.get(*id);
                    Written::File {
                        size: content.map(Content::size).unwrap_or_default(),
                    }
                }
            },
        };
        let header = Header {
            path: path.as_str(),
            kind,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
        };
        sink.write_all(&encode(&header)).map_err(put)?;
        let mut file = describe(&header, tree.owner_name(entry.owner));
        if let Some(content) = content {
            let (sha256, sha1) = copy(content, sink, put)?;
            (file.sha256, file.sha1) = (Some(sha256), Some(sha1));
            sink.write_all(padding(content.size())).map_err(put)?;
        }
        files.push(file);
    }
    sink.write_all(&END).map_err(put)?;
    Ok(files)
}

fn describe(header: &Header<'_>, owner: String) -> File {
    let (kind, size, target, owner) = match header.kind {
        Written::Directory => (FileKind::Directory, None, None, None),
        Written::File { size } => (FileKind::File, Some(size), None, Some(owner)),
        Written::Link { target } => (FileKind::Link, None, Some(target.to_owned()), Some(owner)),
        Written::HardLink { target } => (FileKind::HardLink, None, Some(target.to_owned()), Some(owner)),
    };
    let mode = Mode::of(header.mode);
    File {
        path: header.path.to_owned(),
        kind,
        mode,
        uid: header.uid,
        gid: header.gid,
        size,
        sha256: None,
        sha1: None,
        target,
        owner,
    }
}

/// Copies a file's bytes; returns their SHA-256 and SHA-1 in hexadecimal.
fn copy(content: &Content, sink: &mut impl Write, put: impl Fn(io::Error) -> Error) -> Result<(String, String), Error> {
    let mut hashing = Hashing::new(sink);
    let mut sha1 = Sha1::new();
    match content {
        Content::Memory { data, range } => {
            let bytes = data.get(range.clone()).unwrap_or_default();
            sha1.update(bytes);
            hashing.write_all(bytes).map_err(put)?;
        }
        Content::Disk { path, size } => {
            let mut file = input::open(path)?;
            let mut buffer = vec![0; 1 << 18];
            let mut left = *size;
            loop {
                let read = file.read(&mut buffer).map_err(|error| Error::read(path, error))?;
                // The size stands in the header already.
                if read as u64 > left || (read == 0 && left > 0) {
                    return Err(Error::Changed { path: path.clone() });
                }
                if read == 0 {
                    break;
                }
                let bytes = buffer.get(..read).unwrap_or_default();
                sha1.update(bytes);
                hashing.write_all(bytes).map_err(&put)?;
                left -= read as u64;
            }
        }
    }
    let (digest, ..) = hashing.finish();
    Ok((digest.hex(), digest::hex(&sha1.finalize())))
}
