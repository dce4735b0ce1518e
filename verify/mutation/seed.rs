//! A model of the 17 tests of the system that this project replaces, to compare with: which mistakes would they have noticed?
//!
//! It is kind to them. They are asked about this project's objects as if they had been written for them, each test counts that
//! passes on what is right and fails on the mistake, a pod that cannot start or is never ready fails them all, and a check that
//! skips itself when something is wrong (both of public HTTPS did) is a check that never fails, as it was.

use serde_json::Value;

use crate::access::evaluate::evaluate;
use crate::access::object::Objects;
use crate::access::question::{Question, Subject};
use crate::access::release::Release;
use crate::container::UID;
use crate::network::object::{Direction, Policy, Protocol};
use crate::network::simulate::reach;
use crate::network::traffic::{Host, Pod, Reach, Traffic};
use crate::posture::target::Whole;

/// A test's name with its result.
pub type Results = Vec<(&'static str, bool)>;

/// The first test that passed before and fails now.
fn noticing(before: &[(&'static str, bool)], after: &[(&'static str, bool)]) -> Option<&'static str> {
    let mut both = before.iter().zip(after);
    both.find_map(|((name, passed), (_, passes))| (*passed && !passes).then_some(*name))
}

/// What the nine tests of rights asked: `kubectl auth can-i`, as the account, in its own namespace.
#[derive(Debug)]
pub struct Rights {
    account: Subject,
    asked: Vec<(&'static str, Vec<Question>, bool)>,
}

/// The kinds that a reader was asked about, by group.
const READ: [(&str, &str, &[&str]); 4] = [
    (
        "reader can get, list and watch core resources",
        "",
        &[
            "pods",
            "services",
            "events",
            "nodes",
            "namespaces",
            "configmaps",
            "persistentvolumeclaims",
        ],
    ),
    (
        "reader can get, list and watch apps",
        "apps",
        &["deployments", "statefulsets", "daemonsets", "replicasets"],
    ),
    ("reader can get, list and watch batch", "batch", &["jobs", "cronjobs"]),
    (
        "reader can get, list and watch ingresses",
        "networking.k8s.io",
        &["ingresses"],
    ),
];

impl Rights {
    /// The tests of a release.
    #[must_use]
    pub fn new(release: &Release) -> Self {
        let own = Some(release.namespace.as_str());
        let mut asked: Vec<(&'static str, Vec<Question>, bool)> = Vec::new();
        for (name, group, kinds) in READ {
            let questions = kinds.iter().flat_map(|kind| {
                let namespace = own.filter(|_| !["nodes", "namespaces"].contains(kind));
                ["get", "list", "watch"].map(|verb| Question::resource(verb, group, kind, namespace))
            });
            asked.push((name, questions.collect(), true));
        }
        asked.push((
            "reader cannot get secrets",
            vec![Question::resource("get", "", "secrets", own)],
            false,
        ));
        let refused = [
            ("delete", "", "pods"),
            ("create", "", "pods"),
            ("update", "apps", "deployments"),
        ];
        let refused = refused.map(|(verb, group, kind)| Question::resource(verb, group, kind, own));
        asked.push(("reader cannot change pods and deployments", refused.to_vec(), false));
        if let Some(place) = release.acts_in.first() {
            let may = |verb, group, kind| Question::resource(verb, group, kind, Some(place));
            asked.push(("operator can delete pods", vec![may("delete", "", "pods")], true));
            asked.push(("operator can exec", vec![may("create", "", "pods/exec")], true));
            let kinds = ["deployments", "statefulsets"];
            let changed = kinds
                .iter()
                .flat_map(|kind| ["update", "patch"].map(|verb| may(verb, "apps", kind)));
            asked.push(("operator can update and patch workloads", changed.collect(), true));
        }
        Self {
            account: release.subject(),
            asked,
        }
    }

    /// What the tests say of objects.
    #[must_use]
    pub fn results(&self, objects: &Objects) -> Results {
        let is_allowed = |question: &Question| evaluate(objects, &self.account, question).is_some();
        let passes =
            |questions: &[Question], expected: bool| questions.iter().all(|question| is_allowed(question) == expected);
        self.asked
            .iter()
            .map(|(name, questions, expected)| (*name, passes(questions, *expected)))
            .collect()
    }

    /// The test that notices a mistake.
    #[must_use]
    pub fn notices(&self, before: &Results, objects: &Objects) -> Option<&'static str> {
        noticing(before, &self.results(objects))
    }
}

/// What the six tests of the network tried from within the pod.
#[derive(Debug)]
pub struct Network {
    tried: Vec<(&'static str, Traffic, Reach)>,
}

impl Network {
    /// The tests of a release, whose traffic has its name server and its API server.
    #[must_use]
    pub fn new(traffic: &[(Traffic, Reach)]) -> Self {
        let mut tried = Vec::new();
        let mut try_open = |test, host: &str, protocol| {
            let is_it = |(traffic, expected): &&(Traffic, Reach)| {
                let is_there = traffic.peer.name == host && traffic.protocol == protocol;
                is_there && traffic.direction == Direction::Egress && *expected == Reach::Open
            };
            let found = traffic.iter().find(is_it);
            tried.extend(found.map(|(traffic, _)| (test, traffic.clone(), Reach::Open)));
        };
        try_open(
            "names of the cluster are resolved",
            "a name server of the cluster",
            Protocol::Udp,
        );
        try_open(
            "names of the Internet are resolved",
            "a name server of the cluster",
            Protocol::Udp,
        );
        try_open("the API server is healthy", "the API server's machine", Protocol::Tcp);
        let closed = Traffic {
            direction: Direction::Egress,
            peer: Host {
                name: "1.1.1.1".to_owned(),
                address: [1, 1, 1, 1].into(),
                pod: None,
            },
            protocol: Protocol::Tcp,
            port: 8080,
        };
        tried.push(("1.1.1.1:8080 is blocked", closed, Reach::Closed));
        Self { tried }
    }

