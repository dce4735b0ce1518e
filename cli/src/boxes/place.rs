//! Where a box lives.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::boxes::arguments::Up;

/// Where a box lives.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "on")]
pub(crate) enum Place {
    /// On this machine's Docker.
    Docker,
    /// In a test cluster of this machine.
    Kind {
        /// The cluster's name.
        cluster: String,
    },
    /// In a cluster of the user's.
    Context {
        /// The context of the kubeconfig.
        context: String,
        /// What `KUBECONFIG` said at the time.
        kubeconfig: Option<PathBuf>,
    },
}

impl Place {
    /// The place that was asked for.
    pub(crate) fn wanted(options: &Up) -> Self {
        match (&options.context, options.on.as_str()) {
            (Some(context), _) => Self::Context {
                context: context.clone(),
                kubeconfig: std::env::var_os("KUBECONFIG").map(PathBuf::from),
            },
            (None, "kind") => Self::Kind {
                cluster: options.cluster.clone(),
            },
            (None, _) => Self::Docker,
        }
    }

    /// In the words of the command line.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Docker => "--on docker".to_owned(),
            Self::Kind { cluster } => format!("--on kind --cluster {cluster}"),
            Self::Context { context, .. } => format!("--context {context}"),
        }
    }
}
