//! What contradicts itself is refused with one sentence that names the key, the value and the way out.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};
use verify::chart::CHART;

use super::{airgapped, headless, release, values};
use crate::world::root;

fn cases() -> Vec<(&'static str, Value)> {
    vec![
        (
            "headless without a prompt",
            headless(json!({"headless": {"prompt": ""}})),
        ),
        (
            "two prompts",
            headless(json!({"headless": {"promptConfigMap": {"name": "questions"}}})),
        ),
        (
            "a schedule without headless",
            values(json!({"headless": {"schedule": "0 6 * * *"}})),
        ),
        (
            "a prompt without headless",
            values(json!({"mode": "shell", "headless": {"prompt": "Hello."}})),
        ),
        (
            "a run of a schedule",
            headless(json!({"headless": {"schedule": "0 6 * * *", "run": "again"}})),
        ),
        (
            "two credentials",
            values(json!({"credentials": {"existingSecret": "anthropic", "apiKey": "sk-ant"}})),
        ),
        (
            "two credentials, one mounted",
            values(json!({
                "credentials": {"existingSecret": "anthropic"},
                "extraVolumes": [{"name": "vault", "csi": {"driver": "secrets-store.csi.k8s.io"}}],
                "extraVolumeMounts": [{"name": "vault", "mountPath": "/run/secrets/anthropic"}],
            })),
        ),
        (
            "remote control with a key",
            values(json!({"mode": "remote-control", "credentials": {"apiKey": "sk-ant"}})),
        ),
        (
            "headless without a credential",
            headless(json!({"credentials": {"existingSecret": ""}})),
        ),
        (
            "a claim and no persistence",
            values(json!({"persistence": {"enabled": false, "existingClaim": "home"}})),
        ),
        ("operator of nothing", values(json!({"tier": "operator"}))),
        (
            "operator of its own credential",
            values(json!({"tier": "operator", "access": {"namespaces": ["shop", "claude"]}})),
        ),
        (
            "operator of everything and something",
            values(json!({
                "tier": "operator", "access": {"namespaces": ["shop"], "clusterWide": true}
            })),
        ),
        (
            "rights for everybody's account",
            values(json!({"serviceAccount": {"create": false}})),
        ),
        (
            "a gateway by two names",
            airgapped(json!({"network": {"gateway": {"podLabels": {"app": "models"}}}})),
        ),
        (
            "airgapped without its policy",
            airgapped(json!({"network": {"enabled": false}})),
        ),
        (
            "airgapped without an address",
            airgapped(json!({"gateway": {"baseUrl": ""}})),
        ),
        (
            "airgapped without a way",
            airgapped(json!({"network": {"gateway": {"cidr": ""}}})),
        ),
        (
            "airgapped with another way out",
            airgapped(json!({"network": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}})),
        ),
        (
            "airgapped with a network of gateways",
            airgapped(json!({"network": {"gateway": {"cidr": "0.0.0.0/0"}}})),
        ),
        (
            "airgapped with every pod of a namespace for a gateway",
            airgapped(json!({"network": {"gateway": {"cidr": "", "namespaceLabels": {"team": "ai"}}}})),
        ),
        (
            "airgapped with name servers in the Internet",
            airgapped(json!({"network": {"dns": {"cidrs": ["169.254.20.10/32", "9.9.9.9/32"]}}})),
        ),
        (
            "airgapped with every pod for a name server",
            airgapped(json!({"network": {"dns": {"podLabels": {"k8s-app": null}}}})),
        ),
        (
            "airgapped without names, and a gateway by its name",
            airgapped(json!({"network": {"dns": {"enabled": false}}})),
        ),
        (
            "no way to the model",
            values(json!({"network": {"internet": {"enabled": false}}})),
        ),
        (
            "a gateway behind a closed port",
            values(json!({"gateway": {"baseUrl": "http://models.example.com:8080/v1"}})),
        ),
        ("no way to the API server", json!({})),
        (
            "a key as a variable",
            values(json!({"extraEnv": [{"name": "ANTHROPIC_API_KEY", "value": "sk-ant"}]})),
        ),
        (
            "a cloud's key as a variable",
            values(json!({"extraEnv": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "secret"}]})),
        ),
        (
            "a variable of the chart's",
            values(json!({"extraEnv": [{"name": "CLAUDE_TIER", "value": "operator"}]})),
        ),
        (
            "a label of the chart's",
            values(json!({"podLabels": {"app.kubernetes.io/name": "other"}})),
        ),
        (
            "a claim that goes",
            values(json!({"persistence": {"annotations": {"helm.sh/resource-policy": "delete"}}})),
        ),
    ]
}

#[test]
fn each_contradiction_is_refused() {
    let mut text = String::new();
    let mut sentences = BTreeSet::new();
    for (name, values) in cases() {
        let error = release(values).render().expect_err(name).to_string();
        writeln!(text, "{name}:\n  {error}").expect("a String takes it");
        sentences.insert(error);
    }
    insta::assert_snapshot!(text);

    // Only a cluster can say that it has no RuntimeClass of that name.
    let template = std::fs::read_to_string(root().join(CHART).join("templates/refusals.yaml")).expect("the template");
    let refusals = template.matches("{{- fail ").count();
    assert_eq!(
        sentences.len() + 1,
        refusals,
        "each refusal of the chart has a case here"
    );
}

/// The same values without the contradiction are taken, so that the cases fail for their own reason.
#[test]
fn what_is_consistent_is_taken() {
    for values in [
        values(json!({})),
        headless(json!({})),
        headless(json!({"headless": {"schedule": "0 6 * * *"}})),
        headless(json!({"headless": {"run": "again"}})),
        headless(json!({"credentials": {"existingSecret": ""}, "persistence": {"existingClaim": "home"}})),
        headless(
            json!({"credentials": {"existingSecret": ""}, "extraEnv": [{"name": "CLAUDE_CODE_USE_BEDROCK", "value": "1"}]}),
        ),
        airgapped(json!({})),
        airgapped(json!({"network": {"gateway": {"cidr": "fd00::7/128"}}})),
        airgapped(json!({"network": {"dns": {"cidrs": ["169.254.20.10/32", "10.0.0.10/32", "fd00::a/128"]}}})),
        airgapped(json!({"gateway": {"baseUrl": "http://[fd00::7]:8080"}, "network": {"dns": {"enabled": false}}})),
        values(json!({"mode": "remote-control"})),
        values(json!({"tier": "operator", "access": {"namespaces": ["shop"]}})),
        values(json!({"tier": "operator", "access": {"clusterWide": true}})),
        values(json!({"tier": "operator", "access": {"namespaces": ["claude"], "ownNamespace": true}})),
        values(json!({"tier": "operator", "access": {"create": false}})),
        values(json!({"serviceAccount": {"create": false, "name": "claude"}})),
        values(json!({"gateway": {"baseUrl": "https://models.example.com"}})),
        values(
            json!({"gateway": {"baseUrl": "https://models.example.com:8443"}, "network": {"internet": {"ports": [443, 8443]}}}),
        ),
        json!({"tier": "none"}),
        json!({"network": {"enabled": false}}),
        values(json!({"extraEnv": [{"name": "EDITOR", "value": "nano"}], "runtimeClassName": "gvisor"})),
    ] {
        if let Err(error) = release(values.clone()).render() {
            panic!("{values}: {error}");
        }
    }
}
