//! `manifests/posture.toml`: which rule may be broken where, and why. An exception that is for nothing is an error, so that
//! none outlives its reason. Parsing is pure.

use serde::Deserialize;

use crate::posture::rule;

/// Where the exceptions are, below the project's folder.
pub const FILE: &str = "manifests/posture.toml";

/// The version of the format that is understood here.
const VERSION: u32 = 1;

/// The exceptions are wrong. Each names the file, the key, its value and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionError {
    /// The file is no TOML, or has a key that it should not have.
    #[error("{FILE} cannot be read: {0}")]
    Shape(String),
    /// A newer format.
    #[error("{FILE}: version is {0}, and this knows {VERSION}: take the cbox of the same checkout")]
    Version(u32),
    /// A value that cannot be meant.
    #[error("{FILE}: exceptions[{position}].{key}: {message}")]
    Value {
        /// Which one, from 0.
        position: usize,
        /// The key.
        key: &'static str,
        /// Its value, what is wrong with it, and the way out.
        message: String,
    },
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    exceptions: Vec<Exception>,
}

/// A rule that may be broken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The rule's name.
    pub rule: String,
    /// The thing that breaks it, as cells name it.
    pub of: String,
    /// In which releases: profiles and tiers by their names, or `compose`.
    #[serde(rename = "in")]
    pub wholes: Vec<String>,
    /// Why it may.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

impl Exception {
    /// Is it about this rule and this thing?
    #[must_use]
    pub fn is_for(&self, rule: &str, of: &str) -> bool {
        self.rule == rule && self.of == of
    }
}

impl Exceptions {
    /// Reads them; `known` are the names that `in` may have.
    ///
    /// # Errors
    ///
    /// When the file has another shape, or names what there is not.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, ExceptionError> {
        let file: File =
            toml::from_str(text).map_err(|error| ExceptionError::Shape(error.to_string().trim().to_owned()))?;
        if file.version != VERSION {
            return Err(ExceptionError::Version(file.version));
        }
        for (position, exception) in file.exceptions.iter().enumerate() {
            if let Some((key, message)) = wrong(exception, known) {
                return Err(ExceptionError::Value { position, key, message });
            }
        }
        Ok(Self {
            exceptions: file.exceptions,
        })
    }

    /// The same exceptions for a whole that has no name among them: a user's own values are what they are, not a profile.
    #[must_use]
    pub fn for_any_values(mut self) -> Self {
        for exception in &mut self.exceptions {
            exception.wholes.clear();
        }
        self
    }

    /// The exception for a rule and a thing in a whole.
    #[must_use]
    pub fn find(&self, whole: &str, rule: &str, of: &str) -> Option<&Exception> {
        let is_in =
            |exception: &&Exception| exception.wholes.is_empty() || exception.wholes.iter().any(|name| name == whole);
        self.exceptions
            .iter()
            .filter(is_in)
            .find(|exception| exception.is_for(rule, of))
    }

    /// Refuses an exception for a whole in which nothing needs it.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub fn must_be_needed(&self, whole: &str, is_broken: impl Fn(&Exception) -> bool) -> Result<(), ExceptionError> {
        for (position, exception) in self.exceptions.iter().enumerate() {
            if exception.wholes.iter().any(|name| name == whole) && !is_broken(exception) {
                let Exception { rule, of, .. } = exception;
                return Err(ExceptionError::Value {
                    position,
                    key: "in",
                    message: format!(
                        "'{whole}': there '{of}' does not break rule '{rule}', so that nothing is excepted; take '{whole}' \
                         out of it, or the exception if it is the last"
                    ),
                });
            }
        }
        Ok(())
    }
}

fn wrong(exception: &Exception, known: &[&str]) -> Option<(&'static str, String)> {
    let Exception { rule, of, wholes, why } = exception;
    if rule::find(rule).is_none() {
        let message = format!("there is no rule '{rule}'; `./cbox verify posture --json` shows their names");
        return Some(("rule", message));
    }
    if of.is_empty() {
        return Some((
            "of",
            "'' names nothing; write what breaks the rule, as its cell does".to_owned(),
        ));
    }
    if let Some(name) = wholes.iter().find(|name| !known.contains(&name.as_str())) {
        return Some(("in", format!("there is no '{name}'; it may be {}", known.join(", "))));
    }
    if wholes.is_empty() {
        return Some(("in", format!("[] is nowhere; name one of {}", known.join(", "))));
    }
    if why.trim().len() < 10 {
        return Some(("why", format!("'{why}' is no reason; write a sentence")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GOOD: &str = "version = 1\n[[exceptions]]\nrule = \"probes\"\nof = \"Job/box/box\"\nin = [\"headless-job\"]\nwhy = \"a run ends by itself\"\n";

    #[rstest]
    #[case(
        "version = 1",
        "version = 2",
        "manifests/posture.toml: version is 2, and this knows 1: take the cbox of the same checkout"
    )]
    #[case(
        "rule = \"probes\"",
        "rule = \"probe\"",
        "manifests/posture.toml: exceptions[0].rule: there is no rule 'probe'; `./cbox verify posture --json` shows their names"
    )]
    #[case(
        "of = \"Job/box/box\"",
        "of = \"\"",
        "manifests/posture.toml: exceptions[0].of: '' names nothing; write what breaks the rule, as its cell does"
    )]
    #[case(
        "in = [\"headless-job\"]",
        "in = [\"job\"]",
        "manifests/posture.toml: exceptions[0].in: there is no 'job'; it may be headless-job"
    )]
    #[case(
        "in = [\"headless-job\"]",
        "in = []",
        "manifests/posture.toml: exceptions[0].in: [] is nowhere; name one of headless-job"
    )]
    #[case(
        "a run ends by itself",
        "",
        "manifests/posture.toml: exceptions[0].why: '' is no reason; write a sentence"
    )]
    fn what_is_wrong_is_named_with_the_way_out(#[case] old: &str, #[case] new: &str, #[case] expected: &str) {
        let text = GOOD.replace(old, new);
        let error = Exceptions::parse(&text, &["headless-job"]).expect_err("it is wrong");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let text = GOOD.replace("why", "because");
        let error = Exceptions::parse(&text, &["headless-job"]).expect_err("it is wrong");
        assert!(error.to_string().contains("`because`"), "{error}");
    }

    #[test]
    fn what_nothing_needs_is_an_error() {
        let exceptions = Exceptions::parse(GOOD, &["headless-job"]).expect("it is right");
        assert!(
            exceptions.must_be_needed("readonly", |_| false).is_ok(),
            "it is not for that"
        );
        assert!(exceptions.must_be_needed("headless-job", |_| true).is_ok());
        let error = exceptions
            .must_be_needed("headless-job", |_| false)
            .expect_err("it is stale");
        assert_eq!(
            error.to_string(),
            "manifests/posture.toml: exceptions[0].in: 'headless-job': there 'Job/box/box' does not break rule 'probes', so \
             that nothing is excepted; take 'headless-job' out of it, or the exception if it is the last"
        );
    }
}
