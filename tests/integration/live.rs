//! The box in a real cluster, as a person gets it there: each promise of tier, network, pod security and volume once with
//! its opposite. The full matrices are the families' own.

use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verify::cluster::namespace::Namespace;
use verify::cluster::pods;

use crate::cluster::{Shared, shared};
use crate::leftovers;
use crate::world::root;

/// How long a condition may take to come true on a busy machine.
const CONDITION_MAX: Duration = Duration::from_secs(300);

/// An image that is on every node, whose program serves and connects.
const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

/// A box in the shared cluster, in a namespace of its own that is held to the restricted standard.
struct Boxed {
    name: String,
    namespace: Namespace,
    shared: &'static Shared,
}

impl Boxed {
    fn new(purpose: &str) -> Self {
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
        }
    }

    fn cbox(&self, words: &[&str]) -> Output {
        let mut command = Command::new(root().join("cbox"));
        command.arg(words[0]).args(["--name", &self.name]);
        if words[0] == "up" {
            command.args(["--on=kind", "--cluster=cbox-test", "--namespace", self.namespace.name()]);
        }
        command.args(&words[1..]);
        for variable in ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
            command.env_remove(variable);
        }
        command.output().expect("./cbox starts")
    }

    fn must(&self, words: &[&str]) -> String {
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
    fn refused(&self, words: &[&str], code: i32) -> String {
        let output = self.cbox(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
        stderr.lines().last().unwrap_or_default().to_owned()
    }

    /// Runs a shell's words in the box; its exit code and everything it printed.
    fn inside(&self, words: &str) -> (Option<i32>, String) {
        let output = self.cbox(&["exec", "--", "bash", "-c", words]);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Connects from the box by TCP: `open`, `refused` or `silent`; anything else is a probe that could not run.
    fn connects(&self, host: &str, port: u16) -> String {
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
    fn neighbour(&self, name: &str, arguments: &[&str]) -> Value {
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
    fn neighbour_connects(&self, name: &str, target: &str) -> bool {
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

    fn get(&self, kind: &str, name: &str) -> Value {
        self.shared
            .kubectl
            .get(&[kind, name, "--namespace", self.namespace.name()])
            .expect("kubectl answers")
    }

    fn pod(&self) -> Value {
        self.get("pod", &format!("{}-0", self.name))
    }

    fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
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

/// One box through its life: looked at, its tier changed, its image rolled, its release rolled back; the volume stays.
#[test]
pub(crate) fn a_tier_is_what_it_says_and_the_volume_stays() {
    let boxed = Boxed::new("tier");
    let home = boxed.namespace.name().to_owned();
    let shop = boxed.shared.namespace("shop");
    boxed
        .shared
        .kubectl
        .read(&[
            "create",
            "deployment",
            "shop",
            "--namespace",
            shop.name(),
            "--image=busybox",
            "--replicas=0",
        ])
        .expect("a deployment to repair");
    let patch = |namespace: &str, name: &str| {
        format!(
            "kubectl --namespace {namespace} patch deployment {name} --patch '{{\"metadata\":{{\"labels\":{{\"a\":\"b\"}}}}}}'"
        )
    };

    boxed.must(&["up", "--mode=shell"]);
    let status: Value = serde_json::from_str(&boxed.must(&["status", "--json"])).expect("JSON");
    assert_eq!(
        (&status["is_up"], &status["tier"]),
        (&json!(true), &json!("readonly")),
        "{status}"
    );
    assert!(
        status["volume"].as_str().is_some_and(|volume| volume.contains("Bound")),
        "{status}"
    );
    let (code, said) = boxed.inside("kubectl get pods --all-namespaces --output=name && echo mark >$HOME/mark");
    assert!(code == Some(0) && said.contains(&boxed.name), "{said}");
    let (code, said) = boxed.inside("kubectl get secrets --all-namespaces");
    assert!(code != Some(0) && said.contains("Forbidden"), "{said}");
    let (code, said) = boxed.inside(&patch(shop.name(), "shop"));
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "readonly changes nothing: {said}"
    );

    boxed.must(&["up", "--mode=shell", "--tier=operator", "--operate-in", shop.name()]);
    let (code, said) = boxed.inside(&patch(shop.name(), "shop"));
    assert!(
        code == Some(0) && said.contains("patched"),
        "operator repairs where it may: {said}"
    );
    let (code, said) = boxed.inside(&format!(
        "kubectl --namespace {home} delete pod {}-0 --dry-run=server",
        boxed.name
    ));
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "and nowhere else: {said}"
    );
    let (code, said) = boxed.inside(&format!("kubectl --namespace {} get secrets", shop.name()));
    assert!(
        code != Some(0) && said.contains("Forbidden"),
        "no Secret even there: {said}"
    );
    assert_eq!(
        boxed.inside("cat $HOME/mark").1,
        "mark\n",
        "an upgrade keeps the volume"
    );

    boxed.must(&["up", "--mode=shell", "--tier=none"]);
    let (code, said) = boxed.inside("ls /var/run/secrets/kubernetes.io 2>&1");
    assert!(
        code != Some(0) && said.contains("No such file"),
        "tier none has no token: {said}"
    );

    let helm = verify::programs::find("helm").expect("helm is built");
    let rolled = Command::new(helm)
        .args(["rollback", &boxed.name, "1", "--namespace", &home])
        .env("KUBECONFIG", boxed.shared.kubectl.kubeconfig())
        .output()
        .expect("helm starts");
    assert!(rolled.status.success(), "{}", String::from_utf8_lossy(&rolled.stderr));
    boxed.wait_until("the first release's box runs again", || {
        boxed.pod()["metadata"]["labels"]["claude-in-a-box.io/tier"] == "readonly"
            && boxed.pod()["metadata"]["deletionTimestamp"].is_null()
            && boxed.inside("cat $HOME/mark").1 == "mark\n"
    });
    let (code, said) = boxed.inside(&patch(shop.name(), "shop"));
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "the rights are rolled back, too: {said}"
    );

    boxed.must(&["down"]);
    assert_eq!(
        boxed.get("persistentvolumeclaim", &format!("{}-home", boxed.name))["status"]["phase"],
        "Bound"
    );
    boxed.must(&["up", "--mode=shell"]);
    assert_eq!(
        boxed.inside("cat $HOME/mark").1,
        "mark\n",
        "the volume outlives the release"
    );
}

/// Nothing comes in; what goes out is what the profile says. Every denial has its live control.
#[test]
fn the_network_is_what_the_profile_says() {
    let boxed = Boxed::new("net");
    let server = boxed.neighbour("server", &["netexec", "--http-port=8080"]);
    let _client = boxed.neighbour("client", &["pause"]);
    let server = server["status"]["podIP"]
        .as_str()
        .expect("the server has an address")
        .to_owned();
    boxed.must(&["up", "--mode=shell"]);
    let pod = boxed.pod();
    let address = pod["status"]["podIP"]
        .as_str()
        .expect("the box has an address")
        .to_owned();
    let host = pod["status"]["hostIP"].as_str().expect("the box has a node").to_owned();

    assert!(
        boxed.neighbour_connects("client", &format!("{server}:8080")),
        "control: the server serves"
    );
    assert_eq!(
        boxed.connects(&server, 8080),
        "silent",
        "a pod beside the box is no public address"
    );
    assert!(
        boxed.neighbour_connects("client", &format!("{host}:10250")),
        "control: the kubelet listens"
    );
    assert_eq!(boxed.connects(&host, 10250), "silent", "nor is its node");
    let (code, said) = boxed.inside("kubectl get --raw /readyz");
    assert_eq!((code, said.as_str()), (Some(0), "ok"), "the API server is reached");
    let (code, said) = boxed.inside("dig +short +tries=2 +timeout=3 kubernetes.default.svc.cluster.local");
    assert!(code == Some(0) && said.starts_with("10."), "names are resolved: {said}");

    // The box has a server of its own as long as this runs.
    boxed.inside("kubectl proxy --address=0.0.0.0 --port=8001 --accept-hosts='.*' >/tmp/proxy 2>&1 & disown");
    boxed.wait_until("the box serves", || boxed.connects("127.0.0.1", 8001) == "open");
    assert!(
        !boxed.neighbour_connects("client", &format!("{address}:8001")),
        "nothing comes in"
    );
    boxed
        .shared
        .kubectl
        .read(&[
            "delete",
            "networkpolicy",
            &boxed.name,
            "--namespace",
            boxed.namespace.name(),
        ])
        .expect("the policy can be taken away");
    boxed.wait_until("without the policy everything is open", || {
        boxed.neighbour_connects("client", &format!("{address}:8001")) && boxed.connects(&server, 8080) == "open"
    });
}

/// Tier airgapped reaches the API server and its one gateway.
#[test]
fn airgapped_reaches_its_gateway_alone() {
    let boxed = Boxed::new("gap");
    let gateway = boxed.neighbour("gateway", &["netexec", "--http-port=8080"]);
    let other = boxed.neighbour("other", &["netexec", "--http-port=8080"]);
    let ip = |pod: &Value| {
        pod["status"]["podIP"]
            .as_str()
            .expect("a pod has an address")
            .to_owned()
    };
    let values = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
    let wanted = json!({ "network": { "gateway": { "podLabels": { "app": "gateway" }, "port": 8080 } } });
    serde_json::to_writer(&values, &wanted).expect("values are written");
    let values = values.path().to_string_lossy().into_owned();
    boxed.must(&[
        "up",
        "--mode=shell",
        "--tier=airgapped",
        "--gateway=http://gateway:8080",
        "--values",
        &values,
    ]);
    assert_eq!(boxed.connects(&ip(&gateway), 8080), "open");
    assert!(
        boxed.neighbour_connects("gateway", &format!("{}:8080", ip(&other))),
        "control"
    );
    assert_eq!(boxed.connects(&ip(&other), 8080), "silent");
    let (code, said) = boxed.inside("kubectl get --raw /readyz");
    assert_eq!((code, said.as_str()), (Some(0), "ok"));
}

/// The namespace's standard takes the chart's pod and refuses another.
#[test]
fn the_restricted_standard_refuses_what_the_chart_does_not_ask_for() {
    let boxed = Boxed::new("pss");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "privileged", "namespace": boxed.namespace.name() },
        "spec": { "containers": [{ "name": "main", "image": AGNHOST, "securityContext": { "privileged": true } }] },
    });
    let refused = boxed
        .shared
        .kubectl
        .read_with(&["create", "--filename=-"], &pod.to_string())
        .expect_err("a privileged pod is refused");
    assert!(refused.to_string().contains("violates PodSecurity"), "{refused}");
    boxed.must(&["up", "--mode=shell"]);
    pods::await_ready(&boxed.shared.kubectl, boxed.namespace.name(), CONDITION_MAX).expect("the chart's pod is taken");
}

