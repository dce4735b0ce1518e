//! Who may do what: what `manifests/access.toml` says is asked of the rendered objects, and of a live API server in three
//! ways. The control plane alone is enough: no node, no Docker.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use rstest::rstest;
use verify::access::grid::{Difference, Grid};
use verify::access::inventory::{self, Resource};
use verify::access::live::{self, Server};
use verify::access::mutation::{self, Mutant};
use verify::access::object::Objects;
use verify::access::question::{Access, Question, Subject};
use verify::access::release::{self, Release};
use verify::access::review_table::{self, Column};
use verify::access::table::Table;
use verify::access::{baseline, call, discovery, escalation, review, universe};
use verify::engine::cell::{Claim, Observation, Verdict};
use verify::engine::execute::execute;
use verify::engine::ledger::Ledger;
use verify::engine::run::Run;

use crate::control_plane;
use crate::world::root;

/// The namespaces that are asked about: the release's own, two that the operator's profile names, and one that nobody does.
const NAMESPACES: [&str; 4] = ["claude", "shop", "warehouse", "elsewhere"];

/// How many requests wait for the API server at a time.
const PARALLEL: NonZeroUsize = NonZeroUsize::new(32).expect("it is not zero");

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

/// What every case asks: all that the inventory and these objects name, in every place.
fn questions(objects: &Objects) -> Vec<Question> {
    universe::questions(&resources(), &table(), objects, &NAMESPACES)
}

/// The whole table of one release, decided in process.
fn run_offline(release: &Release) -> Run {
    let (table, objects) = (table(), release.all_objects().expect("the baseline is read"));
    let questions = questions(&release.objects);
    let mut run = Run {
        family: "access".to_owned(),
        cells: vec![],
    };
    for subject in &release.subjects() {
        let expectation = release.expectation(&table, subject);
        let claims = release::claims(&release.tier, &subject.0, &expectation, &questions, release::IN_PROCESS);
        let ledger = Ledger::new("access", claims).expect("the names differ");
        run = run.and(ledger.answer(|claim| release::ask_objects(&objects, &subject.0, &claim.question)));
    }
    run
}

/// What was rendered grants what the table says, and nothing else, to nobody else, nowhere else.
#[rstest]
fn rendered_objects_grant_the_tier_and_nothing_else(#[values("readonly", "operator", "airgapped", "none")] tier: &str) {
    let run = run_offline(&release(tier));
    assert_passed(&run);
    assert!(run.cells.len() > 8_000, "{run}");
}

/// What grants too much is named: the cell, the rule, the binding, and the line of the file.
#[test]
fn a_right_too_many_is_explained_by_its_line() {
    let name = "manifests/rendered/readonly.yaml";
    let text = std::fs::read_to_string(root().join(name)).expect("the rendered file is there");
    let wrong = text.replacen(
        "\"pods\",\"replicationcontrollers\"",
        "\"pods\",\"secrets\",\"replicationcontrollers\"",
        1,
    );
    assert_ne!(wrong, text, "the rendered file lists pods and replicationcontrollers");
    let line = wrong
        .lines()
        .position(|line| line.contains("secrets"))
        .expect("it is there now")
        + 1;
    let release = Release::read("readonly", ("claude", "box"), &[], (name, &wrong)).expect("it is still YAML");
    let run = run_offline(&release);
    assert_eq!(run.verdict(), Verdict::Failed);
    let cell = run
        .cells
        .iter()
        .find(|cell| cell.id == "readonly/claude:box/claude/get secrets")
        .expect("secrets are asked about");
    assert_eq!(cell.cause, "expected denied, observed allowed");
    let place = format!("({name}:{line}: secrets)");
    assert!(
        cell.evidence.ends_with(&place),
        "{} does not end with {place}",
        cell.evidence
    );
    assert!(
        cell.evidence
            .starts_with("ClusterRole claude-in-a-box:claude:box:readonly allows"),
        "{}",
        cell.evidence
    );
    // get, list and watch, in four namespaces and in all of them at once; nobody else has them.
    let wrong = run.cells.iter().filter(|cell| cell.verdict != Verdict::Passed);
    assert!(wrong.clone().all(|cell| cell.id.contains(" secrets")), "{run}");
    assert_eq!(wrong.count(), 15, "{run}");
}

