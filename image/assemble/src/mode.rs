//! Permission bits, in octal as people write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Permission bits and sticky. `setuid` and `setgid` are no part of an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mode(u32);

impl Mode {
    /// Reads octal digits; nothing for other text and for more than `1777`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let octal = text.bytes().all(|digit| digit.is_ascii_digit());
        let bits = u32::from_str_radix(text, 8).ok().filter(|_| octal)?;
        (bits & !0o1777 == 0).then_some(Self(bits))
    }

    /// From bits; those that have no place here are left out.
    #[must_use]
    pub const fn of(bits: u32) -> Self {
        Self(bits & 0o1777)
    }

    /// As a number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04o}", self.0)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("\"{text}\" is no octal mode up to 1777")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0755", Some("0755"))]
    #[case("755", Some("0755"))]
    #[case("1777", Some("1777"))]
    #[case("4755", None)]
    #[case("2755", None)]
    #[case("0o755", None)]
    #[case("+755", None)]
    #[case("789", None)]
    #[case("", None)]
    fn octal_is_read(#[case] text: &str, #[case] mode: Option<&str>) {
        assert_eq!(Mode::parse(text).map(|mode| mode.to_string()).as_deref(), mode);
    }
}
