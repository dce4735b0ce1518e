//! The last oracle: the thing itself is tried, with a token of the account, so that nothing comes of it.
//!
//! What names an object names one that is not there, what writes is a dry run with an empty body, and a watch is let go
//! when it begins. So a request that is authorised ends with another refusal (not found, not valid, no such method), and
//! only the words "cannot VERB resource" are RBAC's.

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::access::inventory::Resource;
use crate::access::question::{Access, Question};
use crate::engine::cell::Observation;

/// The name that every object asked for has, and none of the cluster's.
pub const ABSENT: &str = "cbox-verify-absent";

/// A request that asks a question by doing it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    /// The answer is a stream that does not end by itself.
    is_watch: bool,
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            headers: Vec::new(),
            body: None,
            is_watch: false,
        }
    }
}

/// The request that asks this, or nothing when no request does: there is no list of `pods/log`, and nobody sends `use`.
#[must_use]
pub fn call(question: &Question, resources: &[Resource]) -> Option<Call> {
    match question {
        Question::Url { verb, path } => {
            let method = Method::from_bytes(verb.to_uppercase().as_bytes()).ok()?;
            Some(Call::new(method, path.clone()))
        }
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            namespace,
            name,
        } => {
            let namespace = namespace.as_deref();
            match verb.as_str() {
                "impersonate" => return impersonation(resource, namespace),
                "bind" => return binding(resource, namespace),
                _ => {}
            }
            let full = match subresource.as_str() {
                "" => resource.clone(),
                _ => format!("{resource}/{subresource}"),
            };
            let known = resources
                .iter()
                .find(|known| known.group == *group && known.name == full)?;
            let name = if name.is_empty() { ABSENT } else { name };
            request(known, verb, namespace, resource, subresource, name)
        }
    }
}

fn request(
    known: &Resource,
    verb: &str,
    namespace: Option<&str>,
    resource: &str,
    subresource: &str,
    name: &str,
) -> Option<Call> {
    let root = match known.group.as_str() {
        "" => format!("/api/{}", known.version),
        group => format!("/apis/{group}/{}", known.version),
    };
    // The path of a namespace says its name once.
    let within = namespace.filter(|_| known.is_namespaced);
    let collection = match within {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{resource}"),
        None => format!("{root}/{resource}"),
    };
    let is_sub = !subresource.is_empty();
    let object = if is_sub {
        format!("{collection}/{name}/{subresource}")
    } else {
        format!("{collection}/{name}")
    };
    // Every object of the collection is meant, even if nobody named one: not where a question names one.
    let mut call = match (verb, is_sub) {
        ("get", _) => Call::new(Method::GET, object),
        ("update", _) => Call::new(Method::PUT, format!("{object}?{DRY_RUN}")),
        ("patch", _) => Call::new(Method::PATCH, format!("{object}?{DRY_RUN}")),
        ("delete", _) => Call::new(Method::DELETE, format!("{object}?{DRY_RUN}")),
        ("create", true) => Call::new(Method::POST, format!("{object}?{DRY_RUN}")),
        ("create", false) => Call::new(Method::POST, format!("{collection}?{DRY_RUN}")),
        ("list", false) => Call::new(Method::GET, format!("{collection}?limit=1")),
        ("watch", false) => Call::new(Method::GET, format!("{collection}?watch=true&timeoutSeconds=1")),
        ("deletecollection", false) => Call::new(Method::DELETE, format!("{collection}?{DRY_RUN}")),
        _ => return None,
    };
    call.is_watch = verb == "watch";
    match call.method {
        Method::PATCH => call
            .headers
            .push(("content-type", "application/merge-patch+json".to_owned())),
        Method::POST | Method::PUT => call.headers.push(("content-type", "application/json".to_owned())),
        _ => {}
    }
    if matches!(verb, "create" | "update" | "patch") {
        call.body = Some(json!({}));
    }
    if matches!(subresource, "exec" | "attach" | "portforward") {
        stream(&mut call);
    }
    Some(call)
}

const DRY_RUN: &str = "dryRun=All";

/// Terminals come by two transports, and each asks for another verb: a WebSocket starts with GET, SPDY with POST.
/// Since Kubernetes 1.35 the server asks a WebSocket for `create` as well (KEP-4006).
fn stream(call: &mut Call) {
    let mark = if call.path.contains('?') { '&' } else { '?' };
    call.path.push_str(&format!("{mark}command=true&stdout=true&ports=80"));
    call.body = None;
    if call.method == Method::GET {
        call.headers.extend([
            ("connection", "Upgrade".to_owned()),
            ("upgrade", "websocket".to_owned()),
            ("sec-websocket-version", "13".to_owned()),
            ("sec-websocket-key", "bm90aGluZyBpcyBzZW50IQ==".to_owned()),
            ("sec-websocket-protocol", "v5.channel.k8s.io".to_owned()),
        ]);
    } else if call.method == Method::POST {
        call.headers.extend([
            ("connection", "Upgrade".to_owned()),
            ("upgrade", "SPDY/3.1".to_owned()),
            ("x-stream-protocol-version", "v4.channel.k8s.io".to_owned()),
        ]);
    }
}

