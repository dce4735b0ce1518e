//! Published advisories, in the form of OSV (https://ossf.github.io/osv-schema/) as Go's vulnerability database has it. Pure.

use semver::Version;
use serde::Deserialize;

/// One advisory; what nobody asks for is left out.
#[derive(Clone, Debug, Deserialize)]
pub struct Advisory {
    /// `GO-2026-6860`.
    pub id: String,
    /// Its names elsewhere: `CVE-2026-78661`.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One line.
    #[serde(default)]
    pub summary: String,
    /// When it was withdrawn, if it was.
    pub withdrawn: Option<String>,
    /// Whom it concerns.
    #[serde(default)]
    pub affected: Vec<Affected>,
}

/// A module that an advisory concerns.
#[derive(Clone, Debug, Deserialize)]
pub struct Affected {
    /// The module.
    pub package: Package,
    /// The versions.
    #[serde(default)]
    pub ranges: Vec<Range>,
}

/// A module's name; that of the standard library is `stdlib`.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// Its path.
    pub name: String,
}

/// Versions, as events in the order of versions.
#[derive(Clone, Debug, Deserialize)]
pub struct Range {
    /// `SEMVER` is the one that Go's database has.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins and where it ends.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// A version from which on something is so.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The defect is there; `0` is before every version.
    Introduced(String),
    /// It is gone.
    Fixed(String),
    /// After this version it is gone.
    LastAffected(String),
}

/// What an advisory says about a version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is not concerned.
    Unaffected,
    /// It is concerned, and nothing newer is fixed.
    Unfixed,
    /// It is concerned, and this version is fixed, as Go writes it.
    FixedIn(String),
}

/// A version that cannot be compared.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no version of a Go module")]
pub struct NoVersion(pub String);

impl Advisory {
    /// What it says about a module's version, which is one of [`version`].
    ///
    /// # Errors
    ///
    /// [`NoVersion`] if the advisory names something that is none.
    pub fn verdict(&self, module: &str, version: &Version) -> Result<Verdict, NoVersion> {
        if self.withdrawn.is_some() {
            return Ok(Verdict::Unaffected);
        }
        let mut verdict = Verdict::Unaffected;
        let affected = self.affected.iter().filter(|it| it.package.name == module);
        for range in affected.flat_map(|it| &it.ranges).filter(|it| it.kind == "SEMVER") {
            match range.verdict(version)? {
                Verdict::Unaffected => {}
                Verdict::Unfixed if verdict != Verdict::Unaffected => {}
                found => verdict = found,
            }
        }
        Ok(verdict)
    }
}

impl Range {
    /// The evaluation of OSV's schema: the last event that is not after the version decides.
    fn verdict(&self, version: &Version) -> Result<Verdict, NoVersion> {
        let mut concerned = false;
        let mut fixes: Vec<(Version, &str)> = Vec::new();
        let mut events = Vec::new();
        for event in &self.events {
            let (text, closes) = match event {
                Event::Introduced(text) => (text, false),
                Event::Fixed(text) | Event::LastAffected(text) => (text, true),
            };
            let at = match text.as_str() {
                "0" => None,
                text => Some(self::version(text)?),
            };
            if let (Event::Fixed(text), Some(at)) = (event, &at) {
                fixes.push((at.clone(), text));
            }
            events.push((at, closes, event));
        }
        events.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
        for (at, _, event) in events {
            let order = at.map_or(std::cmp::Ordering::Greater, |at| version.cmp_precedence(&at));
            match event {
                Event::Introduced(_) if order.is_ge() => concerned = true,
                Event::Fixed(_) if order.is_ge() => concerned = false,
                Event::LastAffected(_) if order.is_gt() => concerned = false,
                _ => {}
            }
        }
        if !concerned {
            return Ok(Verdict::Unaffected);
        }
        let newer = fixes.into_iter().filter(|(at, _)| at.cmp_precedence(version).is_gt());
        let nearest = newer.min_by(|left, right| left.0.cmp_precedence(&right.0));
        Ok(nearest.map_or(Verdict::Unfixed, |(_, text)| Verdict::FixedIn(text.to_owned())))
    }
}

