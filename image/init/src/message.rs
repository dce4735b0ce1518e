//! One sentence in one fixed buffer, written with one `write(2)` so that lines of several processes never mix.

use crate::sys::{self, Descriptor};

const PREFIX: &[u8] = b"box-init: ";
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
}

/// A line under construction; what does not fit is cut, and the cut is visible.
pub struct Message {
    line: [u8; LINE_SIZE_MAX],
    size: usize,
}

impl Message {
    /// Starts with our name.
    #[allow(clippy::new_without_default, reason = "a default message would be an empty sentence")]
    #[inline(never)]
    pub fn new() -> Self {
        let mut message = Self::bare();
        message.bytes(PREFIX);
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

    /// Appends text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes as they are: names of files are bytes.
    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let room = LINE_SIZE_MAX - 1 - self.size;
        if bytes.len() <= room {
            self.append(bytes);
        } else {
            self.append(bytes.get(..room).unwrap_or_default());
            self.size = LINE_SIZE_MAX - 1 - ELLIPSIS.len();
            self.append(ELLIPSIS);
        }
        self
    }

    /// Appends a number in decimal.
    pub fn number(&mut self, number: u32) -> &mut Self {
        let mut digits = [0; 10];
        self.bytes(decimal(number, &mut digits))
    }

    /// Appends a text in which each `%` stands for a part, in their order.
    #[inline(never)]
    pub fn fill(&mut self, template: &str, parts: &[Part]) -> &mut Self {
        let mut parts = parts.iter();
        for (index, text) in template.as_bytes().split(|byte| *byte == b'%').enumerate() {
            if index > 0 {
                match parts.next() {
                    Some(Part::Bytes(bytes)) => self.bytes(bytes),
                    Some(Part::Number(number)) => self.number(*number),
                    None => self,
                };
            }
            self.bytes(text);
        }
        self
    }

    /// The line, with its end.
    pub fn line(&mut self) -> &[u8] {
        if let Some(end) = self.line.get_mut(self.size) {
            *end = b'\n';
        }
        self.line.get(..self.size + 1).unwrap_or_default()
    }

    /// Writes the line to standard error; nothing can be done about one that does not take it.
    pub fn to_stderr(&mut self) {
        self.write_to(sys::STDERR);
    }

    /// Writes the line.
    #[inline(never)]
    pub fn write_to(&mut self, descriptor: Descriptor) {
        let _ = sys::write(descriptor, self.line());
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = self.line.get_mut(self.size..).unwrap_or_default();
        for (target, byte) in room.iter_mut().zip(bytes) {
            *target = *byte;
            self.size += 1;
        }
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
        assert_eq!(Message::new().text("no ").bytes(b"\xff").line(), b"box-init: no \xff\n");
        assert_eq!(Message::bare().text("no").line(), b"no\n");
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
        message.fill("% of %!", &[Part::Number(3), Part::Bytes(b"\xff")]);
        assert_eq!(message.line(), b"3 of \xff!\n");
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
        message.bytes(&[b'a'; LINE_SIZE_MAX - 1 - PREFIX.len()]);
        assert!(message.line().ends_with(b"aa\n"));
    }
}
