//! What a cluster is found to be, from what Docker and its lease say. Pure; whether its API answers is asked afterwards.

use super::lease::Lease;
use super::nodes::Node;

/// What was found under a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// Nodes that nobody here wrote a lease for.
    Foreign,
    /// It was never ready: its maker went, or is still at it.
    Unfinished,
    /// It is not what it was made as.
    Broken(String),
    /// It is another cluster than the one that is wanted.
    Outdated(String),
    /// Some node's container does not run.
    Stopped,
    /// Every container runs.
    Running,
}

/// What somebody wants to find; whatever is not said is as good as any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The identity of the node image.
    pub image: Option<&'a str>,
    /// The number of workers.
    pub workers: Option<u32>,
}

/// Judges what is there.
#[must_use]
pub fn of(lease: Option<&Lease>, nodes: &[Node], wanted: Wanted<'_>) -> Found {
    if nodes.is_empty() {
        // Somebody removed them all without telling us: what they wanted is clear.
        return Found::Absent;
    }
    let Some(lease) = lease else {
        return Found::Foreign;
    };
    if !lease.finished {
        return Found::Unfinished;
    }
    let made = lease.workers as usize + 1;
    if nodes.len() != made {
        return Found::Broken(format!("it has {} of its {made} nodes", nodes.len()));
    }
    if wanted
        .image
        .is_some_and(|image| nodes.iter().any(|node| node.image != image))
    {
        return Found::Outdated("its nodes come from another node image than the current one".to_owned());
    }
    if let Some(workers) = wanted.workers.filter(|workers| *workers != lease.workers) {
        return Found::Outdated(format!("it has {} workers, not {workers}", lease.workers));
    }
    if nodes.iter().all(|node| node.running) {
        Found::Running
    } else {
        Found::Stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(workers: u32, finished: bool) -> Lease {
        Lease {
            version: Lease::VERSION,
            owner: None,
            maker: "0".to_owned(),
            finished,
            policies_enforced: true,
            image: "sha256:1".to_owned(),
            workers,
            made_at_seconds: 0,
        }
    }

    fn nodes(count: usize) -> Vec<Node> {
        (0..count)
            .map(|number| Node {
                name: format!("node-{number}"),
                role: "worker".to_owned(),
                running: true,
                started_at: String::new(),
                image: "sha256:1".to_owned(),
            })
            .collect()
    }

    #[test]
    fn what_is_there_has_one_name() {
        let any = Wanted::default();
        let check = |lease: Option<Lease>, nodes: &[Node], wanted, expected| {
            assert_eq!(of(lease.as_ref(), nodes, wanted), expected);
        };
        check(None, &[], any, Found::Absent);
        check(Some(lease(1, true)), &[], any, Found::Absent);
        check(None, &nodes(1), any, Found::Foreign);
        check(Some(lease(1, false)), &nodes(2), any, Found::Unfinished);
        check(Some(lease(1, true)), &nodes(2), any, Found::Running);
        // Somebody removed one of the containers.
        check(
            Some(lease(2, true)),
            &nodes(2),
            any,
            Found::Broken("it has 2 of its 3 nodes".to_owned()),
        );
        let mut stopped = nodes(2);
        stopped[1].running = false;
        check(Some(lease(1, true)), &stopped, any, Found::Stopped);
    }

    #[test]
    fn a_cluster_is_outdated_by_its_image_or_its_size_if_these_are_wanted() {
        let wanted = |image, workers| of(Some(&lease(1, true)), &nodes(2), Wanted { image, workers });
        assert_eq!(wanted(Some("sha256:1"), Some(1)), Found::Running);
        assert_eq!(wanted(None, None), Found::Running);
        assert_eq!(
            wanted(None, Some(2)),
            Found::Outdated("it has 1 workers, not 2".to_owned())
        );
        assert!(matches!(wanted(Some("sha256:2"), Some(1)), Found::Outdated(_)));
    }
}
