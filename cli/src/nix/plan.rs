//! What a build is going to do, from `nix build --dry-run`.

use serde::Serialize;

/// What a step's time goes into.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Bytes come from outside.
    Download,
    /// A compiler runs.
    Compile,
    /// Packages become layers and images.
    Assemble,
    /// Packages are unpacked for the build's own use.
    Prepare,
}

impl Kind {
    /// The noun that a report uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Compile => "compile",
            Self::Assemble => "assemble",
            Self::Prepare => "prepare",
        }
    }
}

/// The names of the derivations that a dry run lists, without store directory, hash and ending.
pub(crate) fn parse(dry_run: &str) -> Vec<String> {
    dry_run
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.ends_with(".drv"))
        .map(name)
        .collect()
}

/// `/nix/store/<hash>-kubectl-amd64.drv` -> `kubectl-amd64`.
pub(crate) fn name(derivation: &str) -> String {
    let file = derivation.rsplit('/').next().unwrap_or(derivation);
    let file = file.strip_suffix(".drv").unwrap_or(file);
    file.split_once('-').map_or(file, |(_, name)| name).to_owned()
}

/// What the step of this name is.
pub(crate) fn kind(name: &str) -> Kind {
    let downloads = [".deb", ".tar.xz", ".tgz"];
    if downloads.iter().any(|end| name.ends_with(end))
        || name.contains("-crates-")
        || name.contains("-modules")
        || name.starts_with("go-1.")
        || name.starts_with("claude-code-2")
    {
        Kind::Download
    } else if name.starts_with("layer-") || name.starts_with("image-") {
        Kind::Assemble
    } else if ["go-", "assemble-", "box-", "messages-api-", "crate-tests", "programs-"]
        .iter()
        .any(|start| name.starts_with(start))
    {
        Kind::Compile
    } else {
        Kind::Prepare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_lists_what_will_be_built() {
        let text = "these 2 derivations will be built:\n  /nix/store/1is54i6fzxj3mydkacr4ahs2lg3p6n6a-layer-base-amd64.drv\n  \
                    /nix/store/9vwssmhjgdayyz4sgq9a08g30gp3ykkr-image-core-amd64.drv\n";
        assert_eq!(parse(text), ["layer-base-amd64", "image-core-amd64"]);
        assert_eq!(parse(""), Vec::<String>::new());
    }

    #[test]
    fn a_step_is_known_by_its_name() {
        let check = |name, expected| assert_eq!(kind(name), expected, "{name}");
        check("bash_amd64.deb", Kind::Download);
        check("assemble-crates-0123456789ab", Kind::Download);
        check("go-1.26.8", Kind::Download);
        check("go-kubernetes-amd64", Kind::Compile);
        check("box-init-armhf", Kind::Compile);
        check("layer-base-armhf", Kind::Assemble);
        check("image-core", Kind::Assemble);
        check("unpacked-libc6", Kind::Prepare);
        check("rust-1.95.0", Kind::Prepare);
    }
}
