//! The MCP server that Claude gets: kubernetes-mcp-server, if there is a cluster.
//!
//! It is named on Claude's command line, by its full path and with a configuration file that root owns, together with the flag that makes
//! Claude take its servers from nowhere else: neither a repository nor an earlier session on the volume can change it or put another
//! beside it. Whoever starts the box may, with another `--mcp-config` among Claude's arguments.

use crate::tier::Tier;
use serde_json::{Value, json};

/// The server's name, by which Claude calls its tools: `mcp__kubernetes__pods_list`.
pub const NAME: &str = "kubernetes";

const PROGRAM: &str = "/usr/bin/kubernetes-mcp-server";
const CONFIGURATIONS: &str = "/etc/kubernetes-mcp-server";

/// Claude's `--mcp-config` for a tier. The server finds the cluster as kubectl does: the pod's own service account, or `KUBECONFIG`.
pub fn configuration(tier: Tier) -> Value {
    let file = match tier {
        // They differ in their networks alone.
        Tier::Readonly | Tier::Airgapped => "readonly",
        Tier::Operator => "operator",
    };
    json!({
        "mcpServers": {
            NAME: {
                "type": "stdio",
                "command": PROGRAM,
                "args": ["--config", format!("{CONFIGURATIONS}/{file}.toml")],
            },
        },
    })
}
