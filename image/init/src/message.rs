//! One sentence in one fixed buffer, written with one `write(2)` so that lines of several processes never mix.

use crate::sys::{self, Descriptor, Errno, ProcessId};
use crate::text;
use crate::text::Text;

const ELLIPSIS: &[u8] = b"...";
/// A pipe takes this much at once or not at all, and it is more than a path and its reason need.
const LINE_SIZE_MAX: usize = 4096;

/// What is put into a template.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// As it is.
    Bytes(&'a [u8]),
    /// In decimal.
    Number(u32),
    /// One line of a text, counted from 0.
    Line(Text, u8),
}

impl Part<'_> {
    /// Nothing.
    pub const NOTHING: Self = Self::Bytes(b"");
}

/// A line under construction; what does not fit is cut, and the cut is visible.
pub struct Message {
    line: [u8; LINE_SIZE_MAX],
    /// How long the line would be if there were room for it, its end not counted.
    size: usize,
}

impl Message {
    /// Starts with our name.
    #[allow(clippy::new_without_default, reason = "a default message would be an empty sentence")]
    #[inline(never)]
    pub fn new() -> Self {
        let mut message = Self::bare();
        message.text(text!("box-init: "));
        message
    }

    /// Starts with nothing.
    #[inline(never)]
    pub fn bare() -> Self {
        Self {
            line: [0; LINE_SIZE_MAX],
            size: 0,
        }
    }

    /// Appends a text of ours.
    pub fn text(&mut self, text: Text) -> &mut Self {
        self.fill(text, &[])
    }

    /// Appends bytes as they are: names of files are bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.part(Part::Bytes(bytes))
    }

    /// Appends a number in decimal.
    pub fn number(&mut self, number: u32) -> &mut Self {
        self.part(Part::Number(number))
    }

    /// Appends what a process is called, and its id.
    #[inline(never)]
    pub fn process(&mut self, name: &[u8], process: ProcessId) -> &mut Self {
        let parts = [Part::Bytes(name), Part::Number(process as u32)];
        self.fill(text!("% (process %)"), &parts)
    }

    /// Appends a part by itself.
    #[inline(never)]
    pub fn part(&mut self, part: Part) -> &mut Self {
        let mut digits = [0; 10];
        let bytes = match part {
            Part::Bytes(bytes) => bytes,
            Part::Number(number) => decimal(number, &mut digits),
            Part::Line(text, mut before) => {
                text.unpack(&mut |byte| match (byte, before) {
                    (b'\n', _) => before = before.wrapping_sub(1),
                    (_, 0) => self.push(byte),
                    _ => {}
                });
                return self;
            }
        };
        for byte in bytes {
            self.push(*byte);
        }
        self
    }

    /// Appends a text in which each `%` stands for a part, in their order.
    #[inline(never)]
    pub fn fill(&mut self, template: Text, parts: &[Part]) -> &mut Self {
        let mut parts = parts.iter();
        template.unpack(&mut |byte| match byte {
            b'%' => {
                self.part(parts.next().copied().unwrap_or(Part::NOTHING));
            }
            _ => self.push(byte),
        });
        self
    }

    /// The line, with its end.
    pub fn line(&mut self) -> &[u8] {
        if self.size > LINE_SIZE_MAX - 1 {
            self.size = LINE_SIZE_MAX - 1 - ELLIPSIS.len();
            self.bytes(ELLIPSIS);
        }
        self.push(b'\n');
        self.line.get(..self.size).unwrap_or_default()
    }

    /// Writes the line to standard error; nothing can be done about one that does not take it.
    pub fn to_stderr(&mut self) {
        let _ = self.write_to(sys::STDERR);
    }

    /// Writes the line, which is done by that.
    ///
    /// # Errors
    ///
    /// The kernel's.
    #[inline(never)]
    pub fn write_to(&mut self, descriptor: Descriptor) -> Result<usize, Errno> {
        sys::write(descriptor, self.line())
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.line.get_mut(self.size) {
            *place = byte;
        }
        self.size += 1;
    }
}

/// A number's digits, in a place for them.
#[inline(never)]
pub fn decimal(number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut rest = number;
    let mut start = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        start = index;
        if rest == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn is_one_line_with_our_name() {
        assert_eq!(
            Message::new().text(text!("no ")).bytes(b"\xff").line(),
            b"box-init: no \xff\n"
        );
        assert_eq!(Message::bare().text(text!("no")).line(), b"no\n");
    }

    #[rstest]
    #[case(0, b"box-init: 0\n")]
    #[case(10, b"box-init: 10\n")]
    #[case(u32::MAX, b"box-init: 4294967295\n")]
    fn numbers(#[case] number: u32, #[case] expected: &[u8]) {
        assert_eq!(Message::new().number(number).line(), expected);
    }

    #[test]
    fn a_template_is_filled_in_order() {
        let mut message = Message::bare();
        message.fill(text!("% of %!"), &[Part::Number(3), Part::Bytes(b"\xff")]);
        assert_eq!(message.line(), b"3 of \xff!\n");
    }

    #[test]
    fn a_line_of_a_text_is_found() {
        let lines = |line| {
            Message::bare()
                .part(Part::Line(text!("one\ntwo\nthree"), line))
                .line()
                .to_vec()
        };
        assert_eq!([0, 1, 2, 3].map(lines), [&b"one\n"[..], b"two\n", b"three\n", b"\n"]);
    }

    #[test]
    fn a_long_line_is_cut_visibly() {
        let mut message = Message::new();
        let line = message.bytes(&[b'a'; 3000]).bytes(&[b'b'; 3000]).line();
        assert_eq!(line.len(), LINE_SIZE_MAX);
        assert!(line.ends_with(b"bb...\n"));
    }

    #[test]
    fn a_line_that_just_fits_is_whole() {
        let mut message = Message::new();
        message.bytes(&[b'a'; LINE_SIZE_MAX - 1 - "box-init: ".len()]);
        assert!(message.line().ends_with(b"aa\n"));
    }
}
