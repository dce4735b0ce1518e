//! What is sent, and what answers mean.

use rstest::rstest;

use super::*;

fn status(message: &str) -> String {
    json!({"kind": "Status", "message": message}).to_string()
}

#[rstest]
#[case::resource(
    "pods is forbidden: User \"system:serviceaccount:a:b\" cannot list resource \"pods\" in API group \"\" at the cluster scope",
    Access::Denied
)]
#[case::path("forbidden: User \"system:anonymous\" cannot get path \"/metrics\"", Access::Denied)]
#[case::impersonation(
    "users \"x\" is forbidden: User \"system:serviceaccount:a:b\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
    Access::Denied
)]
#[case::escalation(
    "clusterrolebindings.rbac.authorization.k8s.io \"x\" is forbidden: user \"u\" (groups=[]) is attempting to grant RBAC permissions not currently held:\n{}",
    Access::Denied
)]
#[case::pod_security(
    "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": privileged",
    Access::Allowed
)]
#[case::quota("pods \"x\" is forbidden: exceeded quota: small", Access::Allowed)]
#[case::admission(
    "admission webhook \"w.example.com\" denied the request: User is not in the list",
    Access::Allowed
)]
fn forbidden_by_whom(#[case] message: &str, #[case] expected: Access) {
    let observation = classify(403, &status(message));
    assert!(
        matches!(observation, Observation::Answered { answer, .. } if answer == expected),
        "{observation:?}"
    );
}

#[rstest]
fn a_refusal_behind_authorisation_means_authorised(
    #[values(200, 201, 400, 404, 405, 406, 409, 410, 415, 422)] code: u16,
) {
    let observation = classify(code, &status("anything at all"));
    assert!(
        matches!(
            observation,
            Observation::Answered {
                answer: Access::Allowed,
                ..
            }
        ),
        "{observation:?}"
    );
}

#[rstest]
fn no_answer_is_no_answer(#[values(301, 401, 429, 500, 502, 503, 504)] code: u16) {
    let observation = classify(code, "not even JSON");
    assert!(matches!(observation, Observation::NotProbed { .. }), "{observation:?}");
}

fn pods(name: &str) -> Vec<Resource> {
    vec![Resource {
        group: String::new(),
        name: name.to_owned(),
        version: "v1".to_owned(),
        is_namespaced: true,
        verbs: vec![],
    }]
}

#[rstest]
#[case("get", "pods", Some("a"), "GET /api/v1/namespaces/a/pods/cbox-verify-absent")]
#[case("get", "pods/log", Some("a"), "GET /api/v1/namespaces/a/pods/cbox-verify-absent/log")]
#[case("list", "pods", None, "GET /api/v1/pods?limit=1")]
#[case(
    "watch",
    "pods",
    Some("a"),
    "GET /api/v1/namespaces/a/pods?watch=true&timeoutSeconds=1"
)]
#[case("create", "pods", Some("a"), "POST /api/v1/namespaces/a/pods?dryRun=All")]
#[case(
    "create",
    "pods/eviction",
    Some("a"),
    "POST /api/v1/namespaces/a/pods/cbox-verify-absent/eviction?dryRun=All"
)]
#[case(
    "update",
    "pods",
    Some("a"),
    "PUT /api/v1/namespaces/a/pods/cbox-verify-absent?dryRun=All"
)]
#[case(
    "patch",
    "pods",
    Some("a"),
    "PATCH /api/v1/namespaces/a/pods/cbox-verify-absent?dryRun=All"
)]
#[case(
    "delete",
    "pods",
    Some("a"),
    "DELETE /api/v1/namespaces/a/pods/cbox-verify-absent?dryRun=All"
)]
#[case("deletecollection", "pods", Some("a"), "DELETE /api/v1/namespaces/a/pods?dryRun=All")]
fn a_question_is_a_request(
    #[case] verb: &str,
    #[case] resource: &str,
    #[case] namespace: Option<&str>,
    #[case] expected: &str,
) {
    let question = Question::resource(verb, "", resource, namespace);
    let call = call(&question, &pods(resource)).expect("there is a request");
    assert_eq!(format!("{} {}", call.method, call.path), expected);
}

#[rstest]
#[case::no_list_of_a_subresource("list", "pods/log")]
#[case::no_such_verb("use", "pods")]
fn some_questions_are_no_request(#[case] verb: &str, #[case] resource: &str) {
    let question = Question::resource(verb, "", resource, Some("a"));
    assert_eq!(call(&question, &pods(resource)), None);
}

/// Whoever could write would do it: nothing but a dry run may leave.
#[rstest]
fn what_writes_is_a_dry_run(
    #[values("create", "update", "patch", "delete", "deletecollection")] verb: &str,
    #[values("pods", "secrets", "pods/eviction")] resource: &str,
) {
    let question = Question::resource(verb, "", resource, Some("a"));
    if let Some(call) = call(&question, &pods(resource)) {
        assert!(call.path.ends_with("?dryRun=All"), "{call:?}");
        assert!(call.body.is_none_or(|body| body == json!({})));
    }
}
