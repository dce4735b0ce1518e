//! What can be typed.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use verify::cluster::name::Name;

use crate::boxes::arguments as boxes;

/// Claude Code for DevOps work in one hardened container image.
#[derive(Debug, Parser)]
#[command(name = "cbox", version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What `cbox` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build the image and show Claude at work in it, with a scripted model: no account is needed
    Demo(Demo),
    /// Run one prompt in the box with your own credential
    Run(Run),
    /// Make a box that lives on, on Docker or in a cluster, or change the one that is there
    Up(Box<boxes::Up>),
    /// Take it down; its volume stays
    Down(boxes::Down),
    /// What it is and how it is, on one screen
    Status(boxes::Status),
    /// Join its terminal
    Attach(boxes::Attach),
    /// What it said
    Logs(boxes::Logs),
    /// Run a program in it
    Exec(boxes::Exec),
    /// Log in to Claude in it, and keep the login on its volume
    Login(boxes::Login),
    /// Build what changed and roll the box over, with timings
    Redeploy(boxes::Redeploy),
    /// Build the image, and put this machine's architecture into Docker with --load
    Build(Build),
    /// A Kubernetes cluster on this machine, to try things on
    #[command(subcommand)]
    Cluster(Cluster),
    /// Show, cell by cell, what the agent may do and reach, and why: the chart against what its tiers promise
    Verify(Box<Verify>),
    /// Everything that must hold: the gate
    Test(Test),
    /// Measure the build beside mmdebstrap: takes the assembled images out of the store and makes them again
    Bench(Bench),
    /// What is in the image: each tool with its version, source, architectures, needs and probe
    Tools(Tools),
    /// What the image is made of
    #[command(subcommand)]
    Image(Image),
    /// Print an SBOM of the image, or its provenance: the document that is attached to it
    Sbom(Sbom),
    /// Which known vulnerabilities concern the image's Go programs, and what was answered to each
    Scan(Scan),
    /// Resolve image/tools.toml to image/lock/
    Lock(Lock),
    /// Get everything that a build needs with this machine's own clients; afterwards no network is needed
    Fetch(Fetch),
    /// Write a tag's release: images, SBOMs, chart, notes and sums; or look one through
    Release(Release),
    /// Print each prerequisite: found or missing, and the command that mends it
    Doctor(Doctor),
    /// Print what a shell completes: `. <(./cbox completions bash)`
    Completions(Completions),
    /// Print the man page, or write one for each command
    Man(Manual),
}

/// `cbox demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Where: a box on Docker looks at itself; in a test cluster (KIND) it diagnoses a broken deployment
    #[arg(long, default_value = "docker", value_parser = ["docker", "kind"])]
    pub(crate) on: String,
    /// What it may do in the cluster: look (readonly) or repair (operator)
    #[arg(long, default_value = "readonly", value_parser = ["readonly", "operator"])]
    pub(crate) tier: String,
    /// The test cluster's name
    #[arg(long, default_value = "cbox")]
    pub(crate) cluster: String,
    /// Another script for the model (format: verify/messages-api/README.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Print Claude's own events, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox run`.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// What Claude is asked
    pub(crate) prompt: String,
    /// Directory with the credential in a file: oauth-token, api-key or auth-token
    #[arg(long, value_name = "DIR")]
    pub(crate) credentials: Option<PathBuf>,
    /// Directory that Claude works in, mounted writable at /workspace
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Print Claude's own events, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox build`.
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// `core` or `full`
    #[arg(long, default_value = "full", value_parser = ["core", "full"])]
    pub(crate) flavour: String,
    /// Only this architecture (amd64, arm64 or armhf) instead of the layout of all three
    #[arg(long, value_name = "ARCHITECTURE", value_parser = ["amd64", "arm64", "armhf"])]
    pub(crate) only: Option<String>,
    /// Put the image into Docker: of amd64, or of the architecture that --only names
    #[arg(long)]
    pub(crate) load: bool,
    /// Print what was built as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox cluster`.
#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Make a cluster of KIND's nodes with Calico, or see that the one that is there is ready
    Up(ClusterUp),
    /// Remove a cluster
    Down(ClusterDown),
    /// Say what clusters there are, and how they are
    Status(ClusterStatus),
    /// Build kubectl, helm, kind and the control plane's programs, and say where they are
    Programs,
}

