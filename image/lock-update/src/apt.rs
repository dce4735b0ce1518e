//! A private apt: Debian's release for the image, read from the mirrors that this machine is set up for.
//!
//! No mirror is named here. The machine's own apt says which it uses; a second configuration, kept in the cache, asks
//! the same mirrors for the image's release and architectures and leaves the machine's packages alone. It is read
//! after the machine's own, so proxies and credentials hold.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use catalogue::Architecture;

use crate::command::{self, CommandError};
use crate::index::{self, Candidate, IndexError};

/// The release that images are made of.
pub const RELEASE: &str = "trixie";

/// The archives with the suites that are read of each, in the order of preference for equal versions.
pub const ARCHIVES: [(&str, &[&str]); 2] = [
    ("debian", &["trixie", "trixie-updates"]),
    ("debian-security", &["trixie-security"]),
];

/// The keys of Debian's archive, by the names that releases gave the file.
const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
];

/// The name of the helper program, which has no place in the search path.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// How many files one download asks for: a failure then costs little, and a command line stays short.
const BATCH: usize = 40;

/// A failure of the private apt.
#[derive(Debug, thiserror::Error)]
pub enum AptError {
    /// The machine's apt has no Debian archive to read from.
    #[error("apt on this machine names no Debian mirror; add one to /etc/apt/sources.list and run `apt-get update`")]
    NoMirror,
    /// The keys that Debian signs with are not here.
    #[error("{} does not exist; install the package debian-archive-keyring", KEYRINGS[1])]
    NoKeyring,
    /// The package lists could not be fetched.
    #[error(
        "cannot fetch Debian's package lists: {0}; where a mirror stays out of step for one architecture, leave that \
         list out with `--without SUITE:ARCHITECTURE`"
    )]
    Update(CommandError),
    /// A file could not be fetched.
    #[error("cannot fetch {}: {source}; if the mirror has dropped a version, `cbox lock` finds its successor", listed(.files))]
    Download {
        /// The files of the batch, by package.
        files: Vec<String>,
        /// What apt says.
        source: CommandError,
    },
    /// A file is not what the lock pins.
    #[error(
        "{file} on this machine's mirror is not what image/lock/debian.json pins by hash: run `cbox lock` if the pin is \
         stale, else do not trust the mirror"
    )]
    Mismatch {
        /// The file's name.
        file: String,
    },
    /// The mirror has dropped a version.
    #[error("this machine's mirror no longer has {file}: run `cbox lock`, which finds its successor")]
    Gone {
        /// The file's name.
        file: String,
    },
    /// Another program of apt's failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file of the private configuration cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What apt fetched is not what a lock can be made of.
    #[error("the mirror has no {what} for {suite}; try again when it is in step with Debian")]
    Incomplete {
        /// What is missing.
        what: &'static str,
        /// The suite.
        suite: String,
    },
    /// A package list is broken.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// The private apt.
#[derive(Clone, Debug)]
pub struct Apt {
    root: PathBuf,
    mirrors: Mirrors,
    without: BTreeSet<List>,
}

/// The package list of one suite and architecture.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct List {
    /// The suite.
    pub suite: String,
    /// The architecture.
    pub architecture: Architecture,
}

/// Where this machine gets Debian's archives from.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mirrors {
    debian: String,
    security: String,
}

/// A name that is no list's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` names no package list; write SUITE:ARCHITECTURE, for example trixie-security:armhf")]
pub struct UnknownList(pub String);

impl FromStr for List {
    type Err = UnknownList;

    fn from_str(text: &str) -> Result<Self, UnknownList> {
        let (suite, architecture) = text.split_once(':').ok_or_else(|| UnknownList(text.to_owned()))?;
        let known = ARCHIVES.iter().flat_map(|(_, suites)| *suites).any(|it| *it == suite);
        let architecture = Architecture::ALL.into_iter().find(|it| it.debian() == architecture);
        match architecture.filter(|_| known) {
            Some(architecture) => Ok(Self {
                suite: suite.to_owned(),
                architecture,
            }),
            None => Err(UnknownList(text.to_owned())),
        }
    }
}

/// A file of an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Download {
    /// The archive, as the lock names it.
    pub archive: String,
    /// The path below the archive's root.
    pub path: String,
    /// What the file's hash must be, in hexadecimal.
    pub sha256: String,
    /// Where to put it.
    pub target: PathBuf,
}

