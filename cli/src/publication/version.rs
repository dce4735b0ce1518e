//! Which release this is: the commit's tag, the chart and CHANGELOG.md say it alike, and the commit is all there is.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::chart;
use crate::failure::{Code, Failure};
use crate::process;

/// A release that everything agrees on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Version {
    /// `1.2.3`.
    pub(super) number: String,
    /// What CHANGELOG.md says of it.
    pub(super) changes: String,
}

impl Version {
    /// The version that a checkout is.
    ///
    /// # Errors
    ///
    /// When files differ from the commit, when the commit has no tag, and when tag, chart and CHANGELOG.md differ.
    pub(super) fn of(root: &Path) -> Result<Self, Failure> {
        let git = |words: &[&str]| process::read(Command::new("git").arg("-C").arg(root).args(words));
        // What git does not track is in no release: neither Nix nor the chart's archive takes it.
        let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
        if let Some(first) = changed.lines().next() {
            return Err(Failure::new(
                Code::Data,
                format!(
                    "{} files of {} differ from the commit ('{}' among them): commit them, or put them aside with git stash",
                    changed.lines().count(),
                    root.display(),
                    first.trim()
                ),
            ));
        }
        let tags = git(&["tag", "--points-at", "HEAD"])?;
        let read = |name: &str| {
            fs::read_to_string(root.join(name)).map_err(|error| {
                Failure::new(
                    Code::NoInput,
                    format!("cannot read {}: {error}", root.join(name).display()),
                )
            })
        };
        agree(&tags, &read("manifests/chart/Chart.yaml")?, &read("CHANGELOG.md")?)
    }

    /// The chart's archive, as Helm names it.
    pub(super) fn archive(&self) -> String {
        format!("{}-{}.tgz", chart::NAME, self.number)
    }
}

fn agree(tags: &str, chart: &str, changelog: &str) -> Result<Version, Failure> {
    let wrong = |sentence: String| Failure::new(Code::Data, sentence);
    let value = |key: &str| {
        let line = chart.lines().find_map(|line| line.strip_prefix(key));
        line.map(|value| value.trim().trim_matches('"').to_owned())
    };
    let number = value("version:").ok_or_else(|| wrong("manifests/chart/Chart.yaml has no version".to_owned()))?;
    let application = value("appVersion:").unwrap_or_default();
    if application != number {
        return Err(wrong(format!(
            "manifests/chart/Chart.yaml has version {number} and appVersion '{application}': make them the same"
        )));
    }
    let (title, changes) = newest(changelog)
        .ok_or_else(|| wrong("CHANGELOG.md has no section that begins with '## ': say there what is new".to_owned()))?;
    if title != number {
        return Err(wrong(format!(
            "the chart is {number}, and CHANGELOG.md's newest section is {title}: make them the same"
        )));
    }
    if changes.is_empty() {
        return Err(wrong(format!("CHANGELOG.md says nothing of {number}: say what is new")));
    }
    let versions: Vec<&str> = tags.lines().filter(|tag| tag.starts_with('v')).collect();
    let tag = format!("v{number}");
    if versions.is_empty() {
        return Err(wrong(format!(
            "the commit has no tag: git tag {tag} makes it release {number}"
        )));
    }
    if versions != [tag.as_str()] {
        return Err(wrong(format!(
            "the commit's tag is {}, and chart and CHANGELOG.md are {number}: one of them is wrong",
            versions.join(" and ")
        )));
    }
    Ok(Version { number, changes })
}

/// The first section's title and text.
fn newest(changelog: &str) -> Option<(String, String)> {
    let (_, rest) = changelog.split_once("\n## ")?;
    let (title, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let text = rest.split("\n## ").next().unwrap_or_default();
    Some((title.trim().to_owned(), text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const CHART: &str = "apiVersion: v2\nversion: 1.2.3\nappVersion: 1.2.3\n";
    const CHANGES: &str = "# Changelog\n\n## 1.2.3\n\n- New.\n\n## 1.2.2\n\n- Old.\n";

    #[test]
    fn what_agrees_is_a_release() {
        let version = agree("nightly\nv1.2.3", CHART, CHANGES).unwrap();
        assert_eq!((version.number.as_str(), version.changes.as_str()), ("1.2.3", "- New."));
        assert_eq!(version.archive(), "claude-in-a-box-1.2.3.tgz");
    }

    #[rstest]
    #[case::no_tag("", CHART, CHANGES, "git tag v1.2.3")]
    #[case::other_tag("v1.2.4", CHART, CHANGES, "the commit's tag is v1.2.4")]
    #[case::two_tags("v1.2.3\nv1.2.4", CHART, CHANGES, "the commit's tag is v1.2.3 and v1.2.4")]
    #[case::chart("v1.2.3", "version: 1.2.4\nappVersion: 1.2.4\n", CHANGES, "the chart is 1.2.4")]
    #[case::application("v1.2.3", "version: 1.2.3\nappVersion: 1.2.2\n", CHANGES, "appVersion '1.2.2'")]
    #[case::not_new("v1.2.3", CHART, "# C\n\n## 1.2.2\n\n- Old.\n", "newest section is 1.2.2")]
    #[case::nothing_new("v1.2.3", CHART, "# C\n\n## 1.2.3\n\n## 1.2.2\n\n- Old.\n", "says nothing of 1.2.3")]
    #[case::no_section("v1.2.3", CHART, "# C\n", "no section")]
    fn what_differs_is_named(#[case] tags: &str, #[case] chart: &str, #[case] changes: &str, #[case] said: &str) {
        let failure = agree(tags, chart, changes).unwrap_err();
        assert_eq!(failure.code, Code::Data);
        assert!(failure.to_string().contains(said), "{failure}");
    }

    fn git(root: &Path, words: &[&str]) {
        let status = Command::new("git")
            .arg("-C")
            .arg(root)
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.org",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(words)
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    }

    #[test]
    fn a_checkout_is_a_release_when_it_is_clean_and_tagged() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("manifests/chart")).unwrap();
        fs::write(root.join("manifests/chart/Chart.yaml"), CHART).unwrap();
        fs::write(root.join("CHANGELOG.md"), CHANGES).unwrap();
        git(root, &["init", "--quiet"]);
        git(root, &["add", "."]);
        git(root, &["commit", "--quiet", "--message=a"]);
        let said = |root: &Path| Version::of(root).unwrap_err().to_string();
        assert!(said(root).contains("has no tag"), "{}", said(root));
        git(root, &["tag", "v1.2.3"]);
        assert_eq!(Version::of(root).unwrap().number, "1.2.3");
        fs::write(root.join("notes.txt"), "of mine").unwrap();
        assert!(Version::of(root).is_ok(), "what git does not track is in no release");
        fs::write(root.join("CHANGELOG.md"), format!("{CHANGES}more")).unwrap();
        assert!(said(root).contains("1 files of"), "{}", said(root));
        assert!(said(root).contains("CHANGELOG.md"), "{}", said(root));
    }
}
