//! One process, as proc(5)'s `stat` tells it to anyone.

use crate::sys::{ProcessId, SIGTERM};

/// What is read of a `stat`. Names are cut to 15 bytes by the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Its id.
    pub id: ProcessId,
    /// Its name; it may hold anything.
    pub name: &'a [u8],
    /// One letter: `R`, `S`, `T`, `Z` and others.
    pub state: u8,
    /// Its parent's id; 0 if that is none that we can see.
    pub parent: ProcessId,
    /// Whether it has a controlling terminal.
    pub has_terminal: bool,
    /// When it started, in clock ticks since the machine's boot.
    pub started_ticks: u64,
    /// The signals that it ignores, as bits, the first for signal 1.
    pub ignored: u64,
}

impl<'a> Stat<'a> {
    /// Reads it; nothing if it is cut or otherwise not as proc(5) has it.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let mut fields = text.get(close + 2..)?.split(|byte| *byte == b' ');
        Some(Self {
            id: number(text.get(..open)?.trim_ascii_end())? as ProcessId,
            name: text.get(open + 1..close)?,
            state: *fields.next()?.first()?,
            parent: number(fields.next()?)? as ProcessId,
            // Fields 7, 22 and 33 of all, counted from one.
            has_terminal: fields.nth(2)? != b"0",
            started_ticks: number(fields.nth(14)?)?,
            ignored: number(fields.nth(10)?)?,
        })
    }

    /// Whether it hears of its end only as its terminal would tell it: interactive shells ignore SIGTERM.
    pub fn wants_hangup(&self) -> bool {
        self.has_terminal && self.ignored & (1 << (SIGTERM - 1)) != 0
    }

    /// Whether it has ended and only its status is left.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// A decimal number, and nothing else.
pub fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let text =
            b"7 (a) R 1 (b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 2539520 200 18446744073709551615 1 1 0 0 0 0 \
              0 16384 0";
        let expected = Stat {
            id: 7,
            name: b"a) R 1 (b",
            state: b'S',
            parent: 1,
            has_terminal: false,
            started_ticks: 123_456,
            ignored: 1 << 14,
        };
        assert_eq!(Stat::parse(text), Some(expected));
        assert!(!expected.wants_hangup(), "nothing hangs up without a terminal");
        let at_a_terminal = Stat {
            has_terminal: true,
            ..expected
        };
        assert!(at_a_terminal.wants_hangup());
    }

    #[test]
    fn what_is_cut_is_nothing() {
        for text in ["", "7", "7 (a", "7 (a)", "7 (a) S", "7 (a) S 1 7", "x (a) S 1 7"] {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(number(b"4194304"), Some(4_194_304));
        for text in ["", "-1", "self", "1x", "99999999999999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
