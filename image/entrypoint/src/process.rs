//! The processes around us, as proc(5)'s `stat` tells them to anyone: the init's environment and program are closed to us, its name is not.

use std::fs;
use std::io;

/// What the init calls itself (`comm`).
const INIT: &str = "box-init";

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// Its parent's number.
    pub parent: u32,
    /// Its name, cut to 15 bytes by the kernel.
    pub name: String,
    /// One letter: `R`, `S`, `T`, `Z` and others.
    pub state: char,
    /// When it started, in clock ticks since the machine's boot.
    pub started_ticks: u64,
}

impl Process {
    /// Reads the content of a `stat`. The name stands in parentheses and may itself hold anything.
    pub fn from_stat(stat: &str) -> Option<Self> {
        let (id, rest) = stat.split_once(" (")?;
        let (name, fields) = rest.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        Some(Self {
            id: id.parse().ok()?,
            name: name.into(),
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            // Field 22 of all, counted from one.
            started_ticks: fields.nth(17)?.parse().ok()?,
        })
    }

    /// This process.
    ///
    /// # Errors
    ///
    /// When /proc cannot be read.
    pub fn own() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        Self::from_stat(&stat).ok_or_else(|| io::Error::other("/proc/self/stat is not as proc(5) describes it"))
    }
}

/// Every process that we can see. One that ends meanwhile is left out.
///
/// # Errors
///
/// When /proc cannot be read.
pub fn all() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name
            .to_str()
            .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        else {
            continue;
        };
        let stat = fs::read_to_string(format!("/proc/{id}/stat"));
        processes.extend(stat.ok().as_deref().and_then(Process::from_stat));
    }
    Ok(processes)
}

/// The process that the box is there for: the init's first child. Later ones are orphans that the init took in.
///
/// In a pod that shares its process namespace the init is not number 1, and there may be one of another container: `is_ours` says
/// whether a process is of our own.
///
/// # Errors
///
/// A sentence that says what is missing.
pub fn main_child(processes: &[Process], is_ours: impl Fn(u32) -> bool) -> Result<&Process, String> {
    let oldest = |process: &&Process| (process.started_ticks, process.id);
    let init = processes
        .iter()
        .filter(|process| process.name == INIT && (process.id == 1 || is_ours(process.id)))
        .min_by_key(oldest)
        .ok_or_else(|| format!("no {INIT} runs here; start the image with its own entrypoint"))?;
    processes
        .iter()
        .filter(|process| process.parent == init.id)
        .min_by_key(oldest)
        .ok_or_else(|| format!("{INIT} (process {}) has no child", init.id))
}

/// Whether a process is of our own container: it is in our control group.
pub fn is_in_our_group(id: u32) -> bool {
    let group = |process: &str| fs::read(format!("/proc/{process}/cgroup")).ok();
    group(&id.to_string()).is_some_and(|its| group("self") == Some(its))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_name_may_hold_anything() {
        let stat =
            "7 (a) R 1 (b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 2539520 200 18446744073709551615";
        let expected = Process {
            id: 7,
            parent: 1,
            name: "a) R 1 (b".into(),
            state: 'S',
            started_ticks: 123_456,
        };
        assert_eq!(Process::from_stat(stat), Some(expected));
        assert_eq!(Process::from_stat("7 (a) S 1"), None);
    }

    #[test]
    fn we_find_ourselves() {
        let own = Process::own().expect("/proc can be read");
        assert_eq!(own.id, std::process::id());
        assert!(
            all()
                .expect("/proc can be read")
                .iter()
                .any(|process| process.id == own.id)
        );
        assert!(is_in_our_group(own.id));
    }

    /// Processes as id, parent, name and start; and which of them is the main child, or what is said.
    #[rstest]
    #[case(&[(1, 0, "box-init", 5), (7, 1, "claude", 5), (20, 1, "sleep", 90)], Ok(7))]
    // The tool's own init is younger than the box's.
    #[case(&[(9, 7, "box-init", 80), (10, 9, "bash", 80), (1, 0, "box-init", 5), (7, 1, "claude", 6)], Ok(7))]
    // A number may come around; the start does not.
    #[case(&[(1, 0, "box-init", 5), (4, 1, "sleep", 90), (7, 1, "claude", 5)], Ok(7))]
    // A pod that shares its process namespace, with two boxes.
    #[case(&[(1, 0, "pause", 1), (30, 0, "box-init", 3), (31, 30, "claude", 3), (40, 0, "box-init", 5), (47, 40, "claude", 5)], Ok(47))]
    #[case(&[(1, 0, "box-init", 5), (8, 0, "kubectl", 9)], Err("box-init (process 1) has no child"))]
    #[case(&[(1, 0, "bash", 5)], Err("no box-init runs here; start the image with its own entrypoint"))]
    fn the_main_child(#[case] processes: &[(u32, u32, &str, u64)], #[case] expected: Result<u32, &str>) {
        let processes: Vec<_> = processes
            .iter()
            .map(|(id, parent, name, started_ticks)| Process {
                id: *id,
                parent: *parent,
                name: (*name).into(),
                state: 'S',
                started_ticks: *started_ticks,
            })
            .collect();
        let found = main_child(&processes, |id| id >= 40).map(|process| process.id);
        assert_eq!(found, expected.map_err(str::to_owned));
    }
}
