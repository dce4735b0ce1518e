//! Kubernetes' Pod Security Standard "restricted", as a judgement of a pod's spec. Pure.
//!
//! A second opinion beside the API server's, so that a rendered file can be judged without a cluster; see
//! "Pod Security Standards" in Kubernetes' documentation for the list.

use serde_json::Value;

/// The kinds of volumes that the standard allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What the spec does that "restricted" forbids, each as a path and what is wrong with it; nothing when it complies.
///
/// # Caveats
///
/// It is written for pods of Linux. Fields that the standard allows with certain values (sysctls, SELinux and AppArmor
/// options, added capabilities) are refused with any value, because the box needs none of them.
#[must_use]
pub fn violations(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field] == Value::Bool(true) {
            found.push(format!("{field} is true"));
        }
    }
    let pod = &spec["securityContext"];
    for field in ["sysctls", "seLinuxOptions", "appArmorProfile", "windowsOptions"] {
        if !pod[field].is_null() {
            found.push(format!("securityContext.{field} is set"));
        }
    }
    for volume in elements(&spec["volumes"]) {
        for kind in volume.as_object().into_iter().flat_map(|volume| volume.keys()) {
            if kind != "name" && !VOLUMES.contains(&kind.as_str()) {
                found.push(format!("volume {} is of kind {kind}", volume["name"]));
            }
        }
    }
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    let containers: Vec<&Value> = kinds.iter().flat_map(|kind| elements(&spec[kind])).collect();
    if containers.is_empty() {
        found.push("there is no container".to_owned());
    }
    for container in containers {
        let name = container["name"].as_str().unwrap_or("without a name");
        found.extend(
            container_violations(pod, container)
                .into_iter()
                .map(|what| format!("container {name}: {what}")),
        );
    }
    found
}

fn container_violations(pod: &Value, container: &Value) -> Vec<String> {
    let own = &container["securityContext"];
    // A container's own word wins over its pod's.
    let effective = |field: &str| if own[field].is_null() { &pod[field] } else { &own[field] };
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    must(own["privileged"] != Value::Bool(true), "privileged is true");
    must(
        own["allowPrivilegeEscalation"] == Value::Bool(false),
        "allowPrivilegeEscalation is not false",
    );
    must(
        effective("runAsNonRoot") == &Value::Bool(true),
        "runAsNonRoot is not true",
    );
    must(effective("runAsUser") != &Value::from(0), "runAsUser is 0");
    must(
        ["RuntimeDefault", "Localhost"]
            .iter()
            .any(|kind| effective("seccompProfile")["type"] == **kind),
        "seccompProfile is neither RuntimeDefault nor Localhost",
    );
    must(
        elements(&own["capabilities"]["drop"]).any(|capability| capability == "ALL"),
        "capabilities are not all dropped",
    );
    must(
        elements(&own["capabilities"]["add"]).next().is_none(),
        "a capability is added",
    );
    must(
        own["procMount"].is_null() || own["procMount"] == "Default",
        "procMount is not Default",
    );
    for field in ["seLinuxOptions", "appArmorProfile", "windowsOptions"] {
        must(own[field].is_null(), &format!("{field} is set"));
    }
    must(
        elements(&container["ports"]).all(|port| port["hostPort"].is_null()),
        "a port of the host is taken",
    );
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        for kind in ["httpGet", "tcpSocket"] {
            must(
                container[probe][kind]["host"].is_null(),
                &format!("{probe} asks another host"),
            );
        }
    }
    found
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "securityContext": {"runAsNonRoot": true, "runAsUser": 10000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "box", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}
            }}],
            "volumes": [{"name": "tmp", "emptyDir": {}}]
        })
    }

    #[test]
    fn a_good_pod_violates_nothing() {
        assert_eq!(violations(&good()), Vec::<String>::new());
    }

    #[rstest]
    #[case("/hostNetwork", json!(true), "hostNetwork is true")]
    #[case("/securityContext/sysctls", json!([]), "securityContext.sysctls is set")]
    #[case("/volumes/0/hostPath", json!({"path": "/"}), "volume \"tmp\" is of kind hostPath")]
    #[case("/containers", json!([]), "there is no container")]
    #[case("/containers/0/securityContext/privileged", json!(true), "container box: privileged is true")]
    #[case("/containers/0/securityContext/allowPrivilegeEscalation", json!(null), "container box: allowPrivilegeEscalation is not false")]
    #[case("/securityContext/runAsNonRoot", json!(null), "container box: runAsNonRoot is not true")]
    #[case("/containers/0/securityContext/runAsNonRoot", json!(false), "container box: runAsNonRoot is not true")]
    #[case("/containers/0/securityContext/runAsUser", json!(0), "container box: runAsUser is 0")]
    #[case("/securityContext/seccompProfile/type", json!("Unconfined"), "container box: seccompProfile is neither RuntimeDefault nor Localhost")]
    #[case("/containers/0/securityContext/capabilities/drop", json!(["NET_RAW"]), "container box: capabilities are not all dropped")]
    #[case("/containers/0/securityContext/capabilities/add", json!(["NET_BIND_SERVICE"]), "container box: a capability is added")]
    #[case("/containers/0/securityContext/procMount", json!("Unmasked"), "container box: procMount is not Default")]
    #[case("/containers/0/securityContext/seLinuxOptions", json!({}), "container box: seLinuxOptions is set")]
    #[case("/containers/0/ports", json!([{"hostPort": 80}]), "container box: a port of the host is taken")]
    #[case("/containers/0/livenessProbe", json!({"httpGet": {"host": "a"}}), "container box: livenessProbe asks another host")]
    #[case("/initContainers", json!([{"name": "i", "securityContext": {
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "privileged": true
    }}]), "container i: privileged is true")]
    fn each_rule_is_told(#[case] place: &str, #[case] value: Value, #[case] expected: &str) {
        let mut spec = good();
        let (parent, key) = place.rsplit_once('/').expect("a place below something");
        let parent = spec.pointer_mut(parent).expect("the parent is there");
        parent[key] = value;
        assert_eq!(violations(&spec), [expected]);
    }
}
