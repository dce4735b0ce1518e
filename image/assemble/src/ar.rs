//! The common `ar` archive, which a Debian package is: deb(5) and ar(5).

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_LEN: usize = 60;

/// One file of the archive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member<'a> {
    /// Without the padding and without the slash that some writers end it with.
    pub name: &'a str,
    /// Its bytes.
    pub data: &'a [u8],
}

/// What is wrong with an archive.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The first bytes are not those of an archive.
    #[error("does not start with \"!<arch>\"")]
    Magic,
    /// A member's header cannot be read.
    #[error("holds no member header at byte {0}")]
    Header(usize),
    /// The file ends before the member does.
    #[error("ends in the middle of {0}")]
    Truncated(String),
}

/// The members in their order.
///
/// # Errors
///
/// [`Error`] says where the archive is broken.
pub fn members(archive: &[u8]) -> Result<Vec<Member<'_>>, Error> {
    if !archive.starts_with(MAGIC) {
        return Err(Error::Magic);
    }
    let mut members = Vec::new();
    let mut at = MAGIC.len();
    while at < archive.len() {
        let (name, size) =
            header(archive.get(at..at + HEADER_LEN).ok_or(Error::Header(at))?).ok_or(Error::Header(at))?;
        let start = at + HEADER_LEN;
        let data = start.checked_add(size).and_then(|end| archive.get(start..end));
        members.push(Member {
            name,
            data: data.ok_or_else(|| Error::Truncated(name.to_owned()))?,
        });
        // Members start at even offsets.
        at = start + size + size % 2;
    }
    Ok(members)
}

fn header(header: &[u8]) -> Option<(&str, usize)> {
    let text = std::str::from_utf8(header).ok()?;
    let name = text.get(..16)?.trim_end_matches(' ').trim_end_matches('/');
    let size = text.get(48..58)?.trim_end_matches(' ').parse().ok()?;
    (text.get(58..) == Some("`\n") && !name.is_empty()).then_some((name, size))
}
