//! Whether the locks are what `tools.toml` and `scripts.toml` say, as far as that can be known without a network.

use std::fmt;

use crate::update::Paths;

/// Something that does not fit.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// todo
pub fn check(_paths: &Paths) -> Result<(), Vec<Problem>> {
    Ok(())
}
