//! Names that are unique because a digest is: RFC 9562's version 8, whose bits are the application's own.

use assemble::digest::Digest;

/// `urn:uuid:` and a UUID made of the digest of what is named and of what it is.
#[must_use]
pub fn urn(kind: &str, digest: Digest) -> String {
    let hex = Digest::of(format!("{kind} {digest}").as_bytes()).hex();
    let part = |start: usize, end: usize| hex.get(start..end).unwrap_or_default();
    // The variant's two bits are 10: one of the digits 8, 9, a and b.
    let variant = match part(16, 17) {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_digests() {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(urn("spdx", one), urn("spdx", one));
        assert_ne!(urn("spdx", one), urn("cyclonedx", one));
        assert_ne!(urn("spdx", one), urn("spdx", other));
        let urn = urn("spdx", one);
        assert_eq!((urn.len(), &urn[23..24]), ("urn:uuid:".len() + 36, "8"));
        assert!("89ab".contains(&urn[28..29]), "{urn}");
    }
}
