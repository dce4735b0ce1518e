//! A cloud that offers Claude under its own account: Amazon Bedrock and Google Vertex AI. Claude finds that cloud's credential as the
//! cloud's own programs do; none of Anthropic's is wanted then, and none is given.
//!
//! The settings are passed through as they are. What is a secret among them belongs in a file: a variable of the container's is in the
//! environment of everything that runs in the box.

use crate::environment::Environment;
use crate::error::Error;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Which cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon Bedrock.
    Bedrock,
    /// Google Vertex AI.
    Vertex,
}

/// The variable that chooses a cloud, as Claude Code documents it.
const CHOICES: [(&str, Cloud); 2] = [
    ("CLAUDE_CODE_USE_BEDROCK", Cloud::Bedrock),
    ("CLAUDE_CODE_USE_VERTEX", Cloud::Vertex),
];

/// Where a cloud's endpoint is, and which cloud: what a file of settings must not turn elsewhere.
pub const PINNED: [&str; 4] = [
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
];

impl Cloud {
    /// The cloud that the environment chooses, if any. Its files of credentials are looked at and not read.
    ///
    /// # Errors
    ///
    /// When two are chosen, when the choice is neither yes nor no, when a secret stands in a variable, or when a file that is named
    /// cannot be read.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>, Error> {
        let mut chosen = None;
        for (name, cloud) in CHOICES {
            if !is_yes(name, environment)? {
                continue;
            }
            if chosen.is_some() {
                return Err(Error::TwoClouds);
            }
            chosen = Some(cloud);
        }
        let Some(cloud) = chosen else { return Ok(None) };
        if let Some(name) = cloud.secrets().iter().find(|name| environment.get(name).is_some()) {
            return Err(Error::CloudSecretInEnvironment { name });
        }
        for (name, path) in cloud.files(environment) {
            require_readable(name, &path)?;
        }
        Ok(Some(cloud))
    }

    /// The variable that chose it.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Bedrock => "CLAUDE_CODE_USE_BEDROCK",
            Self::Vertex => "CLAUDE_CODE_USE_VERTEX",
        }
    }

    /// Variables that would be the secret itself. Each has a file that takes its place.
    fn secrets(self) -> &'static [&'static str] {
        match self {
            Self::Bedrock => &["AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
            Self::Vertex => &[],
        }
    }

    /// The files of credentials that the environment names.
    fn files(self, environment: &Environment) -> Vec<(&'static str, PathBuf)> {
        let names: &[&'static str] = match self {
            Self::Bedrock => &[
                "AWS_CONFIG_FILE",
                "AWS_SHARED_CREDENTIALS_FILE",
                "AWS_WEB_IDENTITY_TOKEN_FILE",
            ],
            Self::Vertex => &["GOOGLE_APPLICATION_CREDENTIALS"],
        };
        names
            .iter()
            .filter_map(|name| Some((*name, PathBuf::from(environment.get(name)?))))
            .collect()
    }

    /// Tells one credential from another, as far as it is in files that are named; nothing about it.
    pub fn fingerprint(self, environment: &Environment) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.variable());
        for (_, path) in self.files(environment) {
            // One that cannot be read now is as good as another.
            hash.update(fs::read(path).unwrap_or_default());
        }
        hash.finalize().to_vec()
    }
}

/// As Claude reads such a variable, but that what is neither is not taken for a no.
fn is_yes(name: &'static str, environment: &Environment) -> Result<bool, Error> {
    let Some(value) = environment.get(name) else {
        return Ok(false);
    };
    match value.to_string_lossy().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Error::NeitherYesNorNo {
            name,
            value: value.into(),
        }),
    }
}

fn require_readable(name: &'static str, path: &Path) -> Result<(), Error> {
    let opened = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(())
    });
    opened.map_err(|source| Error::CloudFileUnreadable {
        name,
        path: path.into(),
        source,
        user: rustix::process::getuid().as_raw(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], None)]
    #[case(&[("CLAUDE_CODE_USE_BEDROCK", "0"), ("CLAUDE_CODE_USE_VERTEX", "")], None)]
    #[case(&[("CLAUDE_CODE_USE_BEDROCK", "1")], Some(Cloud::Bedrock))]
    #[case(&[("CLAUDE_CODE_USE_VERTEX", "TRUE"), ("AWS_SECRET_ACCESS_KEY", "for the aws command")], Some(Cloud::Vertex))]
    #[case(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")], Some(Cloud::Bedrock))]
    fn choice(#[case] variables: &[(&str, &str)], #[case] expected: Option<Cloud>) {
        let environment = environment(variables);
        assert_eq!(
            Cloud::from_environment(&environment).expect("settings are right"),
            expected
        );
    }

    #[rstest]
    #[case(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("CLAUDE_CODE_USE_VERTEX", "1")], 64, "CLAUDE_CODE_USE_BEDROCK and CLAUDE_CODE_USE_VERTEX are both set; leave one of them out")]
    #[case(&[("CLAUDE_CODE_USE_VERTEX", "si")], 64, r#"CLAUDE_CODE_USE_VERTEX is "si", which is neither 1 nor 0; set it to one of them, or leave it out"#)]
    #[case(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("AWS_SESSION_TOKEN", "s")], 64, "AWS_SESSION_TOKEN is set, which everything in the box could read; mount the keys as a file and name it in AWS_SHARED_CREDENTIALS_FILE, or use a web identity (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE)")]
    #[case(&[("CLAUDE_CODE_USE_VERTEX", "1"), ("GOOGLE_APPLICATION_CREDENTIALS", "/no/file")], 66, "GOOGLE_APPLICATION_CREDENTIALS names /no/file, which cannot be read: No such file or directory (os error 2); mount the file there, readable for user USER")]
    #[case(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/proc")], 66, "AWS_WEB_IDENTITY_TOKEN_FILE names /proc, which cannot be read: is a directory; mount the file there, readable for user USER")]
    fn refusal(#[case] variables: &[(&str, &str)], #[case] exit_code: u8, #[case] sentence: &str) {
        let error = Cloud::from_environment(&environment(variables)).expect_err("settings are wrong");
        let user = rustix::process::getuid().as_raw().to_string();
        assert_eq!(
            (error.to_string(), error.exit_code()),
            (sentence.replace("USER", &user), exit_code)
        );
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }
}
