//! Debian's order of versions: deb-version(7).

use std::cmp::Ordering;

/// Which of two versions is the later.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left_upstream, left_revision) = split(left);
    let (right_epoch, right_upstream, right_revision) = split(right);
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

/// Epoch, upstream version, Debian revision; what is missing counts as zero.
fn split(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.parse().unwrap_or(0), upstream, revision)
}

/// Compares by turns a run without digits, where `~` sorts before the end and letters before all else, and a number.
fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split_while(left, |letter| !letter.is_ascii_digit());
        let (right_text, right_rest) = split_while(right, |letter| !letter.is_ascii_digit());
        let (left_number, left_next) = split_while(left_rest, |letter| letter.is_ascii_digit());
        let (right_number, right_next) = split_while(right_rest, |letter| letter.is_ascii_digit());
        let order = compare_text(left_text, right_text).then_with(|| compare_number(left_number, right_number));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_next, right_next);
    }
    Ordering::Equal
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !keep(letter)).unwrap_or(text.len()))
}

fn compare_text(left: &str, right: &str) -> Ordering {
    fn weight(letter: Option<u8>) -> i32 {
        match letter {
            Some(b'~') => -1,
            None => 0,
            Some(letter) if letter.is_ascii_alphabetic() => i32::from(letter),
            Some(letter) => i32::from(letter) + 256,
        }
    }
    (0..left.len().max(right.len()))
        .map(|index| weight(left.as_bytes().get(index).copied()).cmp(&weight(right.as_bytes().get(index).copied())))
        .find(|order| *order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

/// Of any length: versions hold dates and hashes.
fn compare_number(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.0", "1.0", Ordering::Equal)]
    #[case("1.0-1", "1.0-2", Ordering::Less)]
    #[case("1.9", "1.10", Ordering::Less)]
    #[case("1:0.1", "9.9", Ordering::Greater)]
    #[case("1.0~rc1", "1.0", Ordering::Less)]
    #[case("1.0~~", "1.0~", Ordering::Less)]
    #[case("1.0+b1", "1.0", Ordering::Greater)]
    #[case("1.0a", "1.0+", Ordering::Less)]
    #[case("5.2.15-2+b7", "5.2.15-2+b13", Ordering::Less)]
    #[case("2.36-9+deb12u9", "2.36-9+deb12u13", Ordering::Less)]
    #[case("007", "7", Ordering::Equal)]
    #[case("1.0-0", "1.0", Ordering::Equal)]
    #[case("20250419~deb12u1", "20250419", Ordering::Less)]
    #[case("0.99999999999999999999", "0.100000000000000000000", Ordering::Less)]
    fn sorts_as_dpkg_does(#[case] left: &str, #[case] right: &str, #[case] order: Ordering) {
        assert_eq!(compare(left, right), order);
        assert_eq!(compare(right, left), order.reverse());
    }
}
