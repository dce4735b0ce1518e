//! One release in a field: its box without a policy, under it, and begun under it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chart;
use crate::network::live::plan::{self, BOX, Case, FRESH, TWIN};
use crate::network::live::probe::{self, Findings, Outcome, Probe, Transport};
use crate::network::live::round::{self, Round, Task};
use crate::network::live::station::{self, Station};
use crate::network::live::verdict::{self, Seen};
use crate::network::live::{Asked, Field, LiveError, START_MAX, cannot};
use crate::network::load::{self, LoadError};
use crate::network::object::Direction;
use crate::network::promise::Promise;
use crate::network::rendered;
use crate::selector::Labels;

/// How long an enforcer may take; Calico takes a second or two.
const ENFORCEMENT_MAX: Duration = Duration::from_secs(45);

impl Field {
    /// Asks about one release, which was rendered for [`Self::namespace`]; cells are named
    /// `<release>/<moment>/egress/tcp:443 <who>`. `say` is told what is being done.
    ///
    /// # Errors
    ///
    /// When the release cannot be judged, or the cluster does not take its policies or pods. What a prober does not find out is
    /// no error of the run but of its cells.
    pub fn run(
        &self,
        release: &str,
        promise: &Promise,
        (file, text): (&str, &str),
        say: &dyn Fn(&str),
    ) -> Result<Asked, LiveError> {
        let pod = rendered::pod(self.own.name(), file, &chart::objects(text)?)?;
        let policies = load::from_yaml(file, text)?;
        if policies.is_empty() || !promise.is_enabled() {
            return Err(LoadError::Nothing(file.to_owned()).into());
        }
        say("the box starts without a policy");
        let mut addresses = self.addresses.clone();
        self.clear()?;
        let (own, fresh) = (
            self.station(BOX, &pod.labels, false),
            self.station(FRESH, &pod.labels, true),
        );
        self.create(&[own.pod(&self.images)], "make the box's pod")?;
        self.locate(&mut addresses)?;
        let cases = self.cases(&addresses);
        let before = self.ask(&cases, &addresses, BOX);

        say("its policy is applied");
        let objects: Vec<Value> = chart::objects(text)?
            .into_iter()
            .filter(|object| object["kind"] == "NetworkPolicy")
            .collect();
        self.create(&objects, "make the release's policies")?;
        let questions = verdict::questions(&cases, &before, promise, &pod);
        let canary = self.await_enforcement(&questions, &cases);
        let live = self.ask(&cases, &addresses, BOX);

        say("a box starts under the policy");
        let own_list: Vec<Probe> = cases
            .iter()
            .filter(|case| case.direction == Direction::Egress)
            .map(|case| case.probe.clone())
            .chain(plan::listeners())
            .collect();
        self.create(
            &[Station::files(FRESH, self.own.name(), &probe::list(&own_list))],
            "make the box's list",
        )?;
        self.create(&[fresh.pod(&self.images)], "make the second box's pod")?;
        self.locate(&mut addresses)?;
        let mut started = self.ask(&cases, &addresses, FRESH);
        started.insert(FRESH.to_owned(), self.first_words());

        let evidence = verdict::Evidence {
            cases: &cases,
            addresses: &addresses,
            before: &before,
            moments: [("applied", BOX, &live), ("before-start", FRESH, &started)],
            canary: &canary,
            policies: &policies,
            pod: &pod,
        };
        let run = evidence
            .run(release, questions)
            .map_err(rendered::RenderedError::from)?;
        Ok(Asked {
            run,
            not_asked: cases
                .iter()
                .filter_map(|case| verdict::absence(case, &before))
                .collect(),
        })
    }

    /// Takes away what the release before has left.
    fn clear(&self) -> Result<(), LiveError> {
        let there = ["--namespace", self.own.name(), "--ignore-not-found"];
        let fresh = [["delete", "configmap", FRESH].as_slice(), &there].concat();
        let pods = [
            ["delete", "pod", BOX, FRESH, "--grace-period=0", "--force"].as_slice(),
            &there,
        ]
        .concat();
        let policies = ["delete", "networkpolicies", "--all", "--namespace", self.own.name()];
        for words in [pods.as_slice(), &fresh, &policies] {
            self.kubectl
                .read(words)
                .map_err(cannot("clear the harness's namespace"))?;
        }
        Ok(())
    }

