//! The three architectures, by the names that each world gives them.

use serde::{Deserialize, Serialize};

/// An architecture by Debian's name, the name used in every file of this project.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// `x86_64`.
    Amd64,
    /// `aarch64`.
    Arm64,
    /// ARMv7 with hard float.
    Armhf,
}

impl Architecture {
    /// Every architecture that an image is built for.
    pub const ALL: [Self; 3] = [Self::Amd64, Self::Arm64, Self::Armhf];

    /// Debian's name: `amd64`, `arm64`, `armhf`.
    #[must_use]
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
        }
    }

    /// The name of its directory of libraries: `x86_64-linux-gnu`, as <https://wiki.debian.org/Multiarch/Tuples> has it.
    #[must_use]
    pub const fn multiarch(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
            Self::Armhf => "arm-linux-gnueabihf",
        }
    }

    /// The platform of an OCI image index as Docker writes it: `linux/amd64`, `linux/arm64`, `linux/arm/v7`.
    #[must_use]
    pub const fn platform(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
            Self::Armhf => "linux/arm/v7",
        }
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.debian())
    }
}
