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
    /// The oldest version that does; none where any does.
    oldest: Option<String>,
    /// It is there, but older than that.
    too_old: bool,
    /// The command that mends it.
    mend: &'static str,
}

/// How one prerequisite is looked for.
struct Prerequisite {
    name: &'static str,
    oldest: Oldest,
    wanted_by: &'static str,
    mend: &'static str,
    look: fn() -> Option<String>,
}

/// The oldest version that does.
enum Oldest {
    Any,
    Version(&'static str),
    /// The `rust-version` of the workspace.
    OfWorkspace,
}

const PREREQUISITES: [Prerequisite; 13] = [
    Prerequisite {
        name: "Rust",
        oldest: Oldest::OfWorkspace,
        wanted_by: "everything",
        mend: "./cbox --install rust",
        look: || version("cargo", &["--version"]),
    },
    Prerequisite {
        name: "C compiler",
        oldest: Oldest::Any,
        wanted_by: "everything",
        mend: "./cbox --install rust",
        look: || version("cc", &["--version"]),
    },
    Prerequisite {
        name: "clippy",
        oldest: Oldest::Any,
        wanted_by: "test",
        mend: "./cbox --install rust",
        look: || version("cargo-clippy", &["--version"]),
    },
    Prerequisite {
        name: "rustfmt",
        oldest: Oldest::Any,
        wanted_by: "test",
        mend: "./cbox --install rust",
        look: || version("rustfmt", &["--version"]),
    },
    Prerequisite {
        name: "Nix",
        oldest: Oldest::Version("2.8"),
        wanted_by: "build, demo, run, test, fetch",
        mend: "./cbox --install nix",
        look: || version("nix", &["--version"]),
    },
    Prerequisite {
        name: "git",
        oldest: Oldest::Any,
        wanted_by: "build",
        mend: "./cbox --install nix",
        look: || version("git", &["--version"]),
    },
    Prerequisite {
        name: "Docker client",
        oldest: Oldest::Version("20.10"),
        wanted_by: "demo, run, test",
        mend: "./cbox --install docker",
        look: || version("docker", &["--version"]),
    },
    Prerequisite {
        name: "Docker daemon",
        oldest: Oldest::Version("20.10"),
        wanted_by: "demo, run, test",
        mend: "./cbox --install docker",
        look: || version("docker", &["version", "--format", "{{.Server.Version}}"]),
    },
    Prerequisite {
        name: "arm64 emulation",
        oldest: Oldest::Any,
        wanted_by: "test",
        mend: "./cbox --install qemu",
        look: || emulator("qemu-aarch64"),
    },
    Prerequisite {
        name: "armhf emulation",
        oldest: Oldest::Any,
        wanted_by: "test",
        mend: "./cbox --install qemu",
        look: || emulator("qemu-arm"),
    },
    Prerequisite {
        name: "shellcheck",
        oldest: Oldest::Any,
        wanted_by: "test",
        mend: "./cbox --install shellcheck",
        look: || version("shellcheck", &["--version"]),
    },
    Prerequisite {
        name: "npm",
        oldest: Oldest::Any,
        wanted_by: "fetch (first time)",
        mend: "./cbox --install npm",
        look: || version("npm", &["--version"]),
    },
    Prerequisite {
        name: "mmdebstrap",
        oldest: Oldest::Any,
        wanted_by: "bench, test",
        mend: "./cbox --install mmdebstrap",
        look: || version("mmdebstrap", &["--version"]),
    },
];

/// Looks for everything; ends with `Unavailable` when something is missing or too old.
pub(crate) fn command(project: &Project, options: &arguments::Doctor) -> Result<ExitCode, Failure> {
    let rust = rust_version(project)?;
    let findings: Vec<Finding> = PREREQUISITES
        .iter()
        .map(|prerequisite| {
            let found = (prerequisite.look)();
            let oldest = match prerequisite.oldest {
                Oldest::Any => None,
                Oldest::Version(version) => Some(version.to_owned()),
                Oldest::OfWorkspace => Some(rust.clone()),
            };
            let too_old = match (&found, &oldest) {
                (Some(found), Some(oldest)) => numbers(found) < numbers(oldest),
                _ => false,
            };
            Finding {
                name: prerequisite.name,
                wanted_by: prerequisite.wanted_by,
                found,
                oldest,
                too_old,
                mend: prerequisite.mend,
            }
        })
        .collect();
    let machine = machine();
    if options.json {
        let report = serde_json::json!({ "prerequisites": findings, "machine": machine });
        println!("{report}");
    } else {
        for finding in &findings {
            println!("{}", line(finding));
        }
        for fact in machine {
            println!("machine  {fact}");
        }
    }
    let lacking = findings
        .iter()
        .any(|finding| finding.found.is_none() || finding.too_old);
    Ok(if lacking {
        Code::Unavailable.into()
    } else {
        ExitCode::SUCCESS
    })
}

fn line(finding: &Finding) -> String {
    let name = match &finding.oldest {
        Some(oldest) => format!("{} {oldest} or newer", finding.name),
        None => finding.name.to_owned(),
    };
    let Finding { wanted_by, mend, .. } = finding;
    match &finding.found {
        None => format!("missing  {name:<28} for {wanted_by}: {mend}"),
        Some(found) if finding.too_old => format!("too old  {name:<28} {found}; for {wanted_by}: {mend}"),
        Some(found) => format!("found    {name:<28} {found}"),
    }
}

/// The numbers of the first version in a text: `cargo 1.95.0 (f2d3ce0bd 2026-03-21)` -> 1, 95, 0.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|character: char| !character.is_ascii_digit() && character != '.')
        .find(|word| word.contains('.') && word.starts_with(|character: char| character.is_ascii_digit()))
        .unwrap_or_default()
        .split('.')
        .map_while(|number| number.parse().ok())
        .collect()
}

fn rust_version(project: &Project) -> Result<String, Failure> {
    let path = project.root.join("Cargo.toml");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
    text.lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map(|version| version.trim().trim_matches('"').to_owned())
        .ok_or_else(|| Failure::new(Code::Data, format!("{} has no rust-version", path.display())))
}

/// What is particular about this machine, and what its Docker daemon, if one answers, says of itself.
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
            facts.push(format!("{lacking} capabilities are missing from the bounding set"));
        }
    }
    let cgroups = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        2
    } else {
        1
    };
    facts.push(format!("control groups version {cgroups}"));
    let format = "control groups version {{.CgroupVersion}} by {{.CgroupDriver}}, default runtime {{.DefaultRuntime}}";
    match version("docker", &["info", "--format", format]) {
        Some(docker) => facts.push(format!("Docker: {docker}")),
        None => facts.push("Docker: no daemon answers".to_owned()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(numbers("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), [1, 95, 0]);
        assert_eq!(numbers("Docker version 20.10.24+dfsg1, build 297e128"), [20, 10, 24]);
        assert!(numbers("nix (Nix) 2.8.0") >= numbers("2.8"));
        assert!(numbers("rustc 1.100.0") > numbers("1.95"));
        assert!(numbers("nix (Nix) 2.7.1") < numbers("2.8"));
    }
}
