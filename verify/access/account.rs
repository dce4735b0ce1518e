//! A release's account in a real cluster, asked by itself what it may do: with a token of its own, through kubectl.
//!
//! It is installed as the chart renders it, in namespaces of the harness's own and under names that have them in it, so that
//! nobody else's roles are touched. Whoever asks needs no right to review others: everybody may ask about themselves.

mod reviews;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use reviews::{own_rules, reviews};

use crate::access::evaluate::{Applied, rules_for};
use crate::access::inventory::{self, InventoryError};
use crate::access::load::LoadError;
use crate::access::manifest;
use crate::access::object::{Binding, Objects};
use crate::access::question::{Access, Question, Subject};
use crate::access::release::{self, Release};
use crate::access::rendered::{ELSEWHERE, FAMILY};
use crate::access::table::Table;
use crate::access::universe;
use crate::cluster::ClusterError;
use crate::cluster::kubectl::Kubectl;
use crate::cluster::namespace::{Leavings, Namespace};
use crate::docker::{OWNER, owner};
use crate::engine::cell::{Evidence, Observation};
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;

/// The oracle that is asked one question at a time.
pub const OWN_REVIEW: &str = "SelfSubjectAccessReview";

/// The oracle that lists everything.
pub const OWN_RULES: &str = "SelfSubjectRulesReview";

/// How long an authorizer may take to see new roles; it takes milliseconds.
const PROPAGATION_MAX: Duration = Duration::from_secs(30);

