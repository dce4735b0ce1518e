//! Who we are: ourselves, or what is expected of an init by another name.

pub mod dumb_init;
pub mod native;
pub mod number;
pub mod tini;

/// The inits that we can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// Ourselves.
    Native,
    /// tini 0.19, which Docker calls docker-init.
    Tini,
    /// tini as it is when it was built without options.
    TiniMinimal,
    /// dumb-init 1.2.
    DumbInit,
}

impl Personality {
    /// By a name, if it is one of theirs.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
        known.map(|(_, personality)| *personality)
    }
}

const NAMES: [(&str, Personality); 6] = [
    ("box-init", Personality::Native),
    ("tini", Personality::Tini),
    ("tini-static", Personality::Tini),
    ("docker-init", Personality::Tini),
    ("tini-minimal", Personality::TiniMinimal),
    ("dumb-init", Personality::DumbInit),
];

/// The last part of a path.
pub fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
