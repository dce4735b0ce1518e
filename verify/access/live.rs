//! A release's objects on an API server: put there, taken away, and awaited.

use std::time::{Duration, Instant};

use http::{Method, Request};
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::access::load;
use crate::access::manifest::{Manifest, RBAC};
use crate::access::object::Objects;
use crate::access::question::{Access, Question, Subject};
use crate::access::review;
use crate::engine::cell::Observation;

/// Who applies objects, for the API server's record of fields.
const MANAGER: &str = "cbox-verify";

/// How long an authorizer may take to see a change; it takes milliseconds.
pub const PROPAGATION_MAX: Duration = Duration::from_secs(30);

/// How often it is asked.
const ASKED_EVERY: Duration = Duration::from_millis(2);

/// The API server did not do what the harness needs.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A kubeconfig cannot be used.
    #[error("{file} is no kubeconfig that works: {message}")]
    Kubeconfig {
        /// The file.
        file: String,
        /// Why.
        message: String,
    },
    /// A request failed.
    #[error("{doing}: {source}")]
    Request {
        /// What was being done.
        doing: String,
        /// What the server or the connection said.
        #[source]
        source: Box<kube::Error>,
    },
    /// A request cannot be formed.
    #[error("cannot form a request to {path}: {source}")]
    Form {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: http::Error,
    },
    /// The server answered, but not with what was asked for.
    #[error("{0}")]
    Answer(String),
    /// A change is not seen by the authorizer.
    #[error("{what} is still {observed} after {} s", PROPAGATION_MAX.as_secs())]
    NotSeen {
        /// Who and what.
        what: String,
        /// The last answer.
        observed: String,
    },
}

/// An API server, as its administrator reaches it, who is needed to install releases and to ask about others.
#[derive(Clone, Debug)]
pub struct Server {
    config: Config,
}

impl Server {
    /// Reads a kubeconfig; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn new(kubeconfig: &std::path::Path, context: Option<&str>) -> Result<Self, LiveError> {
        let wrong = |message: String| LiveError::Kubeconfig {
            file: kubeconfig.display().to_string(),
            message,
        };
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..Default::default()
        };
        let file = kube::config::Kubeconfig::read_from(kubeconfig).map_err(|error| wrong(error.to_string()))?;
        let config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { config })
    }

    /// A client of the administrator.
    ///
    /// # Errors
    ///
    /// When the kubeconfig's certificates cannot be used.
    pub fn administrator(&self) -> Result<Client, LiveError> {
        client(self.config.clone())
    }

    /// A client of a service account, with a token that was requested for it and none of the administrator's proofs.
    ///
    /// # Errors
    ///
    /// When there is no such account, or no token for it.
    pub async fn account(&self, namespace: &str, name: &str) -> Result<Client, LiveError> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600},
        });
        let answer = send(&self.administrator()?, Method::POST, &path, Some(&body)).await?;
        let token = answer["status"]["token"]
            .as_str()
            .ok_or_else(|| LiveError::Answer(format!("{path} answers without a token")))?;
        client(self.with_token(token))
    }

    /// How somebody with this token reaches the same server, without the administrator's own proofs.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Config {
        let mut config = Config::new(self.config.cluster_url.clone());
        config.root_cert.clone_from(&self.config.root_cert);
        config.accept_invalid_certs = self.config.accept_invalid_certs;
        config.tls_server_name.clone_from(&self.config.tls_server_name);
        config.auth_info.token = Some(token.to_owned().into());
        config
    }
}

fn client(config: Config) -> Result<Client, LiveError> {
    Client::try_from(config).map_err(|source| LiveError::Request {
        doing: "cannot make a client".to_owned(),
        source: Box::new(source),
    })
}

/// One request; its answer as JSON.
///
/// # Errors
///
/// When it fails.
pub async fn send(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Result<Value, LiveError> {
    let doing = format!("{method} {path}");
    let media = if method == Method::PATCH {
        "application/apply-patch+yaml"
    } else {
        "application/json"
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media)
        .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
        .map_err(|source| LiveError::Form {
            path: path.to_owned(),
            source,
        })?;
    client.request(request).await.map_err(|source| LiveError::Request {
        doing,
        source: Box::new(source),
    })
}

/// Makes an object be as it is said to be (server-side apply).
///
/// # Errors
///
/// When the server refuses.
pub async fn apply(client: &Client, (path, object): &Manifest) -> Result<(), LiveError> {
    let path = format!("{path}?fieldManager={MANAGER}&force=true");
    send(client, Method::PATCH, &path, Some(object)).await.map(drop)
}

/// Takes an object away, if it is there.
///
/// # Errors
///
/// When the server refuses.
pub async fn delete(client: &Client, (path, _): &Manifest) -> Result<(), LiveError> {
    match send(client, Method::DELETE, path, None).await {
        Err(LiveError::Request { source, .. }) if is_missing(&source) => Ok(()),
        result => result.map(drop),
    }
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Every RBAC object of the server.
///
/// # Errors
///
/// When they cannot be listed or read.
pub async fn objects(client: &Client) -> Result<Objects, LiveError> {
    let mut items = Vec::new();
    for (kind, plural) in [
        ("Role", "roles"),
        ("ClusterRole", "clusterroles"),
        ("RoleBinding", "rolebindings"),
        ("ClusterRoleBinding", "clusterrolebindings"),
    ] {
        let list = send(client, Method::GET, &format!("{RBAC}/{plural}"), None).await?;
        let found = list["items"]
            .as_array()
            .ok_or_else(|| LiveError::Answer(format!("{RBAC}/{plural} answers without items")))?;
        items.extend(found.iter().cloned().map(|item| (kind, item)));
    }
    load::from_api(items.iter().map(|(kind, item)| (*kind, item))).map_err(|error| LiveError::Answer(error.to_string()))
}

/// Waits until the authorizer answers as it must.
///
/// # Errors
///
/// When it does not within [`PROPAGATION_MAX`], or cannot be asked.
pub async fn await_access(
    client: &Client,
    subject: &Subject,
    question: &Question,
    expected: Access,
) -> Result<Duration, LiveError> {
    let started = Instant::now();
    loop {
        match review::subject_access(client, subject, question).await {
            Observation::Answered { answer, .. } if answer == expected => return Ok(started.elapsed()),
            Observation::Answered { answer, .. } if started.elapsed() > PROPAGATION_MAX => {
                let what = format!("'{question}' of {}", subject.user);
                let observed = answer.to_string();
                return Err(LiveError::NotSeen { what, observed });
            }
            // A review may be incomplete while a role is on its way; its own deadline is the same.
            Observation::NotProbed { cause } if started.elapsed() > PROPAGATION_MAX => {
                return Err(LiveError::Answer(cause));
            }
            Observation::Answered { .. } | Observation::NotProbed { .. } => {
                tokio::time::sleep(ASKED_EVERY).await;
            }
        }
    }
}
