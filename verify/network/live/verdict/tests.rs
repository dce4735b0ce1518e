//! Worlds, good and broken, and what the verdict makes of them.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::engine::cell::Verdict;
use crate::network::live::plan::FRESH;
use crate::network::live::probe::Findings;
use crate::network::load;
use crate::network::traffic::Host;
use crate::selector::Labels;

/// Closes everything but TCP 443.
const POLICY: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: box, namespace: own }
spec:
  podSelector: { matchLabels: { app: box } }
  policyTypes: [Ingress, Egress]
  egress:
    - ports: [{ protocol: TCP, port: 443 }]
";

fn probe(host: &str, port: u16) -> Probe {
    Probe {
        transport: Transport::Tcp,
        host: host.to_owned(),
        port,
    }
}

fn case(direction: Direction, from: &str, host: &str, port: u16) -> Case {
    let address = "10.0.0.9".parse().expect("an address");
    Case {
        direction,
        peer: Host {
            name: "somebody".to_owned(),
            address,
            pod: None,
        },
        role: Role::Other,
        port,
        row: "somebody".to_owned(),
        from: from.to_owned(),
        probe: probe(host, port),
        is_optional: false,
    }
}

/// Everything is open without a policy; under it the box gets out at 443 alone, and nobody in.
fn world() -> (Round, Round) {
    let found = |all: &[(&str, u16, Outcome)]| -> Result<Findings, String> {
        let finding = |outcome| Finding {
            outcome: Ok(outcome),
            duration: Duration::ZERO,
        };
        Ok(all
            .iter()
            .map(|(host, port, outcome)| (probe(host, *port), finding(*outcome)))
            .collect())
    };
    let round = |closed: Outcome| -> Round {
        let out = |closed| {
            found(&[
                ("10.0.0.9", 443, Outcome::Open),
                ("10.0.0.9", 80, closed),
                ("127.0.0.1", 80, Outcome::Open),
            ])
        };
        BTreeMap::from([
            (BOX.to_owned(), out(closed)),
            (TWIN.to_owned(), out(Outcome::Open)),
            (
                "peer".to_owned(),
                found(&[("10.0.0.1", 80, closed), ("10.0.0.2", 80, Outcome::Open)]),
            ),
        ])
    };
    (round(Outcome::Open), round(Outcome::Silent))
}

fn verdicts(before: &Round, live: &Round, canary: Result<(), String>) -> (Vec<Verdict>, String) {
    let cases = [
        case(Direction::Egress, BOX, "10.0.0.9", 443),
        case(Direction::Egress, BOX, "10.0.0.9", 80),
        case(Direction::Ingress, "peer", BOX, 80),
    ];
    let questions = [Seen::Open, Seen::Closed, Seen::Closed];
    let questions = (0..)
        .zip(questions)
        .map(|(case, expected)| Question { case, expected })
        .collect();
    let address = |text: &str| text.parse().expect("an address");
    let addresses = [(BOX, "10.0.0.1"), (FRESH, "10.0.0.1"), (TWIN, "10.0.0.2")];
    let pod = Pod {
        namespace: "own".to_owned(),
        namespace_labels: Labels::new(),
        labels: Labels::from([("app".to_owned(), "box".to_owned())]),
    };
    let evidence = Evidence {
        cases: &cases,
        addresses: &addresses.map(|(name, text)| (name.to_owned(), address(text))).into(),
        before,
        moments: [("applied", BOX, live), ("again", BOX, live)],
        canary: &canary,
        policies: &load::from_yaml("policy.yaml", POLICY).expect("a policy"),
        pod: &pod,
    };
    let run = evidence.run("readonly", questions).expect("the names differ");
    let first = run
        .cells
        .iter()
        .filter(|cell| cell.id.starts_with("readonly/applied") && cell.oracle == PROBER);
    let causes: Vec<&str> = run.cells.iter().map(|cell| cell.cause.as_str()).collect();
    (first.map(|cell| cell.verdict).collect(), causes.join("\n"))
}

#[test]
fn a_good_world_passes() {
    let (before, live) = world();
    let (all, causes) = verdicts(&before, &live, Ok(()));
    assert_eq!(all, [Verdict::Passed; 3], "{causes}");
}

