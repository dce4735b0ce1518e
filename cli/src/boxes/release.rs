//! A box in a cluster: the chart, installed by Helm with the values that follow from what was wished for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::boxes::arguments::Wishes;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::network;
use crate::boxes::permission::{self, Needs};
use crate::boxes::rollout::Objects;
use crate::credentials::Credentials;
use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;

/// Pod Security's label on a namespace, and the standard that the chart's pods keep.
const POD_SECURITY: (&str, &str) = ("pod-security.kubernetes.io/enforce", "restricted");

/// Where values say how the API server is reached.
const ENDPOINTS: &str = "/network/apiServer/endpoints";

/// A box of that name in a cluster.
#[derive(Debug)]
pub(crate) struct Release<'a> {
    /// Where the chart is.
    pub(crate) project: &'a Project,
    /// The cluster.
    pub(crate) cluster: &'a Kubernetes,
    /// Its name.
    pub(crate) name: &'a str,
    /// What it is to be like.
    pub(crate) wishes: &'a Wishes,
    /// Its image as the cluster knows it, `repository:tag` or with a digest.
    pub(crate) image: String,
    /// The image was put onto the nodes and can be had nowhere else.
    pub(crate) is_loaded: bool,
}

impl Release<'_> {
    /// The release's objects.
    pub(crate) fn objects(&self) -> Objects<'_> {
        Objects {
            namespace: &self.wishes.namespace,
            release: self.name,
        }
    }

    /// Ends with a sentence when whoever the kubeconfig names may not install the chart.
    pub(crate) fn must_be_permitted(&self) -> Result<(), Failure> {
        permission::must_be_permitted(self.cluster, &self.needs()?)
    }

    /// Ends with a sentence when they may not even find out what would be installed.
    pub(crate) fn must_be_permitted_to_look(&self) -> Result<(), Failure> {
        permission::must_be_permitted_to_look(self.cluster, &self.needs()?)
    }

    fn needs(&self) -> Result<Needs<'_>, Failure> {
        Ok(Needs {
            namespace: &self.wishes.namespace,
            tier: &self.wishes.tier,
            is_headless: self.wishes.mode == "headless",
            makes_roles: self.said("/access/create")? != Some(Value::Bool(false)),
            operate_in: &self.wishes.operate_in,
            asks_endpoints: self.said(ENDPOINTS)?.is_none(),
        })
    }

    /// Its values leave the network to others.
    pub(crate) fn has_no_policy(&self) -> Result<bool, Failure> {
        Ok(self.said("/network/enabled")? == Some(Value::Bool(false)))
    }

    /// What the user's own files of values say about a key (a JSON pointer): the last one that has it.
    fn said(&self, key: &str) -> Result<Option<Value>, Failure> {
        let mut said = None;
        for path in &self.wishes.values {
            let wrong = |error: &dyn std::fmt::Display| {
                Failure::new(
                    Code::Data,
                    format!("cannot read the values {}: {error}", path.display()),
                )
            };
            let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
            let documents = verify::chart::objects(&text).map_err(|error| wrong(&error))?;
            let found = documents.iter().find_map(|document| document.pointer(key));
            said = found.cloned().or(said);
        }
        // What is empty says nothing.
        Ok(said.filter(|value| !value.is_null() && *value != json!([])))
    }

    /// Makes the namespace if it is not there. A namespace that is there keeps the labels that it has.
    pub(crate) fn namespace(&self) -> Result<(), Failure> {
        let name = &self.wishes.namespace;
        if !self.cluster.get(&["namespace", name])?.is_null() {
            return Ok(());
        }
        permission::must_make_namespaces(self.cluster, name)?;
        let (label, standard) = POD_SECURITY;
        self.cluster.apply(&json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": name, "labels": { label: standard } },
        }))
    }

    /// Puts the credential into a Secret of its own; without one, the Secret that is there stays.
    pub(crate) fn credential(&self, credentials: Option<&Credentials>) -> Result<(), Failure> {
        let Some(credentials) = credentials else {
            return Ok(());
        };
        // Whole, as `data`: a key that is left out goes, which it would not as `stringData`.
        let mut data = BTreeMap::new();
        for (file, secret) in credentials.files()? {
            data.insert(file, BASE64_STANDARD.encode(secret));
        }
        self.cluster.apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.secret(),
                "namespace": self.wishes.namespace,
                "labels": { "app.kubernetes.io/instance": self.name, "app.kubernetes.io/managed-by": "cbox" },
            },
            "data": data,
        }))
    }

    /// The name of the Secret with the credential.
    fn secret(&self) -> String {
        format!("{}-credential", self.name)
    }

    /// Which version of the Secret is there, if one is: what it holds is not read.
    fn credential_version(&self) -> Result<Option<String>, Failure> {
        let secret = self.secret();
        let mut command = self.cluster.kubectl();
        command.args([
            "get",
            "secret",
            &secret,
            "--namespace",
            &self.wishes.namespace,
            "--ignore-not-found",
        ]);
        let version = process::read(command.arg("--output=jsonpath={.metadata.resourceVersion}"))?;
        Ok(Some(version).filter(|version| !version.is_empty()))
    }

    /// Ends with a sentence when a release of this name is there that was not made of this chart.
    pub(crate) fn must_be_ours(&self) -> Result<(), Failure> {
        let mut command = self.cluster.helm();
        command.args(["list", "--output=json", "--namespace", &self.wishes.namespace]);
        let text = process::read(command.arg(format!("--filter=^{}$", self.name)))?;
        let releases: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(Code::Software, format!("cannot read what helm printed: {error}")))?;
        match releases[0]["chart"].as_str() {
            Some(chart) if !chart.starts_with("claude-in-a-box-") => Err(Failure::new(
                Code::Usage,
                format!(
                    "the namespace {} has a release '{}' of another chart ({chart}): give the box another --name",
                    self.wishes.namespace, self.name
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Removes the Secret.
    pub(crate) fn forget_credential(&self) -> Result<(), Failure> {
        let secret = self.secret();
        let mut command = self.cluster.kubectl();
        command.args(["delete", "secret", &secret, "--namespace", &self.wishes.namespace]);
        process::read(command.arg("--ignore-not-found")).map(drop)
    }

    /// The values that follow from the wishes and the cluster.
    pub(crate) fn values(&self) -> Result<Value, Failure> {
        let wishes = self.wishes;
        let mut values = json!({
            "mode": wishes.mode,
            "tier": wishes.tier,
            "image": image(&self.image, self.is_loaded),
        });
        // Whoever says it himself may not be permitted to ask.
        if wishes.tier != "none" && self.said(ENDPOINTS)?.is_none() {
            values["network"] = json!({ "apiServer": { "endpoints": network::api_server(self.cluster)? } });
        }
        // Remote Control takes a login alone, and the chart refuses a key beside it.
        if wishes.mode != "remote-control"
            && let Some(version) = self.credential_version()?
        {
            values["credentials"] = json!({ "existingSecret": self.secret() });
            // A box reads its credential when it starts: another one makes another pod.
            values["podAnnotations"] = json!({ "claude-in-a-box.io/credential-version": version });
        }
        if let Some(prompt) = &wishes.prompt {
            values["headless"] = json!({ "prompt": prompt, "outputFormat": "stream-json" });
        }
        if let Some(gateway) = &wishes.gateway {
            values["gateway"] = json!({ "baseUrl": gateway });
        }
        if !wishes.operate_in.is_empty() {
            values["access"] = json!({ "namespaces": wishes.operate_in });
        }
        Ok(values)
    }

    /// Installs or upgrades the release.
    pub(crate) fn install(&self, values: &Value) -> Result<(), Failure> {
        let mut command = self.cluster.helm();
        // Helm would otherwise leave what a failed upgrade had made already, roles among it.
        command.args(["upgrade", "--install", "--history-max=5", "--cleanup-on-fail"]);
        self.with_values(&mut command, values).map(drop)
    }

    /// The objects as YAML, as Helm would apply them.
    pub(crate) fn rendered(&self, values: &Value) -> Result<String, Failure> {
        let mut command = self.cluster.helm();
        command.arg("template");
        self.with_values(&mut command, values)
    }

    /// How these objects differ from what is there; empty when they do not.
    pub(crate) fn difference(&self, rendered: &str) -> Result<String, Failure> {
        let mut command = self.cluster.kubectl();
        command.args(["diff", "--namespace", &self.wishes.namespace, "--filename=-"]);
        let file = tempfile::NamedTempFile::new().map_err(|error| cannot_write(&error))?;
        fs::write(file.path(), rendered).map_err(|error| cannot_write(&error))?;
        let input = fs::File::open(file.path()).map_err(|error| cannot_write(&error))?;
        let output = command
            .stdin(input)
            .output()
            .map_err(|error| process::not_started(&command, &error))?;
        // diff(1): 1 is a difference, more is trouble.
        match output.status.code() {
            Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => Err(process::ended(&command, &output)),
        }
    }

    /// Takes the release down; its volume stays.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        let mut command = self.cluster.helm();
        command.args(["uninstall", self.name, "--namespace", &self.wishes.namespace]);
        process::read(command.args(["--ignore-not-found", "--wait", "--timeout=5m"])).map(drop)
    }

    /// Removes the volume.
    pub(crate) fn remove_volume(&self) -> Result<(), Failure> {
        let mut command = self.cluster.kubectl();
        command.args([
            "delete",
            "persistentvolumeclaims",
            "--namespace",
            &self.wishes.namespace,
        ]);
        process::read(command.args([&self.objects().selector(), "--wait", "--timeout=5m"])).map(drop)
    }

    fn with_values(&self, command: &mut Command, values: &Value) -> Result<String, Failure> {
        let file = tempfile::Builder::new()
            .suffix(".json")
            .tempfile()
            .map_err(|error| cannot_write(&error))?;
        serde_json::to_writer(&file, values).map_err(|error| cannot_write(&error.into()))?;
        command
            .arg(self.name)
            .arg(self.project.root.join("manifests/chart"))
            .args(["--namespace", &self.wishes.namespace])
            .arg("--values")
            .arg(file.path());
        for more in &self.wishes.values {
            command.arg("--values").arg(more);
        }
        run(command)
    }
}

/// Runs Helm; what the chart refuses is said in the chart's own sentence, without Helm's around it.
fn run(command: &mut Command) -> Result<String, Failure> {
    let output = process::output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("execution error at (") || said.contains("values don't meet the specifications") {
        return Err(Failure::new(Code::Data, verify::chart::sentence(&said)));
    }
    if let Some(why) = unchangeable_volume(&said) {
        return Err(Failure::new(
            Code::Data,
            format!(
                "the volume cannot become what persistence says, since a volume grows where its storage class lets it, and changes \
                 in no other way: leave persistence as it was, or name another claim in persistence.existingClaim ({why})"
            ),
        ));
    }
    Err(process::ended(command, &output))
}

/// What the API server says of a change of a volume claim that it does not take, as Helm repeats it:
/// `Error: UPGRADE FAILED: server-side apply failed for object NAMESPACE/NAME /v1, Kind=PersistentVolumeClaim: WHY`.
fn unchangeable_volume(said: &str) -> Option<&str> {
    said.lines()
        .filter(|line| line.starts_with("Error: "))
        .find_map(|line| Some(line.split_once("Kind=PersistentVolumeClaim: ")?.1))
}

/// `registry/name:tag@sha256:...` as the chart's values.
pub(crate) fn image(reference: &str, is_loaded: bool) -> Value {
    let (name, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let (repository, tag) = name
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))
        .unwrap_or((name, ""));
    let mut image = json!({ "repository": repository, "digest": digest });
    if !tag.is_empty() {
        image["tag"] = json!(tag);
    }
    if is_loaded {
        image["pullPolicy"] = json!("Never");
    }
    image
}

fn cannot_write(error: &std::io::Error) -> Failure {
    Failure::new(Code::CannotCreate, format!("cannot write a temporary file: {error}"))
}

/// Ends with a sentence when a file of values is not there; absolute, so that `cbox redeploy` finds it from anywhere.
pub(crate) fn value_file(path: &Path) -> Result<std::path::PathBuf, Failure> {
    path.canonicalize().map_err(|error| {
        Failure::new(
            Code::NoInput,
            format!("cannot read the values {}: {error}", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_stays_as_it_is_says_why() {
        let said = |kind: &str| {
            format!(
                "level=WARN msg=\"upgrade failed\" error=\"a Kind={kind}: twice\"\n\
                 Error: UPGRADE FAILED: server-side apply failed for object ns/box-home /v1, Kind={kind}: it is forbidden: why\n"
            )
        };
        assert_eq!(
            unchangeable_volume(&said("PersistentVolumeClaim")),
            Some("it is forbidden: why")
        );
        assert_eq!(unchangeable_volume(&said("StatefulSet")), None);
    }

    #[test]
    fn a_reference_is_split_as_the_chart_wants_it() {
        let check = |reference, is_loaded, expected: Value| assert_eq!(image(reference, is_loaded), expected);
        check(
            "localhost/box:1",
            true,
            json!({ "repository": "localhost/box", "tag": "1", "digest": "", "pullPolicy": "Never" }),
        );
        check(
            "registry:5000/box@sha256:ab",
            false,
            json!({ "repository": "registry:5000/box", "digest": "sha256:ab" }),
        );
    }
}