/// An account cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The cluster does not do what is needed.
    #[error("cannot {doing}: {source}")]
    Cluster {
        /// What was being done.
        doing: &'static str,
        /// What was said.
        #[source]
        source: Box<ClusterError>,
    },
    /// The account's kubeconfig cannot be written.
    #[error("cannot write a kubeconfig of the release's account: {0}")]
    Kubeconfig(#[source] io::Error),
    /// The API server takes the token for somebody else's.
    #[error("the API server takes the token of {account} for that of '{found}'")]
    SomebodyElse {
        /// Whose it is.
        account: String,
        /// Who it says it is.
        found: String,
    },
    /// The recorded inventory of an API server is wrong.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The objects that every cluster has are wrong.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A defect of the harness.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The namespaces of one release: its own, and one that an operator acts in. They go when dropped.
#[derive(Debug)]
pub struct Home {
    kubectl: Kubectl,
    own: Namespace,
    shop: Namespace,
}

impl Home {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// When the cluster refuses.
    pub fn make(kubectl: &Kubectl) -> Result<Self, AccountError> {
        let namespace = |purpose| Namespace::create(kubectl, purpose).map_err(cannot("make a namespace"));
        Ok(Self {
            own: namespace("verify")?,
            shop: namespace("verify-shop")?,
            kubectl: kubectl.clone(),
        })
    }

    /// The namespace that a release has to be rendered for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.own.name()
    }

    /// The namespace that an operator may act in, as the chart's `access.namespaces`.
    #[must_use]
    pub fn acts_in(&self) -> &str {
        self.shop.name()
    }

    /// Leaves the namespaces where they are; returns their names. The roles go all the same.
    ///
    /// # Errors
    ///
    /// When the API refuses.
    pub fn keep(self) -> Result<[String; 2], ClusterError> {
        Ok([self.own.keep()?, self.shop.keep()?])
    }

    /// Puts a release's roles into the cluster, asks its account about everything, and takes the roles away. Cells are named as
    /// those of the rendered objects are: with `claude` for the release's namespace and `shop` for the operator's.
    ///
    /// # Errors
    ///
    /// When the cluster does not take the roles, or gives no token. What it does not answer is no error of the run but of its
    /// cells.
    pub fn run(&self, release: &Release, table: &Table) -> Result<Run, AccountError> {
        let _roles = self.install(release)?;
        let resources = inventory::recorded()?;
        let mut namespaces = vec![self.namespace(), self.acts_in(), ELSEWHERE];
        namespaces.sort_unstable();
        let questions = universe::questions(&resources, table, &release.objects, &namespaces);
        let objects = release.all_objects()?;
        let mut run = Run::of(FAMILY);
        // Its own account; and once, where it has no rights, the default account beside it.
        let count = if release.tier == "none" { 2 } else { 1 };
        for subject in release.subjects().iter().take(count) {
            let name = subject.0.user.rsplit(':').next().unwrap_or_default();
            let client = self.client(name, &subject.0)?;
            if subject.0 == release.subject() {
                await_roles(&client.kubectl, &canaries(&release.objects, &subject.0));
            }
            let expectation = release.expectation(table, subject);
            let reviews = reviews(&client.kubectl, &questions);
            let mut listed = BTreeMap::new();
            for namespace in &namespaces {
                listed.insert(*namespace, own_rules(&client.kubectl, namespace));
            }
            let is_listed =
                |question: &&Question| question.namespace().is_some() || matches!(question, Question::Url { .. });
            let in_lists: Vec<Question> = questions.iter().filter(is_listed).cloned().collect();
            let by_review = |question: &Question| match reviews.get(question) {
                Some(observation) => observation.clone(),
                None => not_probed("the question was not asked"),
            };
            let by_list = |question: &Question| match listed.get(question.namespace().unwrap_or(self.namespace())) {
                Some(Ok(rules)) => rules.answer(question),
                Some(Err(cause)) => not_probed(cause),
                None => not_probed("the namespace was not asked about"),
            };
            let oracles: [Oracle<'_>; 2] = [(OWN_REVIEW, &questions, &by_review), (OWN_RULES, &in_lists, &by_list)];
            for (oracle, questions, answer) in oracles {
                let claims = release::claims(&release.name, &subject.0, &expectation, questions, oracle);
                let claims = claims.into_iter().map(|mut claim| {
                    claim.id = self.plain(&claim.id);
                    claim
                });
                let ledger = Ledger::new(FAMILY, claims.collect())?;
                run = run.and(
                    ledger.answer(|claim| explained(&objects, &subject.0, &claim.question, answer(&claim.question))),
                );
            }
        }
        Ok(run)
    }

    /// A name that is the same in every run.
    fn plain(&self, id: &str) -> String {
        id.replace(self.namespace(), "claude").replace(self.acts_in(), "shop")
    }

    fn install(&self, release: &Release) -> Result<Leavings, AccountError> {
        let owner = owner();
        let mut objects: Vec<Value> = manifest::manifests(&release.objects)
            .into_iter()
            .map(|(_, object)| object)
            .collect();
        for object in &mut objects {
            object["metadata"]["labels"][OWNER] = json!(owner);
        }
        let of_cluster: Vec<String> = objects
            .iter()
            .filter_map(|object| {
                let kind = object["kind"].as_str().filter(|kind| kind.starts_with("Cluster"))?;
                Some(format!(
                    "{}/{}",
                    kind.to_lowercase(),
                    object["metadata"]["name"].as_str()?
                ))
            })
            .collect();
        objects.insert(0, manifest::account(&release.namespace, &release.account).1);
        let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
        // They are to be taken away even if only some of them are taken.
        let leavings = Leavings::new(&self.kubectl, of_cluster);
        self.kubectl
            .read_with(&["create", "--validate=false", "--filename=-"], &texts.join("\n---\n"))
            .map_err(cannot("make the release's roles"))?;
        Ok(leavings)
    }

    /// A client that has a token of an account, and none of the proofs of whoever asked for it.
    fn client(&self, account: &str, subject: &Subject) -> Result<Client, AccountError> {
        let words = [
            "create",
            "token",
            account,
            "--namespace",
            self.namespace(),
            "--duration=10m",
        ];
        let token = self
            .kubectl
            .read(&words)
            .map_err(cannot("get a token of the release's account"))?;
        let words = ["config", "view", "--raw", "--minify", "--flatten", "--output=json"];
        let known = self.kubectl.read(&words).map_err(cannot("read the kubeconfig"))?;
        let known: Value = serde_json::from_str(&known).map_err(|error| AccountError::Kubeconfig(error.into()))?;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "account",
            "clusters": [{ "name": "cluster", "cluster": known["clusters"][0]["cluster"] }],
            "users": [{ "name": "account", "user": { "token": token } }],
            "contexts": [{ "name": "account", "context": { "cluster": "cluster", "user": "account" } }],
        });
        let mut file = NamedTempFile::new().map_err(AccountError::Kubeconfig)?;
        file.write_all(kubeconfig.to_string().as_bytes())
            .map_err(AccountError::Kubeconfig)?;
        let kubectl = self.kubectl.with_kubeconfig(file.path());
        let found = kubectl
            .read(&["auth", "whoami", "--output=jsonpath={.status.userInfo.username}"])
            .map_err(cannot("ask the API server whose the account's token is"))?;
        if found != subject.user {
            let account = subject.user.clone();
            return Err(AccountError::SomebodyElse { account, found });
        }
        Ok(Client { kubectl, _file: file })
    }
}

