//! The licences that a package's copyright file names, where it is written for machines: Debian's "Machine-readable
//! debian/copyright file", version 1.0.

use std::collections::BTreeSet;

const FORMAT: &str = "copyright-format/1.0";

/// The short names of the licences of a package's files, sorted, as the file spells them: `GPL-2+`, `Expat`. Nothing if
/// the file has another form.
#[must_use]
pub fn licenses(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    let mut paragraphs = text.split("\n\n").map(fields);
    let is_known = paragraphs.next().is_some_and(|header| {
        header
            .iter()
            .any(|(name, value)| name == "format" && value.contains(FORMAT))
    });
    if !is_known {
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    // A paragraph without Files holds a licence's text, which another paragraph refers to.
    for paragraph in paragraphs.filter(|paragraph| paragraph.iter().any(|(name, _)| name == "files")) {
        names.extend(
            paragraph
                .into_iter()
                .filter(|(name, value)| name == "license" && !value.is_empty())
                .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" ")),
        );
    }
    names.into_iter().collect()
}

/// Names in small letters and the first lines of their values.
fn fields(paragraph: &str) -> Vec<(String, &str)> {
    paragraph
        .lines()
        .filter(|line| !line.starts_with([' ', '\t', '#']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2+\n text\n\n\
            Files: debian/*\nLicense: Expat\n\nLicense: GPL-2+\n the text\n\nLicense: unused\n", &["Expat", "GPL-2+"])]
    #[case("This package was debianized by somebody.\n\nFiles: *\nLicense: Expat\n", &[])]
    #[case("", &[])]
    fn licenses_of_files_are_named(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(licenses(text.as_bytes()), expected);
    }
}
