//! A cluster's name: it becomes a part of containers' and hosts' names.

use std::fmt;
use std::str::FromStr;

/// A host's name has at most 63 characters (RFC 1123), and KIND appends `-control-plane` and `-worker2` to the cluster's.
const CHARACTERS_MAX: usize = 40;

/// A checked name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Name(String);

/// What is wrong with a name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "'{0}' cannot be a cluster's name: use up to {CHARACTERS_MAX} lower-case letters, digits and hyphens, with a letter or \
     digit at both ends"
)]
pub struct BadName(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The node that runs the control plane; a container and a host of this name.
    #[must_use]
    pub fn control_plane(&self) -> String {
        format!("{}-control-plane", self.0)
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = !text.is_empty()
            && text.len() <= CHARACTERS_MAX
            && text.chars().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName(text.to_owned()))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_a_host_s() {
        for good in ["cbox", "a", "cbox-test-2", &"x".repeat(40)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "Cbox", "a b", "-a", "a-", "a.b", "ä", "../x", &"x".repeat(41)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
