//! What the box may do in a cluster, as far as the box itself has to know. What it may do in fact is what the cluster lets it do.

use crate::environment::Environment;
use crate::error::Error;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// `CLAUDE_TIER`; without one there is no cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Sees what an operator looks at.
    Readonly,
    /// Repairs workloads as well.
    Operator,
    /// As readonly, on a network without Internet.
    Airgapped,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 3] = [Self::Airgapped, Self::Operator, Self::Readonly];

    /// As `CLAUDE_TIER` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Readonly => "readonly",
            Self::Operator => "operator",
            Self::Airgapped => "airgapped",
        }
    }

    /// Reads the tier, before anything is touched.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>, Error> {
        let Some(value) = environment.get("CLAUDE_TIER") else {
            return Ok(None);
        };
        Self::ALL
            .into_iter()
            .find(|tier| value == OsStr::from_bytes(tier.name().as_bytes()))
            .map(Some)
            .ok_or_else(|| Error::UnknownTier { value: value.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_one_of_three() {
        let read = |value| Tier::from_environment(&Environment::from([("CLAUDE_TIER", value)]));
        assert_eq!(read("").expect("there is none"), None);
        for tier in Tier::ALL {
            assert_eq!(read(tier.name()).expect("it is one"), Some(tier));
        }
        let error = read("admin").expect_err("it is none");
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            (
                r#"CLAUDE_TIER is "admin", which is no tier; set it to "airgapped", "operator" or "readonly", or leave it out where there is no cluster"#,
                64
            )
        );
    }
}
