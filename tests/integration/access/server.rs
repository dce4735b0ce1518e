//! The API server: it has what is recorded of it, and three oracles of it grant what the table says.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use rstest::rstest;
use verify::access::evaluate::rules_for;
use verify::access::live::Server;
use verify::access::object::Objects;
use verify::access::question::{Access, Question, Subject};
use verify::access::release::{self, Release};
use verify::access::{baseline, call, discovery, inventory, live, review};
use verify::engine::cell::{Claim, Observation};
use verify::engine::execute::execute;
use verify::engine::ledger::Ledger;
use verify::engine::run::Run;

use super::{NAMESPACES, assert_passed, installed, questions, release, resources, runtime, server, table};
use crate::world::root;

/// How many requests wait for the API server at a time.
const PARALLEL: NonZeroUsize = NonZeroUsize::new(32).expect("it is not zero");

/// The inventory that everything offline is asked about is what the API server has. `BLESS=1` renews it.
#[test]
fn the_recorded_inventory_is_the_live_one() {
    let found = runtime().block_on(async {
        let client = server().await.administrator().expect("a client");
        discovery::resources(&client).await.expect("everything is listed")
    });
    let text = inventory::print(&found);
    let path = root().join(inventory::FILE);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the inventory is writable");
    }
    let recorded = std::fs::read_to_string(&path).expect("the inventory is there");
    assert_eq!(recorded, text, "BLESS=1 cargo test --test integration access renews it");
}

/// What everybody has on the API server is what the evaluator is told that everybody has.
#[test]
fn the_baseline_is_the_live_one() {
    const EVERYBODY: [&str; 3] = [
        "system:authenticated",
        "system:unauthenticated",
        "system:serviceaccounts",
    ];
    let live = runtime().block_on(async {
        let client = server().await.administrator().expect("a client");
        live::objects(&client).await.expect("the objects are listed")
    });
    // Whoever is in a group of everybody, by the groups' names and nothing else.
    let rights = |objects: &Objects| {
        EVERYBODY.map(|group| {
            let subject = Subject {
                user: "somebody".to_owned(),
                groups: vec![group.to_owned()],
            };
            let rules = rules_for(objects, &subject, None);
            let mut rules: Vec<String> = rules.iter().map(|applied| applied.rule.to_string()).collect();
            rules.sort();
            (group, rules)
        })
    };
    let baseline = baseline::objects().expect("the baseline is read");
    assert_eq!(rights(&baseline), rights(&live));
}

/// Three oracles of the API server, each asked for every cell that it can answer.
#[rstest]
fn the_api_server_grants_the_tier_and_nothing_else(
    #[values("readonly", "operator", "airgapped", "none")] tier: &str,
    #[values("review", "own-rules", "call")] oracle: &str,
) {
    let release = release(tier);
    let run = runtime().block_on(installed(
        &release,
        async |server: &Server, client: &kube::Client| match oracle {
            "review" => by_subject_access_review(&release, client).await,
            "own-rules" => by_own_rules(&release, server).await,
            _ => by_calls(&release, server).await,
        },
    ));
    assert_passed(&run);
    eprintln!("{run}");
}

/// Everything that is asked of whoever reviews access for others: about the release's account and, once, about the default
/// account beside it.
async fn by_subject_access_review(release: &Release, client: &kube::Client) -> Run {
    let asked = questions(&release.objects);
    let count = if release.tier == "none" { 2 } else { 1 };
    let mut runs = Vec::new();
    for subject in release.subjects().into_iter().take(count) {
        let probe = |claim: Claim<Question, Access>| {
            let subject = subject.0.clone();
            async move { review::subject_access(client, &subject, &claim.question).await }
        };
        runs.push(run_live(release, &subject, &asked, "SubjectAccessReview", probe).await);
    }
    runs.into_iter().reduce(Run::and).expect("a subject")
}

/// What the account itself is told. The review is about a namespace, so what is in none is not asked.
async fn by_own_rules(release: &Release, server: &Server) -> Run {
    let client = server
        .account(&release.namespace, &release.account)
        .await
        .expect("a token");
    let mut rules = HashMap::new();
    for namespace in NAMESPACES {
        let own = review::own_rules(&client, namespace)
            .await
            .expect("the review is complete");
        rules.insert(namespace.to_owned(), own);
    }
    let mut asked = questions(&release.objects);
    asked.retain(|question| question.namespace().is_some() || matches!(question, Question::Url { .. }));
    let subject = (release.subject(), release.tier.clone());
    let probe = |claim: Claim<Question, Access>| {
        let namespace = claim.question.namespace().unwrap_or(NAMESPACES[0]);
        let observation = rules[namespace].answer(&claim.question);
        async move { observation }
    };
    run_live(release, &subject, &asked, "SelfSubjectRulesReview", probe).await
}

/// What happens when the account does it.
async fn by_calls(release: &Release, server: &Server) -> Run {
    let client = server
        .account(&release.namespace, &release.account)
        .await
        .expect("a token");
    let resources = resources();
    let mut asked = questions(&release.objects);
    asked.retain(|question| call::call(question, &resources).is_some());
    let subject = (release.subject(), release.tier.clone());
    let probe = |claim: Claim<Question, Access>| {
        let call = call::call(&claim.question, &resources).expect("only what can be called is asked");
        let client = client.clone();
        async move { call::make(&client, &call).await }
    };
    run_live(release, &subject, &asked, "a call", probe).await
}

/// Runs the claims of one subject of a release by a probe.
pub(super) async fn run_live<F: Future<Output = Observation<Access>>>(
    release: &Release,
    subject: &(Subject, String),
    questions: &[Question],
    oracle: &'static str,
    probe: impl Fn(Claim<Question, Access>) -> F,
) -> Run {
    let table = table();
    let expectation = release.expectation(&table, subject);
    let claims = release::claims(&release.tier, &subject.0, &expectation, questions, oracle);
    let ledger = Ledger::new("access", claims).expect("the names differ");
    execute(ledger, PARALLEL, probe, |_| {})
        .await
        .expect("each claim is answered once")
}