/// What a failed download means, by apt's own words: `Failed to fetch URL  REASON`.
fn refusal(files: Vec<String>, source: CommandError) -> AptError {
    let said = source.to_string();
    let refused = said.rsplit("Failed to fetch ").next().and_then(|rest| {
        let (url, reason) = rest.split_once(' ')?;
        Some((file_name(url).to_owned(), reason.trim_start()))
    });
    match refused {
        Some((file, reason)) if reason.starts_with("Hash Sum mismatch") => AptError::Mismatch { file },
        Some((file, reason)) if reason.starts_with("404") => AptError::Gone { file },
        _ => AptError::Download { files, source },
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Apt {
    /// Sets the private configuration up in a directory, for the mirrors that this machine uses and all lists but some.
    ///
    /// # Errors
    ///
    /// When the machine names no mirror, lacks Debian's keys, or the directory cannot be written.
    pub fn open(root: &Path, without: &BTreeSet<List>) -> Result<Self, AptError> {
        let format = "$(RELEASE)|$(ORIGIN)|$(REPO_URI)";
        let mut indextargets = Command::new("apt-get");
        indextargets.args(["indextargets", "--format", format, "Created-By: Packages"]);
        let targets = command::output(&mut indextargets)?;
        let mirrors = Mirrors::among(&String::from_utf8_lossy(&targets)).ok_or(AptError::NoMirror)?;
        let keyring = KEYRINGS
            .iter()
            .find(|path| Path::new(path).exists())
            .ok_or(AptError::NoKeyring)?;
        for directory in ["state/lists/partial", "cache/archives/partial"] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(file("create", &path))?;
        }
        write(&root.join("status"), "")?;
        write(&root.join("sources.list"), &mirrors.sources(keyring, without))?;
        write(&root.join("apt.conf"), &configuration(root))?;
        Ok(Self {
            root: root.to_owned(),
            mirrors,
            without: without.clone(),
        })
    }

    /// Fetches the package lists anew.
    ///
    /// # Errors
    ///
    /// When a mirror cannot be reached or is in the middle of an update.
    pub fn update(&self) -> Result<(), AptError> {
        // Without the option apt would only warn of a list that it could not get, and keep the old one.
        let mut update = self.apt_get();
        update.args(["--quiet=2", "--error-on=any", "update"]);
        command::output(&mut update).map_err(AptError::Update)?;
        Ok(())
    }

    /// The packages of one architecture, of every suite.
    ///
    /// # Errors
    ///
    /// When a list is missing or cannot be read.
    pub fn candidates(&self, architecture: Architecture) -> Result<Vec<Candidate>, AptError> {
        let mut indextargets = self.apt_get();
        indextargets.args([
            "indextargets",
            "--format",
            "$(RELEASE)|$(FILENAME)",
            "Created-By: Packages",
        ]);
        indextargets.arg(format!("Architecture: {architecture}"));
        let targets = String::from_utf8_lossy(&command::output(&mut indextargets)?).into_owned();
        let mut candidates = Vec::new();
        for (archive, suites) in ARCHIVES {
            for suite in suites.iter().filter(|suite| !self.lacks(suite, architecture)) {
                let incomplete = || AptError::Incomplete {
                    what: "package list",
                    suite: (*suite).to_owned(),
                };
                let file = targets
                    .lines()
                    .filter_map(|line| line.split_once('|'))
                    .find(|(release, _)| release == suite);
                let (_, path) = file.ok_or_else(incomplete)?;
                let list = command::output(self.helper().args(["cat-file", path]))?;
                candidates.extend(index::parse(archive, &String::from_utf8_lossy(&list))?);
            }
        }
        Ok(candidates)
    }

    /// The time by which Debian's snapshot service knows what an archive holds: `YYYYMMDDThhmmssZ`.
    ///
    /// # Errors
    ///
    /// When a suite's release file is missing or says no date.
    pub fn snapshot(&self, suites: &[&str]) -> Result<String, AptError> {
        let lists = self.root.join("state/lists");
        let mut newest = String::new();
        for suite in suites {
            let incomplete = || AptError::Incomplete {
                what: "date in the release file",
                suite: (*suite).to_owned(),
            };
            let ending = format!("_dists_{suite}_InRelease");
            let entries = fs::read_dir(&lists).map_err(file("read", &lists))?;
            let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
            let path = paths
                .find(|path| path.to_string_lossy().ends_with(&ending))
                .ok_or_else(incomplete)?;
            let release = fs::read_to_string(&path).map_err(file("read", &path))?;
            let date = release.lines().find_map(|line| line.strip_prefix("Date:"));
            newest = newest.max(date.and_then(timestamp).ok_or_else(incomplete)?);
        }
        Ok(newest)
    }

    /// Gets files; apt checks the hashes. Says after each batch how many are there.
    ///
    /// # Errors
    ///
    /// When a file is gone from the mirror or is not what it should be.
    pub fn download(&self, files: &[Download], mut done: impl FnMut(usize)) -> Result<(), AptError> {
        for (batch, wanted) in files.chunks(BATCH).enumerate() {
            let mut helper = self.helper();
            helper.arg("download-file");
            for download in wanted {
                helper.arg(format!("{}/{}", self.mirrors.of(&download.archive), download.path));
                helper.arg(&download.target).arg(format!("SHA256:{}", download.sha256));
            }
            command::output(&mut helper).map_err(|source| {
                let names = wanted.iter().map(|it| file_name(&it.path).to_owned()).collect();
                refusal(names, source)
            })?;
            done(batch * BATCH + wanted.len());
        }
        Ok(())
    }

    fn lacks(&self, suite: &str, architecture: Architecture) -> bool {
        self.without
            .iter()
            .any(|list| list.suite == suite && list.architecture == architecture)
    }

    fn apt_get(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.arg(format!("--config-file={}", self.root.join("apt.conf").display()));
        command
    }

    fn helper(&self) -> Command {
        let mut command = Command::new(HELPER);
        command.arg(format!("--config-file={}", self.root.join("apt.conf").display()));
        command
    }
}

impl Mirrors {
    /// Picks the mirrors out of `release|origin|address` lines. A machine that has fetched no lists yet knows no
    /// origins; there the address must end as Debian's do.
    fn among(targets: &str) -> Option<Self> {
        let mut debian = None;
        let mut security = None;
        for line in targets.lines() {
            let mut fields = line.splitn(3, '|');
            let (Some(release), Some(origin), Some(address)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let address = address.trim_end_matches('/');
            let known = origin == "Debian";
            let unknown = origin.is_empty() || origin.starts_with("$(");
            if release.ends_with("-security") && (known || unknown && address.ends_with("debian-security")) {
                security.get_or_insert_with(|| address.to_owned());
            } else if known || unknown && address.ends_with("/debian") {
                debian.get_or_insert_with(|| address.to_owned());
            }
        }
        // Mirrors carry the two archives side by side.
        let debian = debian?;
        let security = security.unwrap_or_else(|| format!("{debian}-security"));
        Some(Self { debian, security })
    }

    fn of(&self, archive: &str) -> &str {
        match archive {
            "debian-security" => &self.security,
            _ => &self.debian,
        }
    }

    fn sources(&self, keyring: &str, without: &BTreeSet<List>) -> String {
        let mut lines = String::new();
        for (archive, suites) in ARCHIVES {
            for suite in suites {
                let lacks = |it: Architecture| {
                    without
                        .iter()
                        .any(|list| list.suite == *suite && list.architecture == it)
                };
                let architectures: Vec<&str> = Architecture::ALL
                    .into_iter()
                    .filter(|it| !lacks(*it))
                    .map(Architecture::debian)
                    .collect();
                if !architectures.is_empty() {
                    let options = format!("arch={} signed-by={keyring}", architectures.join(","));
                    lines.push_str(&format!("deb [{options}] {} {suite} main\n", self.of(archive)));
                }
            }
        }
        lines
    }
}

/// Some of the files' names; a batch has many.
fn listed(files: &[String]) -> String {
    match files {
        [first, _, _, _, ..] => format!("{first} and {} more", files.len() - 1),
        few => few.join(", "),
    }
}

/// The configuration that is read after the machine's own.
fn configuration(root: &Path) -> String {
    let root = root.display();
    let architectures: String = Architecture::ALL.iter().map(|it| format!(" \"{it}\";")).collect();
    // The machine's hooks are about its own lists.
    format!(
        "#clear APT::Update;\n\
         #clear APT::Architectures;\n\
         APT::Architecture \"amd64\";\n\
         APT::Architectures {{{architectures} }};\n\
         APT::Sandbox::User \"root\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::Retries \"3\";\n\
         Dir::State \"{root}/state\";\n\
         Dir::State::status \"{root}/status\";\n\
         Dir::Cache \"{root}/cache\";\n\
         Dir::Etc::sourcelist \"{root}/sources.list\";\n\
         Dir::Etc::sourceparts \"-\";\n\
         Dir::Etc::preferences \"-\";\n\
         Dir::Etc::preferencesparts \"-\";\n"
    )
}

/// `Sat, 15 Nov 2025 09:02:11 UTC` as `20251115T090211Z`.
fn timestamp(date: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = date.split_whitespace().skip(1);
    let (day, month, year, time, zone) = (
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
    );
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    let clock: String = time.split(':').map(|part| format!("{part:0>2}")).collect();
    let digits = clock.len() == 6 && clock.bytes().all(|byte| byte.is_ascii_digit());
    (zone == "UTC" && digits).then(|| format!("{year}{month:02}{day:0>2}T{clock}Z"))
}

fn write(path: &Path, text: &str) -> Result<(), AptError> {
    fs::write(path, text).map_err(file("write", path))
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AptError {
    let path = path.to_owned();
    move |source| AptError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_file_is_told_by_apts_own_words() {
        let said = |reason: &str| CommandError::Failed {
            command: "apt-helper".to_owned(),
            status: std::process::ExitStatus::default(),
            message: format!("Failed to fetch mirror:/pool/h/hostname_3.25_amd64.deb  {reason}; Download Failed"),
        };
        let names = || vec!["hostname_3.25_amd64.deb".to_owned(), "bash_5.2_amd64.deb".to_owned()];
        let mismatch = refusal(names(), said("Hash Sum mismatch"));
        assert!(matches!(mismatch, AptError::Mismatch { file } if file == "hostname_3.25_amd64.deb"));
        let gone = refusal(names(), said("404  Not Found [IP: 203.0.113.80 80]"));
        assert!(matches!(gone, AptError::Gone { file } if file == "hostname_3.25_amd64.deb"));
        let other = refusal(names(), said("Connection timed out"));
        assert!(matches!(other, AptError::Download { files, .. } if files == names()));
    }

    #[test]
    fn the_mirrors_are_those_of_this_machine() {
        let check = |targets: &str, debian: &str, security: &str| {
            let mirrors = Mirrors {
                debian: debian.to_owned(),
                security: security.to_owned(),
            };
            assert_eq!(Mirrors::among(targets), Some(mirrors), "{targets}");
        };
        let both = "bookworm|Debian|http://a/debian/\nbookworm-security|Debian|http://b/sec/\n";
        check(both, "http://a/debian", "http://b/sec");
        let others =
            "nodistro|. nodistro|https://n/node/\nbookworm|Docker|https://d/linux/debian/\ntrixie|Debian|http://a/x/";
        check(others, "http://a/x", "http://a/x-security");
        check(
            "trixie||http://a/debian\ntrixie-security||http://a/debian-security",
            "http://a/debian",
            "http://a/debian-security",
        );
        assert_eq!(Mirrors::among("jammy|Ubuntu|http://u/ubuntu/"), None);
    }

    #[test]
    fn a_list_can_be_left_out() {
        let mirrors = Mirrors {
            debian: "http://a/debian".to_owned(),
            security: "http://a/security".to_owned(),
        };
        let without = [List {
            suite: "trixie-security".to_owned(),
            architecture: Architecture::Armhf,
        }];
        assert_eq!(
            mirrors.sources("/key", &without.into()),
            "deb [arch=amd64,arm64,armhf signed-by=/key] http://a/debian trixie main\n\
             deb [arch=amd64,arm64,armhf signed-by=/key] http://a/debian trixie-updates main\n\
             deb [arch=amd64,arm64 signed-by=/key] http://a/security trixie-security main\n"
        );
    }

    #[test]
    fn a_list_goes_by_suite_and_architecture() {
        let list = List {
            suite: "trixie-updates".to_owned(),
            architecture: Architecture::Arm64,
        };
        assert_eq!("trixie-updates:arm64".parse(), Ok(list));
        for text in ["trixie-updates", "sid:arm64", "trixie:mips"] {
            let message = "names no package list; write SUITE:ARCHITECTURE, for example trixie-security:armhf";
            let error = text.parse::<List>().expect_err("there is no such list");
            assert_eq!(error.to_string(), format!("`{text}` {message}"));
        }
    }

    #[test]
    fn a_release_date_is_a_snapshot() {
        assert_eq!(
            timestamp(" Sat, 12 Sep 2026 07:55:41 UTC").as_deref(),
            Some("20260912T075541Z")
        );
        assert_eq!(
            timestamp("Sat, 1 Aug 2026 7:05:01 UTC").as_deref(),
            Some("20260801T070501Z")
        );
        assert_eq!(timestamp("Sat, 12 Sep 2026 07:55:41 CET"), None);
        assert_eq!(timestamp("yesterday"), None);
    }

    #[test]
    fn a_package_that_left_the_mirror_is_named_with_the_way_out() {
        let mut missing = Command::new("sh");
        missing.args(["-c", "echo 'E: Failed to fetch x  404  Not Found' >&2; exit 100"]);
        let source = command::output(&mut missing).expect_err("the command must fail");
        let error = AptError::Download {
            files: vec!["jq_1.7_armhf.deb".to_owned()],
            source,
        };
        assert_eq!(
            error.to_string(),
            "cannot fetch jq_1.7_armhf.deb: sh -c echo 'E: Failed to fetch x  404  Not Found' >&2; exit 100 failed \
             (exit status: 100): Failed to fetch x  404  Not Found; if the mirror has dropped a version, `cbox lock` \
             finds its successor"
        );
    }

    #[test]
    fn a_machine_without_debian_is_told_so() {
        assert_eq!(
            AptError::NoMirror.to_string(),
            "apt on this machine names no Debian mirror; add one to /etc/apt/sources.list and run `apt-get update`"
        );
    }
}