/// A release on the control plane, one at a time: all of them have the same names. It is taken away again when the
/// guard is, and the next one waits until the authorizer knows.
async fn installed<T>(release: &Release, ask: impl AsyncFnOnce(&Server, &kube::Client) -> T) -> T {
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    let server = server().await;
    let client = server.administrator().expect("a client");
    for namespace in NAMESPACES {
        live::apply(&client, &live::namespace(namespace))
            .await
            .expect("a namespace");
    }
    let account = live::account(&release.namespace, &release.account);
    live::apply(&client, &account).await.expect("the release's account");
    let manifests = live::manifests(&release.objects);
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
fn canaries(release: &Release) -> Vec<Question> {
    let everywhere = NAMESPACES.map(Some).into_iter().chain([None]);
    everywhere
        .flat_map(|namespace| {
            let rules = verify::access::evaluate::rules_for(&release.objects, &release.subject(), namespace);
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

/// Runs the claims of one subject of a release by a probe.
async fn run_live<F: Future<Output = Observation<Access>>>(
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

/// Everything that is asked of whoever reviews access for others.
async fn by_subject_access_review(release: &Release, client: &kube::Client) -> Run {
    let mut runs = Vec::new();
    let asked = questions(&release.objects);
    for subject in release.subjects().into_iter().take(2) {
        let probe = |claim: Claim<Question, Access>| {
            let subject = subject.0.clone();
            async move { review::subject_access(client, &subject, &claim.question).await }
        };
        runs.push(run_live(release, &subject, &asked, "SubjectAccessReview", probe).await);
    }
    runs.into_iter().reduce(Run::and).expect("two subjects")
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

/// The mutants of every release under test, with what the table finds in each; nothing is left to find in some.
fn mutants() -> Vec<(Release, Mutant, Option<Difference>)> {
    let table = table();
    let mut all = Vec::new();
    for tier in ["readonly", "operator", "airgapped"] {
        let release = release(tier);
        let words = release.objects.clone().and(mutation::vocabulary(&release.objects));
        let grid = Grid::new(&questions(&words));
        let subjects = release.subjects();
        let row = |subject: &(Subject, String)| grid.row(subject.0.clone(), &release.expectation(&table, subject));
        let rows: Vec<_> = subjects.iter().map(row).collect();
        let baseline = baseline::objects().expect("the baseline is read");
        assert_eq!(
            grid.difference(&release.objects.clone().and(baseline.clone()), &rows),
            None,
            "unchanged"
        );
        for mutant in mutation::mutants(&release.objects, &release.namespace) {
            let difference = grid.difference(&mutant.objects.clone().and(baseline.clone()), &rows);
            all.push((release.clone(), mutant, difference));
        }
    }
    all
}

/// Every mistake in the objects is noticed, unless it changes no right at all: those are listed, each with its reason.
#[test]
fn every_mutant_is_killed_or_grants_the_same() {
    let (mutants, resources) = (mutants(), resources());
    let mut equivalents = BTreeMap::new();
    let mut survivors = Vec::new();
    for (release, mutant, difference) in &mutants {
        let name = format!("{}: {}", release.tier, mutant.name);
        let reason = mutation::equivalence(&release.objects, &mutant.objects, &resources);
        match (difference, reason) {
            (Some(_), None) => {}
            (None, Some(reason)) => equivalents.entry(reason).or_insert_with(Vec::new).push(name),
            (None, None) => survivors.push(format!("{name} survives")),
            (Some(found), Some(reason)) => survivors.push(format!("{name}: {reason}, but {found:?}")),
        }
    }
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
    let count = equivalents.values().map(Vec::len).sum::<usize>();
    assert!(
        mutants.len() - count >= 1_000,
        "{} mutants, {count} of them equivalent",
        mutants.len()
    );
    let mut list = String::new();
    for (reason, names) in equivalents {
        list.push_str(&format!("{reason}:\n  {}\n", names.join("\n  ")));
    }
    insta::assert_snapshot!("equivalent_mutants", list);
}

/// A sample of the mutants is put on the API server, one at a time: the cell that the table names changes its answer, and
/// changes it back.
#[test]
fn mutants_are_killed_by_the_api_server_too() {
    let killed: Vec<_> = mutants()
        .into_iter()
        .filter_map(|(release, mutant, difference)| Some((release, mutant, difference?)))
        .collect();
    // Every so many, so that each kind of mistake and each release is among them.
    let step = killed.len() / LIVE_MUTANTS_MIN;
    runtime().block_on(async {
        for tier in ["readonly", "operator", "airgapped"] {
            let of_tier = killed.iter().step_by(step).filter(|(release, ..)| release.tier == tier);
            installed(&release(tier), async |_: &Server, client: &kube::Client| {
                for (release, mutant, found) in of_tier {
                    kill(client, release, mutant, found).await;
                }
            })
            .await;
        }
    });
}

/// How many mutants the API server sees at least.
const LIVE_MUTANTS_MIN: usize = 100;

async fn kill(client: &kube::Client, release: &Release, mutant: &Mutant, found: &Difference) {
    let (original, changed) = (live::manifests(&release.objects), live::manifests(&mutant.objects));
    replace(client, &original, &changed).await;
    let seen = live::await_access(client, &found.subject, &found.question, found.observed).await;
    replace(client, &changed, &original).await;
    seen.unwrap_or_else(|error| panic!("{}: {} is not seen: {error}", release.tier, mutant.name));
    let before = match found.observed {
        Access::Allowed => Access::Denied,
        Access::Denied => Access::Allowed,
    };
    live::await_access(client, &found.subject, &found.question, before)
        .await
        .unwrap_or_else(|error| panic!("{}: {} is not taken back: {error}", release.tier, mutant.name));
}

type Manifest = (String, serde_json::Value);

/// Makes the server have these objects instead of those. What a binding gives cannot be changed, so it is made anew.
async fn replace(client: &kube::Client, old: &[Manifest], new: &[Manifest]) {
    for before in old {
        let after = new.iter().find(|(path, _)| *path == before.0);
        if after.is_none_or(|(_, object)| object["roleRef"] != before.1["roleRef"]) {
            live::delete(client, before).await.expect("the object goes");
        }
    }
    for after in new.iter().filter(|after| !old.contains(after)) {
        live::apply(client, after).await.expect("the object is taken");
    }
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
            let rules = verify::access::evaluate::rules_for(objects, &subject, None);
            let mut rules: Vec<String> = rules.iter().map(|applied| applied.rule.to_string()).collect();
            rules.sort();
            (group, rules)
        })
    };
    let baseline = baseline::objects().expect("the baseline is read");
    assert_eq!(rights(&baseline), rights(&live));
}

/// Who may do what, for reviewers: what changes here is what a release grants from now on.
#[test]
fn the_reviewed_table() {
    let column = |title: &str, tier: &str, account: &str, namespace: Option<&str>| {
        let release = release(tier);
        Column {
            title: title.to_owned(),
            objects: release.all_objects().expect("the baseline is read"),
            subject: Subject::service_account(&release.namespace, account),
            namespace: namespace.map(str::to_owned),
        }
    };
    let columns = [
        column("anybody", "none", "default", None),
        column("none", "none", "box", None),
        column("readonly", "readonly", "box", None),
        column("airgapped", "airgapped", "box", None),
        column("operator", "operator", "box", None),
        column("operator in shop", "operator", "box", Some("shop")),
        column("operator at home", "operator", "box", Some("claude")),
    ];
    // What only some clusters have, and the table speaks of, is there as well.
    let metrics = ["nodes", "pods"].map(|name| Resource {
        group: "metrics.k8s.io".to_owned(),
        name: name.to_owned(),
        version: "v1beta1".to_owned(),
        is_namespaced: name == "pods",
        verbs: vec![],
    });
    let mut all = resources();
    all.extend(metrics);
    all.sort();
    insta::assert_snapshot!("reviewed_table", review_table::format(&all, &columns));
}

/// What the rights lead to in three steps. A path that is not in this list is a decision, not a detail.
#[test]
fn escalation_paths_are_the_reviewed_ones() {
    let mut list = String::new();
    for tier in ["none", "readonly", "airgapped", "operator"] {
        let release = release(tier);
        let paths = escalation::paths(&release.objects, &release.namespace, &release.account, &NAMESPACES);
        let paths = if paths.is_empty() {
            vec!["nowhere".to_owned()]
        } else {
            paths
        };
        list.push_str(&format!("{tier}:\n  {}\n", paths.join("\n  ")));
    }
    insta::assert_snapshot!("escalation_paths", list);
}

/// One right too many opens paths that the list does not have.
#[rstest]
#[case::kubelet(
    "nodes/proxy",
    "account claude/box --[get nodes/proxy]--> root on any node --[tokens of the node's pods]--> any service account of \
     kube-system --[its controllers' accounts]--> everything"
)]
#[case::secrets(
    "secrets",
    "account claude/box --[get secrets, list secrets, watch secrets]--> any Secret of kube-system --[long-lived tokens, \
     where there are any]--> any service account of kube-system --[its controllers' accounts]--> everything"
)]
#[case::exec("pods/exec", "account claude/box --[get pods/exec]--> any service account of shop")]
fn a_right_too_many_opens_a_path(#[case] resource: &str, #[case] path: &str) {
    let mut release = release("readonly");
    let before = escalation::paths(&release.objects, "claude", "box", &NAMESPACES);
    assert_eq!(before, Vec::<String>::new());
    release.objects.roles[0].rules[0].resources.push(resource.into());
    let after = escalation::paths(&release.objects, "claude", "box", &NAMESPACES);
    assert!(after.iter().any(|found| found == path), "{}", after.join("\n"));
}

