//! Debian's version order (policy manual, section 5.6.12).

use std::cmp::Ordering;
use std::fmt;

/// A package's version: `[epoch:]upstream[-revision]`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Version(String);

impl Version {
    /// Takes a version as a package list writes it. Every text has a place in the order, so nothing is refused.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Epoch without leading zeros, upstream version, revision.
    fn parts(&self) -> (&str, &str, &str) {
        let (epoch, rest) = self.0.split_once(':').unwrap_or(("", &self.0));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.trim_start_matches('0'), upstream, revision)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The order of versions. `1.0` and `0:1.0-0` are different texts of one version: they compare equal here, not under `==`.
#[must_use]
pub fn compare(left: &Version, right: &Version) -> Ordering {
    let (left_epoch, left_upstream, left_revision) = left.parts();
    let (right_epoch, right_upstream, right_revision) = right.parts();
    compare_numbers(left_epoch, right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

/// Compares two upstream versions or two revisions: a run of non-digits, a run of digits, and so on.
fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split_run(left, |byte| !byte.is_ascii_digit());
        let (right_text, right_rest) = split_run(right, |byte| !byte.is_ascii_digit());
        let (left_number, left_rest) = split_run(left_rest, |byte| byte.is_ascii_digit());
        let (right_number, right_rest) = split_run(right_rest, |byte| byte.is_ascii_digit());
        let order = compare_text(left_text, right_text).then_with(|| {
            compare_numbers(
                left_number.trim_start_matches('0'),
                right_number.trim_start_matches('0'),
            )
        });
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn split_run(text: &str, belongs: fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|&byte| belongs(byte)).count())
}

/// Byte by byte, where the end of the text stands between `~` and everything else.
fn compare_text(left: &str, right: &str) -> Ordering {
    let weights = |text: &str| text.bytes().map(weight).chain([0]).collect::<Vec<_>>();
    weights(left).cmp(&weights(right))
}

/// `~` before the end, letters before all other characters.
fn weight(byte: u8) -> i16 {
    match byte {
        b'~' => -1,
        byte if byte.is_ascii_alphabetic() => i16::from(byte),
        byte => i16::from(byte) + 256,
    }
}

/// Numbers of any length, without leading zeros.
fn compare_numbers(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}
