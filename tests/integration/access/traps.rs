//! What oracles get wrong, and worlds in which nothing can be known.

use rstest::rstest;
use verify::access::live::Server;
use verify::access::question::{Access, Question, Subject};
use verify::access::release::Release;
use verify::access::{call, review, universe};
use verify::engine::cell::{Claim, Observation, Verdict};

use super::server::run_live;
use super::{NAMESPACES, installed, release, resources, runtime, server, table};

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
