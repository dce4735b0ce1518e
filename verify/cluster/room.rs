//! Is there room for a cluster on this machine? Asked before anything is made.

use std::fs;
use std::path::Path;

use super::ClusterError;
use super::nodes::Node;
use crate::docker::docker;

/// The node image, unpacked in Docker.
const IMAGE_BYTES: u64 = 2 * GIB;

/// The volume of one node (1.4 to 2.0 GB were measured), and something to work with.
const NODE_BYTES: u64 = 5 * GIB / 2;

/// 770 to 890 MiB were measured for a control plane, 400 to 500 MiB for a worker.
const CONTROL_PLANE_MEMORY: u64 = GIB;
const WORKER_MEMORY: u64 = GIB / 2;

const GIB: u64 = 1 << 30;

/// Ends with a sentence when the machine has too little disk or memory for a new cluster, once the nodes of the one that it
/// `replaces` are gone.
///
/// # Errors
///
/// When there is too little of either, or Docker does not answer.
///
/// # Caveats
///
/// A daemon on another machine keeps its images where this process cannot look: only memory is asked for then, and the
/// answer is this machine's.
pub fn must_have(workers: u32, image_is_loaded: bool, replaces: &[Node]) -> Result<(), ClusterError> {
    let memory = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| available_memory(&text));
    if let Some(available) = memory {
        let available = available.saturating_add(memory_freed(replaces));
        enough("memory", memory_wanted(workers), available, "of this machine")?;
    }
    let root = docker(["info", "--format={{.DockerRootDir}}"])?;
    let root = Path::new(&root);
    if root.is_dir() {
        let found = rustix::fs::statvfs(root).map_err(|error| ClusterError::File {
            verb: "look at",
            path: root.to_owned(),
            source: error.into(),
        })?;
        let wanted = disk_wanted(workers, image_is_loaded);
        let available = found.f_bavail.saturating_mul(found.f_frsize);
        let available = available.saturating_add(disk_freed(replaces));
        enough("disk", wanted, available, &format!("at {}", root.display()))?;
    }
    Ok(())
}

fn memory_wanted(workers: u32) -> u64 {
    CONTROL_PLANE_MEMORY + u64::from(workers) * WORKER_MEMORY
}

fn disk_wanted(workers: u32, image_is_loaded: bool) -> u64 {
    let image = if image_is_loaded { 0 } else { IMAGE_BYTES };
    image + (1 + u64::from(workers)) * NODE_BYTES
}

/// What nodes that run give back, counted as it is counted when it is asked for.
fn memory_freed(nodes: &[Node]) -> u64 {
    let of_node = |node: &Node| match node.role.as_str() {
        "control-plane" => CONTROL_PLANE_MEMORY,
        _ => WORKER_MEMORY,
    };
    nodes.iter().filter(|node| node.running).map(of_node).sum()
}

/// The same for their volumes, which nodes that are stopped have, too.
fn disk_freed(nodes: &[Node]) -> u64 {
    nodes.len() as u64 * NODE_BYTES
}

fn enough(what: &'static str, wanted: u64, available: u64, place: &str) -> Result<(), ClusterError> {
    if available >= wanted {
        return Ok(());
    }
    Err(ClusterError::NoRoom {
        what,
        wanted: gigabytes(wanted),
        available: gigabytes(available),
        place: place.to_owned(),
    })
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}

/// `MemAvailable` of proc(5)'s meminfo, in bytes.
fn available_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_that_is_available_is_read() {
        let meminfo = "MemTotal: 100 kB\nMemFree:  5 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(available_memory(meminfo), Some(2 << 20));
        assert_eq!(available_memory("MemTotal: 100 kB"), None);
    }

    #[test]
    fn a_cluster_makes_room_for_one_of_its_size() {
        let node = |role: &str, running| Node {
            name: String::new(),
            role: role.to_owned(),
            running,
            started_at: String::new(),
            image: String::new(),
        };
        let old = [node("control-plane", true), node("worker", true)];
        assert_eq!(memory_freed(&old), memory_wanted(1));
        assert_eq!(disk_freed(&old), disk_wanted(1, true));
        let stopped = [node("control-plane", false), node("worker", false)];
        assert_eq!(memory_freed(&stopped), 0);
        assert_eq!(disk_freed(&stopped), disk_wanted(1, true));
    }

    #[test]
    fn too_little_is_said_with_both_numbers_and_the_way_out() {
        let wanted = disk_wanted(2, false);
        assert!(enough("disk", wanted, wanted, "at /d").is_ok());
        insta::assert_snapshot!(
            enough("disk", wanted, GIB, "at /d").unwrap_err(),
            @"the cluster needs 9.5 GiB of disk, and 1.0 GiB at /d are free: `docker system df` says what is kept there; --workers 0 needs the least"
        );
        insta::assert_snapshot!(
            enough("memory", memory_wanted(2), GIB, "of this machine").unwrap_err(),
            @"the cluster needs 2.0 GiB of memory, and 1.0 GiB of this machine are free: end what is not needed; --workers 0 needs the least"
        );
    }
}