    fn cases(&self, addresses: &BTreeMap<String, IpAddr>) -> Vec<Case> {
        let with_box: Vec<Station> = self
            .stations
            .iter()
            .cloned()
            .chain([self.station(BOX, &Labels::new(), false)])
            .collect();
        plan::cases(&with_box, addresses, &self.services, &self.surroundings, &self.outside)
    }

    /// Every case once, with its control, all stations at the same time.
    fn ask(&self, cases: &[Case], addresses: &BTreeMap<String, IpAddr>, subject: &str) -> Round {
        let mut lists: BTreeMap<&str, Vec<Probe>> = BTreeMap::new();
        for case in cases {
            if case.direction == Direction::Egress {
                for from in [subject, TWIN] {
                    lists.entry(from).or_default().push(case.probe.clone());
                }
            } else {
                let to = [subject, TWIN]
                    .into_iter()
                    .filter_map(|to| verdict::inward(case, to, addresses));
                lists.entry(&case.from).or_default().extend(to);
            }
        }
        lists.entry(subject).or_default().extend(plan::listeners());
        // Its own list it works off by itself, from its first moment on.
        lists.remove(FRESH);
        let tasks: Vec<Task> = lists
            .into_iter()
            .map(|(pod, mut probes)| {
                probes.sort_unstable();
                probes.dedup();
                let namespace = match self.stations.iter().find(|station| station.name == pod) {
                    Some(station) => station.namespace.clone(),
                    None => self.own.name().to_owned(),
                };
                let pod = pod.to_owned();
                Task { namespace, pod, probes }
            })
            .collect();
        round::run(&self.kubectl, &tasks)
    }

    /// What the box that began under the policy found.
    fn first_words(&self) -> Result<Findings, String> {
        let words = [
            "logs",
            FRESH,
            "--namespace",
            self.own.name(),
            "--container",
            station::PROBER,
        ];
        let deadline = Instant::now() + START_MAX;
        loop {
            let said = self
                .kubectl
                .read(&words)
                .map_err(|error| format!("the log of the prober in pod {FRESH} cannot be read: {error}"))?;
            if probe::is_whole(&said) {
                return Ok(probe::findings(&said));
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "the prober in pod {FRESH} did not end its list in {} s",
                    START_MAX.as_secs()
                ));
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until a connection that must be cut is cut, and one that must stay open is open; for the same time the twin's
    /// stay open. Returns why it is in vain.
    fn await_enforcement(&self, questions: &[verdict::Question], cases: &[Case]) -> Result<(), String> {
        let of = |wanted: Seen| {
            let is_it = |question: &&verdict::Question| {
                let case = cases.get(question.case);
                question.expected == wanted
                    && case.is_some_and(|case| {
                        case.direction == Direction::Egress
                            && case.probe.transport == Transport::Tcp
                            && !case.is_optional
                    })
            };
            let question = questions.iter().find(is_it)?;
            cases.get(question.case).map(|case| case.probe.clone())
        };
        let Some(closed) = of(Seen::Closed) else {
            return Err(
                "nothing is closed that could be tried, so it cannot be told whether policies are enforced".to_owned(),
            );
        };
        let open = of(Seen::Open);
        let probes: Vec<Probe> = std::iter::once(closed.clone()).chain(open.clone()).collect();
        let task = |pod: &str| Task {
            namespace: self.own.name().to_owned(),
            pod: pod.to_owned(),
            probes: probes.clone(),
        };
        let deadline = Instant::now() + ENFORCEMENT_MAX;
        loop {
            let round = round::run(&self.kubectl, &[task(BOX), task(TWIN)]);
            let seen = |pod: &str, probe: &Probe| -> Result<Outcome, String> {
                let found = round.get(pod).ok_or("no answer")?.as_ref().map_err(Clone::clone)?;
                found.get(probe).ok_or("no answer")?.outcome.clone()
            };
            let twin = seen(TWIN, &closed)?;
            if twin != Outcome::Open {
                return Err(format!(
                    "the control of the first denial ({closed}) did not get through: {twin}"
                ));
            }
            let is_cut = seen(BOX, &closed)? != Outcome::Open;
            let is_open = match &open {
                Some(open) => seen(BOX, open)? == Outcome::Open,
                None => true,
            };
            if is_cut && (is_open || Instant::now() > deadline) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "NetworkPolicies are accepted but not enforced: {} s after the policy `{closed}` still went through (enforcer: {})",
                    ENFORCEMENT_MAX.as_secs(),
                    self.enforcer()
                ));
            }
        }
    }
}
