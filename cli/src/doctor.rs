//! `cbox doctor`: each prerequisite, found or missing, and the command that mends it.

use std::path::Path;
use std::process::{Command, ExitCode};

use serde::Serialize;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;

/// What was found out about one prerequisite.
#[derive(Debug, Serialize)]
struct Finding {
    /// What people call it.
    name: &'static str,
    /// What wants it.
    wanted_by: &'static str,
    /// Its version or state; none when it is missing.
    found: Option<String>,
    /// The command that mends it.
    mend: &'static str,
}

/// How one prerequisite is looked for.
struct Prerequisite {
    name: &'static str,
    wanted_by: &'static str,
    mend: &'static str,
    look: fn() -> Option<String>,
}

const PREREQUISITES: [Prerequisite; 10] = [
    Prerequisite {
        name: "Rust 1.95 or newer",
        wanted_by: "everything",
        mend: "./cbox --install rust",
        look: || version("cargo", &["--version"]),
    },
    Prerequisite {
        name: "Nix 2.8 or newer",
        wanted_by: "build, demo, run, test, fetch",
        mend: "./cbox --install nix",
        look: || version("nix", &["--version"]),
    },
    Prerequisite {
        name: "git",
        wanted_by: "build",
        mend: "./cbox --install nix",
        look: || version("git", &["--version"]),
    },
    Prerequisite {
        name: "Docker client",
        wanted_by: "demo, run, test",
        mend: "./cbox --install docker",
        look: || version("docker", &["--version"]),
    },
    Prerequisite {
        name: "Docker daemon",
        wanted_by: "demo, run, test",
        mend: "./cbox --install docker",
        look: || version("docker", &["version", "--format", "{{.Server.Version}}"]),
    },
    Prerequisite {
        name: "arm64 emulation",
        wanted_by: "test",
        mend: "./cbox --install qemu",
        look: || emulator("qemu-aarch64"),
    },
    Prerequisite {
        name: "armhf emulation",
        wanted_by: "test",
        mend: "./cbox --install qemu",
        look: || emulator("qemu-arm"),
    },
    Prerequisite {
        name: "shellcheck",
        wanted_by: "test",
        mend: "./cbox --install shellcheck",
        look: || version("shellcheck", &["--version"]),
    },
    Prerequisite {
        name: "npm",
        wanted_by: "fetch (first time)",
        mend: "./cbox --install npm",
        look: || version("npm", &["--version"]),
    },
    Prerequisite {
        name: "mmdebstrap",
        wanted_by: "bench",
        mend: "./cbox --install mmdebstrap",
        look: || version("mmdebstrap", &["--version"]),
    },
];

/// Looks for everything; ends with `Unavailable` when something is missing.
pub(crate) fn command(_: &Project, options: &arguments::Doctor) -> Result<ExitCode, Failure> {
    let findings: Vec<Finding> = PREREQUISITES
        .iter()
        .map(|prerequisite| Finding {
            name: prerequisite.name,
            wanted_by: prerequisite.wanted_by,
            found: (prerequisite.look)(),
            mend: prerequisite.mend,
        })
        .collect();
    let machine = machine();
    if options.json {
        let report = serde_json::json!({ "prerequisites": findings, "machine": machine });
        println!("{report}");
    } else {
        for finding in &findings {
            match &finding.found {
                Some(version) => println!("found    {:<22} {version}", finding.name),
                None => println!(
                    "missing  {:<22} for {}: {}",
                    finding.name, finding.wanted_by, finding.mend
                ),
            }
        }
        for fact in machine {
            println!("machine  {fact}");
        }
    }
    let missing = findings.iter().any(|finding| finding.found.is_none());
    Ok(if missing {
        Code::Unavailable.into()
    } else {
        ExitCode::SUCCESS
    })
}

/// What is particular about this machine, and what the launcher does about it.
fn machine() -> Vec<String> {
    let mut facts = Vec::new();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bounding = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // capabilities(7): CAP_LAST_CAP was 40 (CAP_CHECKPOINT_RESTORE) from Linux 5.9 on.
    if let Some(mask) = bounding {
        let lacking = (0..=40).filter(|bit| mask & (1 << bit) == 0).count();
        if lacking > 0 {
            facts.push(format!(
                "{lacking} capabilities are missing from the bounding set: Docker asks for no more than there are"
            ));
        }
    }
    let cgroups = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        "version 2"
    } else {
        "version 1: Docker uses its cgroupfs driver"
    };
    facts.push(format!("control groups {cgroups}"));
    facts
}

/// The first line that a program prints of itself; none when it is missing or fails.
fn version(program: &str, arguments: &[&str]) -> Option<String> {
    let output = process::output(Command::new(program).args(arguments)).ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.chars().any(|character| character.is_ascii_digit()))?;
    output.status.success().then(|| line.trim().to_owned())
}

/// How the kernel runs an architecture's programs: binfmt_misc with the flag F, which works inside containers too.
fn emulator(name: &str) -> Option<String> {
    let registration = std::fs::read_to_string(Path::new("/proc/sys/fs/binfmt_misc").join(name)).ok()?;
    let interpreter = registration
        .lines()
        .find_map(|line| line.strip_prefix("interpreter "))?;
    let flags = registration.lines().find_map(|line| line.strip_prefix("flags: "))?;
    (registration.starts_with("enabled") && flags.contains('F')).then(|| interpreter.to_owned())
}
