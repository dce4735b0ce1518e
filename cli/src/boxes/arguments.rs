//! What can be typed about boxes that live on.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

/// Which box is meant. Where it is was remembered by `cbox up`.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// The box's name
    #[arg(long, default_value = "box", value_parser = name)]
    pub(crate) name: String,
}

/// `cbox up`.
#[derive(Args, Debug)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Where it is to live: this machine's Docker, or a test cluster (KIND) that is made if it is not there
    #[arg(long, default_value = "docker", value_parser = ["docker", "kind"], conflicts_with = "context")]
    pub(crate) on: String,
    /// A cluster of yours instead: a context of your kubeconfig
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// The test cluster's name
    #[arg(long, default_value = "cbox", value_parser = name)]
    pub(crate) cluster: String,
    #[command(flatten)]
    pub(crate) wishes: Wishes,
    /// Directory with the credential in a file: oauth-token, api-key or auth-token
    #[arg(long, value_name = "DIR")]
    pub(crate) credentials: Option<PathBuf>,
    /// Change nothing: print the objects, and how they differ from what is there
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a box is to be like. Remembered, so that `cbox redeploy` makes the same one again; no secret is among it.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Wishes {
    /// What it is started for
    #[arg(long, default_value = "interactive", value_parser = ["interactive", "headless", "remote-control", "shell"])]
    pub(crate) mode: String,
    /// What it is asked in mode headless
    #[arg(long)]
    pub(crate) prompt: Option<String>,
    /// What it may do in the cluster
    #[arg(long, default_value = "readonly", value_parser = ["none", "readonly", "operator", "airgapped"])]
    pub(crate) tier: String,
    /// A namespace that the operator may repair things in, not the box's own; may be repeated
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) operate_in: Vec<String>,
    /// The box's namespace; made, and held to the restricted Pod Security Standard, if it is not there
    #[arg(long, default_value = "claude-in-a-box", value_parser = name)]
    pub(crate) namespace: String,
    /// The model's gateway instead of Anthropic's API: a URL
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Option<String>,
    /// The image instead of one built here: a reference that the cluster can pull
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) image: Option<String>,
    /// Which image is built: `core` or `full`
    #[arg(long, default_value = "core", value_parser = ["core", "full"])]
    pub(crate) flavour: String,
    /// A file of values for the chart, after everything else; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// The network that a box on Docker joins, instead of Docker's own
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
}

/// `cbox down`.
#[derive(Args, Debug)]
pub(crate) struct Down {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Remove the volume as well, with Claude's login, sessions and results
    #[arg(long)]
    pub(crate) volume: bool,
}

/// `cbox status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Look again every two seconds, until interrupted
    #[arg(long, conflicts_with = "json")]
    pub(crate) watch: bool,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox attach`.
#[derive(Args, Debug)]
pub(crate) struct Attach {
    #[command(flatten)]
    pub(crate) which: Which,
}

/// `cbox logs`.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Go on as new lines come
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// `cbox exec`.
#[derive(Args, Debug)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) which: Which,
    /// A program in the box and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    pub(crate) words: Vec<String>,
}

/// `cbox login`.
#[derive(Args, Debug)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Arguments of `claude auth login`
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) words: Vec<String>,
}

/// `cbox redeploy`.
#[derive(Args, Debug)]
pub(crate) struct Redeploy {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print the timings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A DNS label (RFC 1035, since Services want a letter first), short enough that names made of it stay within Kubernetes'
/// 63 characters.
fn name(text: &str) -> Result<String, String> {
    const LENGTH_MAX: usize = 30;
    let is_label = text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_label && text.len() <= LENGTH_MAX {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a name is of lower-case letters, digits and inner hyphens, begins with a letter, and has at most {LENGTH_MAX} characters"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        for good in ["box", "a", "team-1"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "-a", "1a", "a-", "A", "a.b", "a_b", &"a".repeat(31)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