/// A version of a Go module (`v1.2.3`), of the toolchain (`go1.26.11`, `go1.27rc1`), or of an advisory (`1.2.3`).
///
/// # Errors
///
/// [`NoVersion`] for anything else.
pub fn version(text: &str) -> Result<Version, NoVersion> {
    let none = || NoVersion(text.to_owned());
    if let Some(toolchain) = text.strip_prefix("go") {
        let (numbers, candidate) = match toolchain.find(|it: char| it.is_ascii_alphabetic()) {
            Some(at) => toolchain.split_at(at),
            None => (toolchain, ""),
        };
        let mut parts = numbers.split('.').map(str::parse);
        let mut part = || parts.next().unwrap_or(Ok(0)).map_err(|_| none());
        let mut version = Version::new(part()?, part()?, part()?);
        if let Some(at) = candidate.find(|it: char| it.is_ascii_digit()) {
            let (name, number) = candidate.split_at(at);
            version.pre = semver::Prerelease::new(&format!("{name}.{number}")).map_err(|_| none())?;
        }
        return Ok(version);
    }
    Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|_| none())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn advisory(events: serde_json::Value) -> Advisory {
        let affected = json!([{ "package": { "name": "m" }, "ranges": [{ "type": "SEMVER", "events": events }] }]);
        serde_json::from_value(json!({ "id": "GO-1", "affected": affected })).unwrap()
    }

    #[rstest]
    #[case::before("v1.1.9", Verdict::Unaffected)]
    #[case::at_the_start("v1.2.0", Verdict::FixedIn("1.2.5".to_owned()))]
    #[case::fixed("v1.2.5", Verdict::Unaffected)]
    #[case::a_candidate_of_the_fix("v1.2.5-rc.1", Verdict::FixedIn("1.2.5".to_owned()))]
    #[case::between_two_ranges("v1.2.9", Verdict::Unaffected)]
    #[case::in_the_second("v1.3.0", Verdict::FixedIn("1.3.1".to_owned()))]
    #[case::incompatible("v1.3.0+incompatible", Verdict::FixedIn("1.3.1".to_owned()))]
    #[case::never_fixed_again("v1.4.0", Verdict::Unfixed)]
    fn the_last_event_before_a_version_decides(#[case] text: &str, #[case] wanted: Verdict) {
        // The order of the events is not the file's to promise.
        let events = json!([{ "fixed": "1.3.1" }, { "introduced": "1.2.0" }, { "fixed": "1.2.5" },
                            { "introduced": "1.3.0-0" }, { "introduced": "1.4.0" }]);
        assert_eq!(advisory(events).verdict("m", &version(text).unwrap()), Ok(wanted));
    }

    #[rstest]
    #[case::from_the_beginning(json!([{ "introduced": "0" }, { "fixed": "0.0.0-20200220183623-bac4c82f6975" }]), "v0.58.0", Verdict::Unaffected)]
    #[case::a_pseudo_version(json!([{ "introduced": "0" }, { "fixed": "0.0.0-20200220183623-bac4c82f6975" }]),
        "v0.0.0-20191011191535-87dc89f01550", Verdict::FixedIn("0.0.0-20200220183623-bac4c82f6975".to_owned()))]
    #[case::no_fix(json!([{ "introduced": "0" }]), "v9.0.0", Verdict::Unfixed)]
    #[case::the_last_affected(json!([{ "introduced": "0" }, { "last_affected": "1.0.0" }]), "v1.0.0", Verdict::Unfixed)]
    #[case::after_the_last_affected(json!([{ "introduced": "0" }, { "last_affected": "1.0.0" }]), "v1.0.1", Verdict::Unaffected)]
    fn zero_is_before_every_version(#[case] events: serde_json::Value, #[case] text: &str, #[case] wanted: Verdict) {
        assert_eq!(advisory(events).verdict("m", &version(text).unwrap()), Ok(wanted));
    }

    #[test]
    fn another_module_and_a_withdrawn_advisory_concern_nobody() {
        let mut advisory = advisory(json!([{ "introduced": "0" }]));
        let version = version("v1.0.0").unwrap();
        assert_eq!(advisory.verdict("other", &version), Ok(Verdict::Unaffected));
        advisory.withdrawn = Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(advisory.verdict("m", &version), Ok(Verdict::Unaffected));
    }

    #[rstest]
    #[case("go1.26", "1.26.0")]
    #[case("go1.26.11", "1.26.11")]
    #[case("go1.27rc2", "1.27.0-rc.2")]
    #[case("v2.4.0+incompatible", "2.4.0+incompatible")]
    fn a_version_is_read(#[case] text: &str, #[case] wanted: &str) {
        assert_eq!(version(text).unwrap().to_string(), wanted);
    }

    #[rstest]
    #[case("(devel)")]
    #[case("go")]
    #[case("v1")]
    fn what_is_no_version_is_said(#[case] text: &str) {
        assert_eq!(version(text), Err(NoVersion(text.to_owned())));
    }
}