/// `cbox cluster up`.
#[derive(Args, Debug)]
pub(crate) struct ClusterUp {
    /// The cluster's name
    #[arg(long, default_value = "cbox")]
    pub(crate) name: Name,
    /// Nodes beside the control plane; without it as many as there are, or 2
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) workers: Option<u32>,
    /// The API server's port on this machine; without it one that is free
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) api_port: Option<u16>,
    /// Replace a cluster of this name, however good it is
    #[arg(long, conflicts_with = "mend")]
    pub(crate) fresh: bool,
    /// Replace a cluster of this name if it is broken or another one than was asked for
    #[arg(long)]
    pub(crate) mend: bool,
    /// Keep the nodes of a cluster that does not come up, to look at them
    #[arg(long)]
    pub(crate) keep: bool,
    /// Merge the kubeconfig into your own as well, and make the cluster the current one there
    #[arg(long)]
    pub(crate) export: bool,
    /// A node image of a registry by digest instead of the one built here. Nodes of somebody else's image pull Calico, which
    /// is not tested here
    #[arg(long, value_name = "REFERENCE@sha256:DIGEST")]
    pub(crate) node_image: Option<String>,
    /// The process that the cluster ends with, in the form of the label io.claude-in-a-box.owner
    #[arg(long, value_name = "OWNER", hide = true)]
    pub(crate) owner: Option<String>,
    /// Print the cluster and the steps as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox cluster down`.
#[derive(Args, Debug)]
pub(crate) struct ClusterDown {
    /// The cluster's name
    #[arg(long, default_value = "cbox")]
    pub(crate) name: Name,
    /// Every cluster that ./cbox made for this user
    #[arg(long, conflicts_with = "name")]
    pub(crate) all: bool,
}

/// `cbox cluster status`.
#[derive(Args, Debug)]
pub(crate) struct ClusterStatus {
    /// Only this cluster
    #[arg(long)]
    pub(crate) name: Option<Name>,
    /// Print it as JSON, one object a cluster
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Only these families: access (rights), network, posture (texts), mutation (mistakes that the others must notice);
    /// only where named, in a cluster: storage (what the volume keeps), signals (what the program hears)
    #[arg(value_parser = verify::judgement::FAMILIES)]
    pub(crate) family: Vec<String>,
    /// Only these tiers
    #[arg(long, value_parser = ["airgapped", "none", "operator", "readonly"])]
    pub(crate) tier: Vec<String>,
    /// Values of your own instead of the four tiers' profiles; a later file goes over an earlier one
    #[arg(long, value_name = "FILE", conflicts_with = "tier")]
    pub(crate) values: Vec<PathBuf>,
    /// Ask a real cluster instead of the chart alone: a context of your kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The same for a test cluster (KIND) that is made if it is not there
    #[arg(long, value_parser = ["kind"], conflicts_with = "context")]
    pub(crate) on: Option<String>,
    /// The test cluster's name
    #[arg(long, default_value = "cbox", requires = "on")]
    pub(crate) cluster: String,
    /// In a cluster: a host outside of it that listens there, such as 192.0.2.7:443; may be repeated
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) outside: Vec<SocketAddr>,
    /// In a cluster: the image that the pods probe with, which needs busybox; for storage and signals the box's own
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) image: Option<String>,
    /// For storage and signals: only what is named of delete, force-delete, kill, oom, liveness, evict, rollout, scale,
    /// recreate, full-volume, drain, node-restart
    #[arg(long, value_name = "EVENT", value_parser = verify::life::Event::NAMES, hide_possible_values = true)]
    pub(crate) event: Vec<String>,
    /// In a cluster: the image that is probed, CoreDNS; without it that of the cluster's own name servers
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) server_image: Option<String>,
    /// In a cluster: leave what was made for it, to look at
    #[arg(long)]
    pub(crate) keep: bool,
    /// Write report.html, results.jsonl, junit.xml, results.sarif, summary.md, what was rendered, and an archive of it all to
    /// this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// The results.jsonl of an earlier run: say what is different
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Say all about one cell, by its name
    #[arg(long, value_name = "CELL")]
    pub(crate) explain: Option<String>,
    /// Print every cell as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Only the steps whose name holds this word
    pub(crate) filter: Option<String>,
}

/// `cbox bench`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    /// Measure something else than the build
    #[command(subcommand)]
    pub(crate) what: Option<BenchWhat>,
    /// How the build is measured
    #[command(flatten)]
    pub(crate) measure: Measure,
}