/// A release of one role, bound in one place, for what oracles get wrong.
fn single(rules: &str, namespace: Option<&str>) -> Release {
    let place = namespace.map_or(String::new(), |namespace| format!(", namespace: {namespace}"));
    let kind = namespace.map_or("ClusterRoleBinding", |_| "RoleBinding");
    let text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: single}}\nrules: [{rules}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: single{place}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: single}}\n\
         subjects: [{{kind: ServiceAccount, name: box, namespace: claude}}]\n"
    );
    Release::read("nobody", ("claude", "box"), &[], ("single.yaml", &text)).expect("it is YAML")
}

fn answer(observation: Observation<Access>) -> Access {
    match observation {
        Observation::Answered { answer, .. } => answer,
        Observation::NotProbed { cause } => panic!("not probed: {cause}"),
    }
}

async fn by_call(client: &kube::Client, question: &Question) -> Access {
    let call = call::call(question, &resources()).expect("it can be called");
    answer(call::make(client, &call).await)
}

/// A review adds no groups: without them, what everybody may is denied.
#[test]
fn a_review_without_groups_is_wrong() {
    let question = Question::resource("create", "authorization.k8s.io", "selfsubjectaccessreviews", None);
    let account = Subject::service_account("claude", "box");
    let bare = Subject {
        groups: vec![],
        ..account.clone()
    };
    runtime().block_on(async {
        let client = server().await.administrator().expect("a client");
        let (with, without) = (
            answer(review::subject_access(&client, &account, &question).await),
            answer(review::subject_access(&client, &bare, &question).await),
        );
        assert_eq!((with, without), (Access::Allowed, Access::Denied));
    });
}