/// An oracle: its name, what it is asked, and how it answers.
type Oracle<'a> = (
    &'static str,
    &'a [Question],
    &'a dyn Fn(&Question) -> Observation<Access>,
);

/// A client of an account, and its kubeconfig, which goes with it.
struct Client {
    kubectl: Kubectl,
    _file: NamedTempFile,
}

fn cannot(doing: &'static str) -> impl Fn(ClusterError) -> AccountError {
    move |source| AccountError::Cluster {
        doing,
        source: Box::new(source),
    }
}

fn not_probed(cause: &str) -> Observation<Access> {
    Observation::NotProbed {
        cause: cause.to_owned(),
    }
}

/// An answer of the server's, with the rendered line that explains it, if one does.
fn explained(
    objects: &Objects,
    subject: &Subject,
    question: &Question,
    observation: Observation<Access>,
) -> Observation<Access> {
    let place = match release::ask_objects(objects, subject, question) {
        Observation::Answered { evidence, .. } => evidence.place,
        Observation::NotProbed { .. } => None,
    };
    match observation {
        Observation::Answered { answer, evidence } => Observation::Answered {
            answer,
            evidence: Evidence { place, ..evidence },
        },
        other @ Observation::NotProbed { .. } => other,
    }
}

/// One question for each rule of each binding: the authorizer knows all roles when it says yes to all of them.
fn canaries(objects: &Objects, subject: &Subject) -> BTreeSet<Question> {
    let of_binding = |binding: &Binding| {
        let place = binding.namespace.clone();
        let mut applied = rules_for(objects, subject, place.as_deref());
        applied.retain(|applied| applied.binding == binding);
        let ask = |applied: &Applied<'_>| {
            let rule = applied.rule;
            let (verb, group) = (rule.verbs.first()?, rule.api_groups.first()?);
            Some(Question::resource(
                &verb.text,
                &group.text,
                &rule.resources.first()?.text,
                place.as_deref(),
            ))
        };
        applied.iter().filter_map(ask).collect::<Vec<_>>()
    };
    objects.bindings.iter().flat_map(of_binding).collect()
}

/// Waits until the authorizer knows the roles. One that it never knows is told by the cells.
fn await_roles(kubectl: &Kubectl, canaries: &BTreeSet<Question>) {
    let canaries: Vec<Question> = canaries.iter().cloned().collect();
    let deadline = Instant::now() + PROPAGATION_MAX;
    let is_known = |observation: &Observation<Access>| {
        matches!(
            observation,
            Observation::Answered {
                answer: Access::Allowed,
                ..
            }
        )
    };
    while !reviews(kubectl, &canaries).values().all(is_known) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
}