/// How often something is measured, and what is printed.
#[derive(Args, Debug)]
pub(crate) struct Measure {
    /// Counted runs of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Print the measurements as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be measured beside the build.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchWhat {
    /// What the box costs beside Claude alone
    Agent(Measure),
    /// Clusters, and boxes in them
    Cluster(Measure),
    /// Our init beside Debian's tini, tini-static, dumb-init and catatonit
    Init(BenchInit),
    /// What `bench init` compares with: starts a program, and waits for whatever ends
    #[command(hide = true)]
    Reaper {
        /// The program and its arguments
        #[arg(required = true, last = true)]
        program: Vec<OsString>,
    },
}

/// `cbox bench init`.
#[derive(Args, Debug)]
pub(crate) struct BenchInit {
    /// Counted starts of each init
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) runs: u32,
    /// Storms of zombies for each init
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Instead let ours alone adopt orphans for so long, and see whether it grows
    #[arg(long, value_name = "SECONDS")]
    pub(crate) soak: Option<u64>,
    /// Print the measurements as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox tools`.
#[derive(Args, Debug)]
pub(crate) struct Tools {
    /// Print the tools as JSON, with their probes in full
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox image`.
#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    /// What each layer costs, unpacked and as it is stored
    Size(ImageSize),
}

/// `cbox image size`.
#[derive(Args, Debug)]
pub(crate) struct ImageSize {
    /// `core` or `full`
    #[arg(long, default_value = "full", value_parser = ["core", "full"])]
    pub(crate) flavour: String,
    /// The architecture (amd64, arm64 or armhf)
    #[arg(long, value_name = "ARCHITECTURE", default_value = "amd64", value_parser = ["amd64", "arm64", "armhf"])]
    pub(crate) only: String,
    /// Print the sizes in bytes as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox sbom`.
#[derive(Args, Debug)]
pub(crate) struct Sbom {
    /// `core` or `full`
    #[arg(long, default_value = "full", value_parser = ["core", "full"])]
    pub(crate) flavour: String,
    /// The architecture (amd64, arm64 or armhf)
    #[arg(long, value_name = "ARCHITECTURE", default_value = "amd64", value_parser = ["amd64", "arm64", "armhf"])]
    pub(crate) only: String,
    /// SPDX 2.3, CycloneDX 1.6, or SLSA provenance as an unsigned statement of in-toto
    #[arg(long, default_value = "spdx", value_parser = ["spdx", "cyclonedx", "provenance"])]
    pub(crate) format: String,
}

/// `cbox scan`.
#[derive(Args, Debug)]
pub(crate) struct Scan {
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// What is known of each finding as an OpenVEX document, for scanners
    #[arg(long, conflicts_with = "json")]
    pub(crate) vex: bool,
}

/// `cbox lock`.
#[derive(Args, Debug)]
pub(crate) struct Lock {
    /// Change nothing; say whether the locks are what tools.toml and scripts.toml ask for
    #[arg(long)]
    pub(crate) check: bool,
    /// Take every version at once; else what is no security update waits (tools.toml: lock.cool-down-hours)
    #[arg(long)]
    pub(crate) now: bool,
    /// A package list to do without, because the mirror is out of step there; the lock says so
    #[arg(long, value_name = "SUITE:ARCHITECTURE")]
    pub(crate) without: Vec<lock_update::apt::List>,
}

/// `cbox fetch`.
#[derive(Args, Debug)]
pub(crate) struct Fetch {
    /// Only what the image of amd64 needs
    #[arg(long)]
    pub(crate) amd64: bool,
    /// What the test cluster needs, too
    #[arg(long)]
    pub(crate) cluster: bool,
}

/// `cbox doctor`.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// Which shell's
    pub(crate) shell: clap_complete::Shell,
}

/// `cbox man`.
#[derive(Args, Debug)]
pub(crate) struct Manual {
    /// Write a page for each command to this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}

/// `cbox release`.
#[derive(Args, Debug)]
pub(crate) struct Release {
    /// Write the release to this directory, which is made
    #[arg(long, value_name = "DIR", required_unless_present = "verify")]
    pub(crate) to: Option<PathBuf>,
    /// With Claude Code in the images: for a registry of your own, since its licence forbids publishing them
    #[arg(long)]
    pub(crate) with_claude_code: bool,
    /// Only the images of this flavour
    #[arg(long, value_parser = ["core", "full"])]
    pub(crate) flavour: Vec<String>,
    /// Instead say what of the release in this directory is not as it was written
    #[arg(long, value_name = "DIR", conflicts_with_all = ["to", "with_claude_code", "flavour"])]
    pub(crate) verify: Option<PathBuf>,
}
