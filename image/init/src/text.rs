//! Texts that take little room: common pairs of bytes are one byte each.
//!
//! A third of this program would be texts, most of them for rare occasions and half of them other inits'. They are packed when they are
//! compiled and unpacked byte by byte when they are written; what is written here in the sources are the texts themselves.

mod pairs;

use pairs::PAIRS;

const FIRST_CODE: u8 = 128;

/// A packed text; made by [`text!`](crate::text!).
#[derive(Debug, Clone, Copy)]
pub struct Text(*const u8);

impl Text {
    /// # Safety
    ///
    /// It points to what [`pack`] made, which nothing ever changes.
    pub const unsafe fn new(packed: *const u8) -> Self {
        Self(packed)
    }

    /// Calls for every byte.
    pub fn unpack(self, each: &mut dyn FnMut(u8)) {
        let mut place = self.0;
        // SAFETY: what `pack` made ends with a zero byte, which is nowhere else in it; nothing behind that is read.
        unsafe {
            while *place != 0 {
                expand(*place, each);
                place = place.add(1);
            }
        }
    }
}

fn expand(code: u8, each: &mut dyn FnMut(u8)) {
    match code
        .checked_sub(FIRST_CODE)
        .and_then(|index| PAIRS.get(usize::from(index)))
    {
        None => each(code),
        Some([first, second]) => {
            expand(*first, each);
            expand(*second, each);
        }
    }
}

/// Packs an ASCII text, and ends it with a zero byte. Returns how much of the result is used.
#[allow(clippy::indexing_slicing, reason = "only evaluated when it is compiled")]
pub const fn pack<const SIZE: usize>(text: &str) -> ([u8; SIZE], usize) {
    let bytes = text.as_bytes();
    let mut packed = [0; SIZE];
    let mut size = 0;
    while size < bytes.len() {
        assert!(
            bytes[size] < FIRST_CODE && bytes[size] != 0,
            "a text is of ASCII characters"
        );
        packed[size] = bytes[size];
        size += 1;
    }
    let mut pair = 0;
    while pair < PAIRS.len() {
        let (mut from, mut to) = (0, 0);
        while from < size {
            if from + 1 < size && packed[from] == PAIRS[pair][0] && packed[from + 1] == PAIRS[pair][1] {
                packed[to] = FIRST_CODE + pair as u8;
                from += 2;
            } else {
                packed[to] = packed[from];
                from += 1;
            }
            to += 1;
        }
        size = to;
        pair += 1;
    }
    packed[size] = 0;
    (packed, size + 1)
}

/// The beginning of an array.
pub const fn cut<const FROM: usize, const TO: usize>(bytes: [u8; FROM]) -> [u8; TO] {
    let mut beginning = [0; TO];
    let mut index = 0;
    while index < TO {
        beginning[index] = bytes[index];
        index += 1;
    }
    beginning
}

/// A [`Text`] of a constant ASCII text.
#[macro_export]
macro_rules! text {
    ($text:expr) => {{
        const PLAIN: &str = $text;
        const PACKED: ([u8; PLAIN.len() + 1], usize) = $crate::text::pack(PLAIN);
        static BYTES: [u8; PACKED.1] = $crate::text::cut(PACKED.0);
        // SAFETY: this is what `pack` made.
        unsafe { $crate::text::Text::new(BYTES.as_ptr()) }
    }};
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What it says.
    pub(crate) fn unpacked(text: Text) -> String {
        let mut bytes = Vec::new();
        text.unpack(&mut |byte| bytes.push(byte));
        String::from_utf8(bytes).expect("a text is of ASCII characters")
    }

    #[test]
    fn says_what_it_was_made_of() {
        assert_eq!(unpacked(text!("")), "");
        assert_eq!(unpacked(text!("aa  aaa    \n~!")), "aa  aaa    \n~!");
        let licence = include_str!("personality/tini-license.txt");
        assert_eq!(unpacked(text!(include_str!("personality/tini-license.txt"))), licence);
    }

    #[test]
    fn takes_less_room() {
        const PLAIN: &str = include_str!("personality/tini-license.txt");
        assert!(pack::<{ PLAIN.len() + 1 }>(PLAIN).1 < PLAIN.len() * 7 / 10);
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back(text in "[ -~\n]{0,200}") {
            let (packed, size) = pack::<201>(&text);
            let packed: &'static [u8] = Vec::leak(packed[..size].to_vec());
            // SAFETY: this is what `pack` made.
            let again = unpacked(unsafe { Text::new(packed.as_ptr()) });
            proptest::prop_assert_eq!(again, text);
        }
    }
}
