//! Where a box lives.

use std::env;
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
        /// Where the kubeconfig was at the time, as `KUBECONFIG` takes it; elsewhere the same name may be another cluster.
        kubeconfig: Option<PathBuf>,
    },
}

impl Place {
    /// The place that was asked for.
    pub(crate) fn wanted(options: &Up) -> Self {
        match (&options.context, options.on.as_str()) {
            (Some(context), _) => Self::Context {
                context: context.clone(),
                kubeconfig: kubeconfig(),
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

/// `KUBECONFIG` with absolute paths, or the file that kubectl reads without it.
fn kubeconfig() -> Option<PathBuf> {
    let Some(paths) = env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) else {
        return env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    };
    let absolute = env::split_paths(&paths).map(|path| std::path::absolute(&path).unwrap_or(path));
    env::join_paths(absolute).ok().map(PathBuf::from)
}
