//! Package URLs, "Package-URL specification": the names that scanners compare.

use std::fmt::Write as _;

/// `pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc`. A source package of another name or
/// version stands behind `upstream`, since Debian's advisories speak of sources.
#[must_use]
pub fn debian(package: &str, version: &str, architecture: &str, release: Option<&str>, source: (&str, &str)) -> String {
    let mut qualifiers = vec![("arch", architecture.to_owned())];
    if let Some(release) = release {
        qualifiers.push(("distro", format!("debian-{release}")));
    }
    match source {
        (name, same) if same == version && name == package => {}
        (name, same) if same == version => qualifiers.push(("upstream", name.to_owned())),
        (name, other) => qualifiers.push(("upstream", format!("{name}@{other}"))),
    }
    purl("deb", &["debian", package], version, &qualifiers)
}

/// `pkg:golang/k8s.io/kubectl@v0.35.1`; the type's names are in small letters.
#[must_use]
pub fn go(module: &str, version: &str) -> String {
    let module = module.to_lowercase();
    purl("golang", &module.split('/').collect::<Vec<_>>(), version, &[])
}

/// `pkg:npm/%40anthropic-ai/claude-code@2.1.112`.
#[must_use]
pub fn npm(package: &str, version: &str) -> String {
    purl("npm", &package.split('/').collect::<Vec<_>>(), version, &[])
}

/// `pkg:cargo/serde@1.0.0`.
#[must_use]
pub fn cargo(package: &str, version: &str) -> String {
    purl("cargo", &[package], version, &[])
}

/// What no registry has: `pkg:generic/box-init@0.1.0`.
#[must_use]
pub fn generic(name: &str, version: &str) -> String {
    purl("generic", &[name], version, &[])
}

/// An image by its digest: `pkg:oci/claude-in-a-box@sha256:…?arch=amd64`; an index has no architecture.
#[must_use]
pub fn oci(name: &str, digest: &str, architecture: Option<&str>) -> String {
    let qualifiers: Vec<_> = architecture.map(|name| ("arch", name.to_owned())).into_iter().collect();
    purl("oci", &[name], digest, &qualifiers)
}

/// The qualifiers are given in the order of their names.
fn purl(kind: &str, names: &[&str], version: &str, qualifiers: &[(&str, String)]) -> String {
    let path: Vec<String> = names.iter().map(|name| encoded(name)).collect();
    let mut purl = format!("pkg:{kind}/{}@{}", path.join("/"), encoded(version));
    for (index, (key, value)) in qualifiers.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(purl, "{}{key}={}", if index == 0 { '?' } else { '&' }, encoded(value));
    }
    purl
}

/// "Character encoding": letters, digits, `.-_~` and the colon stand for themselves.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_names_say_where_they_are_from() {
        let purl = |version, source| debian("libstdc++6", version, "amd64", Some("13"), source);
        assert_eq!(
            purl("14.2.0-19", ("gcc-14", "14.2.0-19")),
            "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=debian-13&upstream=gcc-14"
        );
        assert_eq!(
            purl("1:2.3~rc1-1+b2", ("libstdc++6", "1:2.3~rc1-1")),
            "pkg:deb/debian/libstdc%2B%2B6@1:2.3~rc1-1%2Bb2?arch=amd64&distro=debian-13&upstream=libstdc%2B%2B6%401:2.3~rc1-1"
        );
        assert_eq!(debian("x", "1", "all", None, ("x", "1")), "pkg:deb/debian/x@1?arch=all");
    }

    #[test]
    fn the_others_are_their_registrys() {
        assert_eq!(
            go("github.com/Masterminds/semver/v3", "v3.4.0+incompatible"),
            "pkg:golang/github.com/masterminds/semver/v3@v3.4.0%2Bincompatible"
        );
        assert_eq!(
            npm("@anthropic-ai/claude-code", "2.1.1"),
            "pkg:npm/%40anthropic-ai/claude-code@2.1.1"
        );
        assert_eq!(cargo("serde", "1.0.0"), "pkg:cargo/serde@1.0.0");
        assert_eq!(oci("box", "sha256:00", Some("arm")), "pkg:oci/box@sha256:00?arch=arm");
        assert_eq!(oci("box", "sha256:00", None), "pkg:oci/box@sha256:00");
    }
}