/// A review that names a namespace for the cluster's own object says yes; the request is refused. So no table asks it.
#[test]
fn a_review_of_a_clusters_object_in_a_namespace_is_wrong() {
    let release = single(
        "{apiGroups: [\"\"], resources: [persistentvolumes], verbs: [delete]}",
        Some("claude"),
    );
    let question = |namespace| Question::resource("delete", "", "persistentvolumes", namespace);
    let table = universe::questions(&resources(), &table(), &release.objects, &NAMESPACES);
    assert!(table.contains(&question(None)) && !table.contains(&question(Some("claude"))));
    runtime().block_on(installed(&release, async |server: &Server, client: &kube::Client| {
        let account = server.account("claude", "box").await.expect("a token");
        let reviewed = answer(review::subject_access(client, &release.subject(), &question(Some("claude"))).await);
        let real = by_call(&account, &question(None)).await;
        assert_eq!((reviewed, real), (Access::Allowed, Access::Denied));
    }));
}

/// Exec by SPDY is `create`, by WebSocket it is `get`: who has one of them has one of the ways.
#[rstest]
#[case::spdy("create", [Access::Allowed, Access::Denied])]
#[case::websocket("get", [Access::Denied, Access::Allowed])]
fn exec_is_two_rights(#[case] verb: &str, #[case] expected: [Access; 2]) {
    let rules = format!("{{apiGroups: [\"\"], resources: [pods/exec], verbs: [{verb}]}}");
    let release = single(&rules, None);
    runtime().block_on(installed(&release, async |server: &Server, _: &kube::Client| {
        let account = server.account("claude", "box").await.expect("a token");
        let ask = |verb| Question::resource(verb, "", "pods/exec", Some("claude"));
        let observed = [
            by_call(&account, &ask("create")).await,
            by_call(&account, &ask("get")).await,
        ];
        assert_eq!(observed, expected);
    }));
}

/// An API server that is not there, or takes no token, proves nothing: every cell is an error that names it.
#[rstest]
#[case::no_server("review", "was not answered")]
#[case::no_token("call", "the token is not taken")]
fn a_broken_world_is_an_error(#[case] oracle: &str, #[case] cause: &str) {
    let release = release("readonly");
    let run = runtime().block_on(async {
        let server = server().await;
        let broken = match oracle {
            // Nobody listens on port 1 of this machine.
            "review" => kube::Config::new("https://127.0.0.1:1".parse().expect("an address")),
            _ => server.with_token("not a token"),
        };
        let client = kube::Client::try_from(broken).expect("a client that has asked nothing yet");
        let asked: Vec<_> = ["get", "delete"]
            .map(|verb| Question::resource(verb, "", "secrets", None))
            .into();
        let subject = (release.subject(), release.tier.clone());
        let resources = resources();
        let probe = |claim: Claim<Question, Access>| {
            let call = call::call(&claim.question, &resources).expect("it can be called");
            let (client, subject) = (client.clone(), release.subject());
            async move {
                match oracle {
                    "review" => review::subject_access(&client, &subject, &claim.question).await,
                    _ => call::make(&client, &call).await,
                }
            }
        };
        run_live(&release, &subject, &asked, "test", probe).await
    });
    assert_eq!(run.verdict(), Verdict::Error, "{run}");
    assert_eq!(run.totals().errors, 2, "{run}");
    assert!(run.cells.iter().all(|cell| cell.cause.contains(cause)), "{run}");
}