/// Somebody else asks for the version, which everybody may. Groups, uids and extras cannot be tried alone: the user is
/// refused first.
fn impersonation(resource: &str, namespace: Option<&str>) -> Option<Call> {
    let user = match (resource, namespace) {
        ("users", None) => ABSENT.to_owned(),
        ("serviceaccounts", Some(namespace)) => format!("system:serviceaccount:{namespace}:{ABSENT}"),
        _ => return None,
    };
    let mut call = Call::new(Method::GET, "/version".to_owned());
    call.headers.push(("impersonate-user", user));
    Some(call)
}

/// A dry run of becoming an administrator. Without `create rolebindings` it is refused before `bind` is asked for; the
/// attempt has failed all the same.
fn binding(resource: &str, namespace: Option<&str>) -> Option<Call> {
    if resource != "clusterroles" {
        return None;
    }
    let (place, kind) = match namespace {
        Some(namespace) => (format!("namespaces/{namespace}/rolebindings"), "RoleBinding"),
        None => ("clusterrolebindings".to_owned(), "ClusterRoleBinding"),
    };
    let path = format!("/apis/rbac.authorization.k8s.io/v1/{place}?{DRY_RUN}");
    let mut call = Call::new(Method::POST, path);
    call.headers.push(("content-type", "application/json".to_owned()));
    call.body = Some(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": ABSENT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [],
    }));
    Some(call)
}

/// Does it, as the client's own user.
pub async fn make(client: &Client, call: &Call) -> Observation<Access> {
    let mut request = Request::builder().method(call.method.clone()).uri(&call.path);
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let body = call
        .body
        .as_ref()
        .map(|body| body.to_string().into_bytes())
        .unwrap_or_default();
    let request = match request.body(Body::from(body)) {
        Ok(request) => request,
        Err(error) => {
            let cause = format!("cannot form {} {}: {error}", call.method, call.path);
            return Observation::NotProbed { cause };
        }
    };
    let response = match client.send(request).await {
        Ok(response) => response,
        Err(error) => {
            let cause = format!("{} {} was not answered: {error}", call.method, call.path);
            return Observation::NotProbed { cause };
        }
    };
    let status = response.status().as_u16();
    if call.is_watch && status == 200 {
        return classify(status, "");
    }
    match response.into_body().collect().await {
        Ok(body) => classify(status, &String::from_utf8_lossy(&body.to_bytes())),
        Err(error) => Observation::NotProbed {
            cause: format!("the answer to {} {} broke off: {error}", call.method, call.path),
        },
    }
}

/// What an answer of the API server says about rights. Pure.
///
/// Authorisation comes before routing, decoding, admission and storage: whoever gets one of their refusals was let in.
#[must_use]
pub fn classify(status: u16, body: &str) -> Observation<Access> {
    let message = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|status| Some(status["message"].as_str()?.to_owned()))
        .unwrap_or_else(|| body.chars().take(200).collect());
    let evidence = format!("HTTP {status}: {message}");
    let answered = |answer| Observation::Answered {
        answer,
        evidence: evidence.as_str().into(),
    };
    match status {
        101 | 200..=299 | 400 | 404..=406 | 409 | 410 | 413 | 415 | 422 => answered(Access::Allowed),
        403 if is_denial(&message) => answered(Access::Denied),
        // Admission, Pod Security, a quota, a finalizer: whatever says it, it was asked after RBAC.
        403 => answered(Access::Allowed),
        401 => Observation::NotProbed {
            cause: format!("the token is not taken ({evidence})"),
        },
        429 | 500..=599 => Observation::NotProbed {
            cause: format!("the server did not get as far as an answer ({evidence})"),
        },
        _ => Observation::NotProbed {
            cause: format!("nobody knows what this answer means ({evidence})"),
        },
    }
}

/// The words of the authorisation filter (staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go),
/// and those of the check that keeps people from granting what they do not have.
fn is_denial(message: &str) -> bool {
    let by_filter = message.contains("User \"")
        && message.contains("\" cannot ")
        && (message.contains(" resource \"") || message.contains(" path \""));
    by_filter || message.contains("is attempting to grant RBAC permissions not currently held")
}

#[cfg(test)]
mod tests;
