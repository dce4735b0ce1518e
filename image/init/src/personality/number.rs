//! Decimal numbers as the C library reads them.

/// What `strtol(3)` takes from the beginning of a text, and what it leaves. Too large a number is cut, which is out of every range
/// here; nothing is taken from a text that does not begin with a number.
pub fn leading(text: &[u8]) -> Option<(i64, &[u8])> {
    let unspaced = text.trim_ascii_start();
    // What isspace(3) counts and Rust does not.
    let unspaced = match unspaced {
        [0x0b, rest @ ..] => return leading(rest),
        other => other,
    };
    let (is_negative, digits) = match unspaced {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |number, digit| {
        number.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    Some((if is_negative { -magnitude } else { magnitude }, rest))
}
