//! Who may do what: what `manifests/access.toml` says is asked of the rendered objects, and of a live API server in three
//! ways. The control plane alone is enough: no node, no Docker.

mod mutants;
mod rendered;
mod reviewed;
mod server;
mod traps;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use verify::access::evaluate::rules_for;
use verify::access::inventory::{self, Resource};
use verify::access::live::{self, Server};
use verify::access::object::Objects;
use verify::access::question::{Access, Question};
use verify::access::release::Release;
use verify::access::table::Table;
use verify::access::{manifest, universe};
use verify::engine::cell::Verdict;
use verify::engine::run::Run;

use crate::control_plane;
use crate::world::root;

/// The namespaces that are asked about: the release's own, two that the operator's profile names, and one that nobody does.
const NAMESPACES: [&str; 4] = ["claude", "shop", "warehouse", "elsewhere"];

/// The releases under test: a rendered file, its tier, and where its profile lets it act.
fn release(tier: &str) -> Release {
    let (file, acts_in): (&str, &[&str]) = match tier {
        "readonly" => ("readonly.yaml", &[]),
        "operator" => ("operator.yaml", &["shop", "warehouse"]),
        "airgapped" => ("airgapped.yaml", &[]),
        "none" => ("existing-secret.yaml", &[]),
        _ => panic!("no rendered file has tier {tier}"),
    };
    let name = format!("manifests/rendered/{file}");
    let text = std::fs::read_to_string(root().join(&name)).expect("the rendered file is there");
    Release::read(tier, ("claude", "box"), acts_in, (&name, &text)).expect("the rendered file is read")
}

fn table() -> Table {
    let text = std::fs::read_to_string(root().join("manifests/access.toml")).expect("access.toml is there");
    Table::parse(&text).expect("access.toml is valid")
}

fn resources() -> Vec<Resource> {
    inventory::recorded().expect("the recorded inventory is well-formed")
}

/// What every case asks: all that the inventory, the table and these objects name, in every place.
pub(super) fn questions(objects: &Objects) -> Vec<Question> {
    universe::questions(&resources(), &table(), objects, &NAMESPACES)
}

/// The same, and what only a wildcard grants.
pub(super) fn all_questions(objects: &Objects) -> Vec<Question> {
    let beyond = universe::unheard_of(&resources(), &table(), objects, &NAMESPACES);
    questions(objects).into_iter().chain(beyond).collect()
}

/// One runtime for all tests: a client lives where it was made.
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime")
    })
}

async fn server() -> Server {
    Server::new(control_plane::shared().kubeconfig(), None)
        .await
        .expect("the control plane's kubeconfig works")
}

#[track_caller]
fn assert_passed(run: &Run) {
    assert_eq!(run.verdict(), Verdict::Passed, "{run}");
}

/// A release on the control plane, one at a time: all of them have the same names. It is taken away again when the
/// guard is, and the next one waits until the authorizer knows.
async fn installed<T>(release: &Release, ask: impl AsyncFnOnce(&Server, &kube::Client) -> T) -> T {
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    let server = server().await;
    let client = server.administrator().expect("a client");
    for namespace in NAMESPACES {
        live::apply(&client, &manifest::namespace(namespace))
            .await
            .expect("a namespace");
    }
    let account = manifest::account(&release.namespace, &release.account);
    live::apply(&client, &account).await.expect("the release's account");
    let manifests = manifest::manifests(&release.objects);
    for manifest in &manifests {
        live::apply(&client, manifest)
            .await
            .expect("the release's objects are taken");
    }
    await_objects(&client, release, Access::Allowed).await;
    let result = ask(&server, &client).await;
    for manifest in &manifests {
        live::delete(&client, manifest).await.expect("the release's objects go");
    }
    await_objects(&client, release, Access::Denied).await;
    result
}

/// Waits until the authorizer sees every rule of the release, or none of them.
async fn await_objects(client: &kube::Client, release: &Release, expected: Access) {
    for question in canaries(release) {
        live::await_access(client, &release.subject(), &question, expected)
            .await
            .expect("the authorizer sees the release's objects come and go");
    }
}

/// One question for each rule that the release has in each place.
fn canaries(release: &Release) -> BTreeSet<Question> {
    let everywhere = NAMESPACES.map(Some).into_iter().chain([None]);
    everywhere
        .flat_map(|namespace| {
            let rules = rules_for(&release.objects, &release.subject(), namespace);
            rules.into_iter().map(move |applied| {
                let rule = applied.rule;
                Question::resource(
                    &rule.verbs[0].text,
                    &rule.api_groups[0].text,
                    &rule.resources[0].text,
                    namespace,
                )
            })
        })
        .collect()
}