/// Where nothing changed, the box goes on with what it is doing.
#[test]
fn a_redeploy_without_a_change_keeps_the_pod() {
    let boxed = Boxed::new("same");
    boxed.must(&["up", "--mode=shell"]);
    let before = boxed.pod()["metadata"]["uid"].clone();
    assert!(before.is_string(), "{before}");
    boxed.must(&["redeploy"]);
    assert_eq!(boxed.pod()["metadata"]["uid"], before);
    assert_eq!(boxed.pod()["status"]["containerStatuses"][0]["restartCount"], 0);
}

/// A box that never got ready does not stand in the way of one that will.
#[test]
fn a_box_that_never_got_ready_is_repaired_by_another_up() {
    let boxed = Boxed::new("heal");
    let said = boxed.refused(&["up", "--mode=shell", "--image=localhost/no-such-image:1"], 69);
    assert!(said.contains("cannot pull the image"), "{said}");
    boxed.must(&["up", "--mode=shell"]);
    let status: Value = serde_json::from_str(&boxed.must(&["status", "--json"])).expect("JSON");
    assert_eq!(status["is_up"], true, "{status}");
    assert_eq!(boxed.inside("echo alive").1, "alive\n");
}

/// What cannot work is said in one sentence, with the way out.
#[test]
fn what_the_cluster_refuses_is_said() {
    let boxed = Boxed::new("bad");
    let with = |values: Value| {
        let file = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
        serde_json::to_writer(&file, &values).expect("values are written");
        file
    };
    let refused = |values: Value, code: i32| {
        let file = with(values);
        boxed.refused(
            &["up", "--mode=shell", "--values", &file.path().to_string_lossy()],
            code,
        )
    };
    let said = refused(json!({ "runtimeClassName": "no-such-class" }), 65);
    assert!(
        said.contains("no-such-class") && said.contains("runtimeClassName"),
        "{said}"
    );
    let said = refused(json!({ "no": { "such": "key" } }), 65);
    assert!(
        said.contains("'no'") || said.contains("\"no\"") || said.contains(" no "),
        "{said}"
    );
    let said = refused(json!({ "persistence": { "storageClass": "no-such-class" } }), 69);
    assert!(said.contains("persistence.storageClass"), "{said}");
    boxed.must(&["down", "--volume"]);
    let said = boxed.refused(&["up", "--mode=shell", "--image=localhost/no-such-image:1"], 69);
    assert!(said.contains("cannot pull the image"), "{said}");
    boxed.must(&["down", "--volume"]);

    let elsewhere = boxed.refused_elsewhere(&["--context=no-such-context", "--image=localhost/x:1"]);
    assert!(elsewhere.contains("no-such-context"), "{elsewhere}");
}

impl Boxed {
    /// What `up` says of a cluster that is not the shared one.
    fn refused_elsewhere(&self, words: &[&str]) -> String {
        let output = Command::new(root().join("cbox"))
            .args(["up", "--mode=shell", "--name", &format!("{}-x", self.name)])
            .args(words)
            .env("KUBECONFIG", self.shared.kubectl.kubeconfig())
            .output()
            .expect("./cbox starts");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned()
    }
}