/// Whoever answers was reached: an enforcer that cuts a connection says nothing.
#[test]
fn a_refusal_is_no_denial() {
    let (before, mut live) = world();
    let found = live
        .get_mut(BOX)
        .expect("the box")
        .as_mut()
        .expect("it found something");
    found.get_mut(&probe("10.0.0.9", 80)).expect("it tried").outcome = Ok(Outcome::Refused);
    let (all, causes) = verdicts(&before, &live, Ok(()));
    assert_eq!(all[1], Verdict::Failed);
    assert!(causes.contains("expected closed, observed refused"), "{causes}");
}

/// What is wrong with a world.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// A prober that ended.
    Dead(&'static str),
    /// A station that nobody asked.
    Unasked(&'static str),
    /// A probe of the box's that has no finding.
    Lost,
    /// Under the policy, this station does not reach this host at port 80.
    Shut(&'static str, &'static str),
    /// The same without a policy.
    ShutBefore(&'static str, &'static str),
}

fn found<'r>(round: &'r mut Round, station: &str) -> &'r mut Findings {
    let found = round.get_mut(station).expect("the station is there");
    found.as_mut().expect("it found something")
}

fn shut(round: &mut Round, station: &str, host: &str) {
    let finding = found(round, station).get_mut(&probe(host, 80));
    finding.expect("it tried").outcome = Ok(Outcome::Silent);
}

/// A denial in a world in which nothing would have got through, or nobody looked, is none.
#[rstest]
#[case::dead_box(Damage::Dead(BOX), 1, "the prober in pod box ended before its list did")]
#[case::dead_twin(Damage::Dead(TWIN), 1, "the prober in pod twin ended before its list did")]
#[case::unasked(Damage::Unasked("peer"), 2, "station peer was not asked")]
#[case::lost(Damage::Lost, 1, "station box said nothing of its probe `tcp 10.0.0.9 80`")]
#[case::dead_target(
    Damage::Shut(TWIN, "10.0.0.9"),
    1,
    "the control from or to a pod that no policy selects did not get through either (twin tried tcp 10.0.0.9 80): silent"
)]
#[case::closed_without_a_policy(
    Damage::ShutBefore(BOX, "10.0.0.9"),
    1,
    "the control without a policy did not get through either (box tried tcp 10.0.0.9 80): silent"
)]
#[case::deaf_box(
    Damage::Shut(BOX, "127.0.0.1"),
    2,
    "the control in the box itself did not get through either (box tried tcp 127.0.0.1 80): silent"
)]
#[case::lonely_source(
    Damage::Shut("peer", "10.0.0.2"),
    2,
    "the control from or to a pod that no policy selects did not get through either (peer tried tcp 10.0.0.2 80): silent"
)]
fn a_broken_world_is_an_error(#[case] damage: Damage, #[case] cell: usize, #[case] cause: &str) {
    let (mut before, mut live) = world();
    match damage {
        Damage::Dead(station) => {
            let said = format!("the prober in pod {station} ended before its list did");
            live.insert(station.to_owned(), Err(said));
        }
        Damage::Unasked(station) => drop(live.remove(station)),
        Damage::Lost => drop(found(&mut live, BOX).remove(&probe("10.0.0.9", 80))),
        Damage::Shut(station, host) => shut(&mut live, station, host),
        Damage::ShutBefore(station, host) => shut(&mut before, station, host),
    }
    let (all, causes) = verdicts(&before, &live, Ok(()));
    assert_eq!(all.get(cell), Some(&Verdict::Error), "{causes}");
    assert!(causes.contains(cause), "{causes}");
}

#[test]
fn without_enforcement_nothing_is_said() {
    let (before, live) = world();
    let cause = "NetworkPolicies are accepted but not enforced";
    let (all, causes) = verdicts(&before, &live, Err(cause.to_owned()));
    assert_eq!(all, [Verdict::Error; 3]);
    assert!(causes.contains(cause), "{causes}");
}

#[test]
fn what_nobody_has_to_serve_and_nobody_does_is_not_asked() {
    let (mut before, _) = world();
    let optional = Case {
        is_optional: true,
        ..case(Direction::Egress, BOX, "10.0.0.9", 80)
    };
    assert_eq!(absence(&optional, &before), None);
    shut(&mut before, TWIN, "10.0.0.9");
    let said = absence(&optional, &before).expect("a reason");
    assert!(said.contains("nobody answers there"), "{said}");
    let required = Case {
        is_optional: false,
        ..optional
    };
    assert_eq!(
        absence(&required, &before),
        None,
        "what must be there and is not is an error"
    );
}