    /// What the tests say of policies.
    #[must_use]
    pub fn results(&self, pod: &Pod, policies: &[Policy]) -> Results {
        let tried = self.tried.iter();
        tried
            .map(|(name, traffic, expected)| (*name, reach(policies, pod, traffic) == *expected))
            .collect()
    }

    /// The test that notices a mistake.
    #[must_use]
    pub fn notices(&self, before: &Results, pod: &Pod, policies: &[Policy]) -> Option<&'static str> {
        noticing(before, &self.results(pod, policies))
    }
}

/// What the tests see of the pod: it starts and is ready, and a file in its home is there in the pod after it. There was no
/// Job, and nothing of Compose was tried.
#[must_use]
pub fn pod(whole: &Whole) -> Results {
    let starts = whole
        .of_kind("StatefulSet")
        .next()
        .is_some_and(|workload| starts(whole, workload));
    let keeps = whole.of_kind("StatefulSet").next().is_some_and(keeps);
    vec![
        ("the pod is ready", starts),
        ("a file is there after the pod was deleted", starts && keeps),
    ]
}

/// The test that notices a mistake in the pod.
#[must_use]
pub fn of_pod(before: &Results, whole: &Whole) -> Option<&'static str> {
    noticing(before, &pod(whole))
}

fn starts(whole: &Whole, workload: &Value) -> bool {
    let spec = &workload["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    let user = &spec["securityContext"]["runAsUser"];
    let labels = &workload["spec"]["template"]["metadata"]["labels"];
    let selector = workload["spec"]["selector"]["matchLabels"].as_object();
    let account = &spec["serviceAccountName"];
    let has_account = account.is_null()
        || whole
            .of_kind("ServiceAccount")
            .any(|known| known["metadata"]["name"] == *account);
    let has_claims = elements(&spec["volumes"]).all(|volume| {
        let name = &volume["persistentVolumeClaim"]["claimName"];
        name.is_null()
            || whole
                .of_kind("PersistentVolumeClaim")
                .next()
                .is_none_or(|claim| claim["metadata"]["name"] == *name)
    });
    let has_volumes = elements(&container["volumeMounts"])
        .all(|mount| elements(&spec["volumes"]).any(|volume| volume["name"] == mount["name"]));
    let asks = |probe: &str| {
        let command = &container[probe]["exec"]["command"];
        container[probe].is_null()
            || ["box-init", "box-entrypoint"].iter().any(|name| command[0] == **name) && command[1] == "health"
    };
    workload["spec"]["replicas"] == 1
        && !(spec["securityContext"]["runAsNonRoot"] == true && *user == 0)
        && selector
            .is_some_and(|selector| !selector.is_empty() && selector.iter().all(|(key, value)| labels[key] == *value))
        && has_account
        && has_claims
        && has_volumes
        && container["image"].as_str().is_some_and(|image| !image.is_empty())
        && container["command"].is_null()
        && ["startupProbe", "livenessProbe", "readinessProbe"]
            .iter()
            .all(|probe| asks(probe))
}

fn keeps(workload: &Value) -> bool {
    let spec = &workload["spec"]["template"]["spec"];
    let mut mounts = elements(&spec["containers"][0]["volumeMounts"]);
    let home = mounts.find(|mount| mount["mountPath"] == "/home/claude");
    let Some(home) = home.filter(|mount| mount["readOnly"] != true) else {
        return false;
    };
    let mut volumes = elements(&spec["volumes"]);
    let is_claim = volumes.any(|volume| volume["name"] == home["name"] && !volume["persistentVolumeClaim"].is_null());
    // A new volume is root's, but for the group that the pod names.
    is_claim && spec["securityContext"]["fsGroup"] == UID
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The tools of `verify-tools.sh` by this project's names; of those that want a right, only the file was looked for.
const TOOLS: [&str; 35] = [
    "curl",
    "dig",
    "nmap",
    "tcpdump",
    "wget",
    "nc",
    "ip",
    "ss",
    "ping",
    "htop",
    "strace",
    "procps",
    "top",
    "perf",
    "bpftrace",
    "kubectl",
    "helm",
    "stern",
    "kubectx",
    "kubens",
    "jq",
    "yq",
    "less",
    "psql",
    "mysql",
    "redis-cli",
    "git",
    "vim",
    "nano",
    "unzip",
    "file",
    "tree",
    "ripgrep",
    "bash",
    "claude",
];

/// What the test of the tools says of an image's: each of its own is there, or answers `--version`.
#[must_use]
pub fn of_tools(tools: &serde_json::Map<String, Value>) -> Results {
    vec![("verify-tools.sh", TOOLS.iter().all(|tool| tools.contains_key(*tool)))]
}

/// The test that notices a mistake in the image.
#[must_use]
pub fn of_image(before: &Results, tools: &serde_json::Map<String, Value>) -> Option<&'static str> {
    noticing(before, &of_tools(tools))
}
