//! Mistakes in network policies: the simulator compares what they let through with what the values promise.

use crate::mutation::seed;
use crate::mutation::{Mutant, Sheet};
use crate::network::mutation;
use crate::network::object::Policy;
use crate::network::promise::Promise;
use crate::network::simulate::reach;
use crate::network::traffic::Pod;

/// Who is to notice.
const ORACLE: &str = "policy simulator";

/// All mistakes in a release's policies.
#[must_use]
pub fn sheet(release: &str, promise: &Promise, pod: &Pod, policies: &[Policy]) -> Sheet {
    let traffic = promise.traffic(pod);
    let found = |policies: &[Policy]| {
        let (traffic, expected) = traffic
            .iter()
            .find(|(traffic, expected)| reach(policies, pod, traffic) != *expected)?;
        let way = format!("{:?}", traffic.direction).to_lowercase();
        Some(format!("{way} {traffic} is not {expected}"))
    };
    let name = format!("{release}/network");
    if let Some(what) = found(policies) {
        return Sheet {
            name,
            oracle: ORACLE,
            mutants: Err(what),
        };
    }
    let seed = seed::Network::new(&traffic);
    let before = seed.results(pod, policies);
    let mutants = mutation::mutants(policies).into_iter().map(|mutant| Mutant {
        kind: mutant.kind().to_owned(),
        noticed: found(&mutant.policies),
        equivalence: mutation::equivalence(policies, &mutant.policies),
        seed: seed.notices(&before, pod, &mutant.policies),
        place: None,
        name: mutant.name,
    });
    Sheet {
        mutants: Ok(mutants.collect()),
        name,
        oracle: ORACLE,
    }
}
