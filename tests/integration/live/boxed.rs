//! A box in the shared cluster: made, asked, looked at and taken down by the command, as a person would.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verify::cluster::namespace::Namespace;

use crate::cluster::{Shared, shared};
use crate::leftovers;
use crate::world::root;

/// How long a condition may take to come true on a busy machine.
pub(super) const CONDITION_MAX: Duration = Duration::from_secs(300);

/// An image that is on every node, whose program serves and connects.
pub(super) const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

/// How the command is told which cluster it is.
pub(super) enum Place {
    /// The test cluster, by its name.
    Kind,
    /// A context of a kubeconfig, with an image that the nodes hold.
    Context {
        kubeconfig: PathBuf,
        context: &'static str,
        image: String,
    },
}

/// A box in the shared cluster, in a namespace of its own that is held to the restricted standard.
pub(super) struct Boxed {
    pub(super) name: String,
    pub(super) namespace: Namespace,
    pub(super) shared: &'static Shared,
    pub(super) place: Place,
}

impl Boxed {
    pub(super) fn new(purpose: &str) -> Self {
        let shared = shared();
        let namespace = shared.namespace("box");
        shared
            .kubectl
            .read(&[
                "label",
                "namespace",
                namespace.name(),
                "pod-security.kubernetes.io/enforce=restricted",
            ])
            .expect("the namespace takes a label");
        Self {
            name: leftovers::name_in_cluster(&shared.kubectl, purpose),
            namespace,
            shared,
            place: Place::Kind,
        }
    }

    /// The same as somebody sees it who knows the cluster by a kubeconfig of their own alone.
    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(root().join("cbox"));
        command.arg(words[0]).args(["--name", &self.name]);
        let is_up = words[0] == "up";
        if is_up {
            command.args(["--namespace", self.namespace.name()]);
        }
        match &self.place {
            Place::Kind if is_up => {
                command.args(["--on=kind", "--cluster=cbox-test"]);
            }
            Place::Context {
                kubeconfig,
                context,
                image,
            } if is_up => {
                command.env("KUBECONFIG", kubeconfig);
                command.args(["--context", context]);
                // A test of an image of its own names it itself.
                if !words.iter().any(|word| word.starts_with("--image")) {
                    command.args(["--image", image]);
                }
            }
            // Where the box is was remembered, whatever the variable says now.
            Place::Context { .. } => {
                command.env("KUBECONFIG", "/no/such/kubeconfig");
            }
            Place::Kind => {}
        }
        command.args(&words[1..]);
        for variable in ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
            command.env_remove(variable);
        }
        command
    }

    pub(super) fn cbox(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("./cbox starts")
    }

    pub(super) fn must(&self, words: &[&str]) -> String {
        let output = self.cbox(words);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{words:?}: {}\n{stdout}\n{stderr}",
            output.status
        );
        stdout
    }

    /// What a refused verb said last.
    pub(super) fn refused(&self, words: &[&str], code: i32) -> String {
        let output = self.cbox(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
        stderr.lines().last().unwrap_or_default().to_owned()
    }

    /// Runs a shell's words in the box; its exit code and everything it printed.
    pub(super) fn inside(&self, words: &str) -> (Option<i32>, String) {
        let output = self.cbox(&["exec", "--", "bash", "-c", words]);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Connects from the box by TCP: `open`, `refused` or `silent`; anything else is a probe that could not run.
    pub(super) fn connects(&self, host: &str, port: u16) -> String {
        let (_, said) = self.inside(&format!(
            "timeout 5 bash -c 'exec 3<>/dev/tcp/{host}/{port}' 2>/dev/null; case $? in 0) echo open;; 1) echo refused;; 124) echo silent;; esac"
        ));
        let said = said.lines().next().unwrap_or_default().to_owned();
        assert!(
            ["open", "refused", "silent"].contains(&said.as_str()),
            "the probe could not run: {said}"
        );
        said
    }

    /// Starts a pod that nobody's policy selects, beside the box; returns it when it is ready.
    pub(super) fn neighbour(&self, name: &str, arguments: &[&str]) -> Value {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": self.namespace.name(), "labels": { "app": name } },
            "spec": {
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": 0,
                "securityContext": { "runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": "main", "image": AGNHOST, "imagePullPolicy": "Never", "args": arguments,
                    "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                }],
            },
        });
        self.shared
            .kubectl
            .read_with(&["create", "--filename=-"], &pod.to_string())
            .expect("the pod is taken");
        self.wait_until("the neighbour is ready", || {
            let pod = self.get("pod", name);
            pod["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        });
        self.get("pod", name)
    }

    /// Connects from a neighbour by TCP, as agnhost says it: true when the connection was made.
    pub(super) fn neighbour_connects(&self, name: &str, target: &str) -> bool {
        let namespace = self.namespace.name();
        let words = [
            "exec",
            "--namespace",
            namespace,
            name,
            "--",
            "/agnhost",
            "connect",
            target,
            "--timeout=5s",
        ];
        let said = self
            .shared
            .kubectl
            .try_read(&words, Duration::from_secs(60))
            .expect("kubectl runs");
        match said {
            Ok(_) => true,
            // agnhost names what happened; anything else did not try.
            Err(said) => {
                assert!(
                    said.contains("TIMEOUT") || said.contains("REFUSED"),
                    "the probe could not run: {said}"
                );
                false
            }
        }
    }

    pub(super) fn get(&self, kind: &str, name: &str) -> Value {
        self.shared
            .kubectl
            .get(&[kind, name, "--namespace", self.namespace.name()])
            .expect("kubectl answers")
    }

    /// Its pod; null while there is none, as between an old one and a new one.
    pub(super) fn pod(&self) -> Value {
        let named = format!("--field-selector=metadata.name={}-0", self.name);
        let pods = self
            .shared
            .kubectl
            .get(&["pods", "--namespace", self.namespace.name(), &named])
            .expect("kubectl answers");
        pods["items"][0].clone()
    }

    pub(super) fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + CONDITION_MAX;
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        // What has cluster scope does not go with the namespace. A test that went well has taken it down already.
        let _ = self.cbox(&["down", "--volume"]);
    }
}

/// An image of this checkout that is on the nodes, where `./cbox up` put it for a box that is gone.
pub(crate) fn image_on_nodes() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let boxed = Boxed::new("image");
        let done = boxed.must(&["up", "--mode=shell", "--json"]);
        let done: Value = serde_json::from_str(&done).expect("`up --json` prints JSON");
        done["image"].as_str().expect("it names the image").to_owned()
    })
}
