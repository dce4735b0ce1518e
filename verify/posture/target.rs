//! What is judged together, and the things in it that rules are about. Pure.

use serde_json::Value;

use crate::chart::ChartError;
use crate::chart::lines::{self, Lined};

/// Null, for what is not there.
static NOTHING: Value = Value::Null;

/// A release as it was rendered, Compose's file, or the image's declaration.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Stands in front of its cells' names.
    pub name: String,
    /// What it is.
    pub origin: Origin,
    /// What it holds.
    pub parts: Vec<Part>,
}

/// An object with the file that it stands in.
#[derive(Clone, Debug)]
pub struct Part {
    /// How places name the file.
    pub file: String,
    /// The object.
    pub object: Lined,
}

/// What a whole is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A release of the chart.
    Release {
        /// Its tier.
        tier: String,
        /// Its namespace.
        namespace: String,
        /// Its service account.
        account: String,
        /// Where its rules of scope `namespace` hold.
        acts_in: Vec<String>,
        /// The chart's values with the user's over them.
        values: Value,
    },
    /// Compose's file.
    Compose,
    /// The image's declaration.
    Image,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A release as a whole.
    Release,
    /// Any object of a release.
    Object,
    /// A ServiceAccount.
    Account,
    /// A Role or ClusterRole.
    Role,
    /// A RoleBinding or ClusterRoleBinding.
    Binding,
    /// A NetworkPolicy.
    Policy,
    /// A Service.
    Service,
    /// A PersistentVolumeClaim.
    Claim,
    /// A StatefulSet.
    StatefulSet,
    /// The specification of a Job, also in a CronJob.
    Job,
    /// A CronJob.
    CronJob,
    /// A pod's template.
    Pod,
    /// A container of a pod's template.
    Container,
    /// Compose's file.
    Composition,
    /// A service of Compose.
    Composed,
    /// What the image says of itself.
    Image,
    /// A tool of the image.
    Tool,
    /// What the README says that the image has.
    Promise,
}

/// One thing that rules are about.
#[derive(Clone, Debug)]
pub struct Target<'whole> {
    /// What it is.
    pub kind: Kind,
    /// How cells name it: `StatefulSet/box`, and for a container its name behind it.
    pub name: String,
    /// The thing.
    pub value: &'whole Value,
    /// The pod's template that it is, or that it is in.
    pub pod: &'whole Value,
    /// What it is a part of.
    pub whole: &'whole Whole,
    /// Its object, if it is not the whole.
    part: Option<&'whole Part>,
    /// Where it is in its object.
    pointer: String,
}

impl Whole {
    /// A release, read from what was rendered.
    ///
    /// # Errors
    ///
    /// When it is no YAML.
    pub fn of_release(name: &str, origin: Origin, (file, text): (&str, &str)) -> Result<Self, ChartError> {
        let parts = lines::objects(text)?.into_iter().map(|object| Part {
            file: file.to_owned(),
            object,
        });
        Ok(Self {
            name: name.to_owned(),
            origin,
            parts: parts.collect(),
        })
    }

    /// Its objects of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let values = self.parts.iter().map(|part| &part.object.value);
        values.filter(move |value| value["kind"] == kind)
    }
}

impl<'whole> Target<'whole> {
    /// A part of it by its pointer; null when there is none.
    #[must_use]
    pub fn at(&self, pointer: &str) -> &'whole Value {
        self.value.pointer(pointer).unwrap_or(&NOTHING)
    }

    /// The line of a part of it.
    #[must_use]
    pub fn line(&self, pointer: &str) -> Option<u64> {
        self.part?.object.line(&format!("{}{pointer}", self.pointer))
    }

    /// The file that it stands in.
    #[must_use]
    pub fn file(&self) -> &str {
        self.part.map_or("", |part| &part.file)
    }

    /// The tier of the release, the empty word for what is none.
    #[must_use]
    pub fn tier(&self) -> &str {
        match &self.whole.origin {
            Origin::Release { tier, .. } => tier,
            Origin::Compose | Origin::Image => "",
        }
    }

    fn new(whole: &'whole Whole, part: &'whole Part, kind: Kind, name: String, pointer: &str) -> Option<Self> {
        Some(Self {
            kind,
            name,
            value: part.object.value.pointer(pointer)?,
            pod: &NOTHING,
            whole,
            part: Some(part),
            pointer: pointer.to_owned(),
        })
    }
}

/// Everything in a whole that rules are about.
#[must_use]
pub fn targets(whole: &Whole) -> Vec<Target<'_>> {
    let mut targets = Vec::new();
    if matches!(whole.origin, Origin::Release { .. }) {
        targets.push(Target {
            kind: Kind::Release,
            name: "release".to_owned(),
            value: &NOTHING,
            pod: &NOTHING,
            whole,
            part: whole.parts.first(),
            pointer: String::new(),
        });
    }
    for part in &whole.parts {
        match whole.origin {
            Origin::Release { .. } => of_object(whole, part, &mut targets),
            Origin::Compose => {
                targets.extend(Target::new(
                    whole,
                    part,
                    Kind::Composition,
                    "compose.yaml".to_owned(),
                    "",
                ));
                each(whole, part, Kind::Composed, "/services", "service ", &mut targets);
            }
            Origin::Image => {
                targets.extend(Target::new(
                    whole,
                    part,
                    Kind::Image,
                    "declaration".to_owned(),
                    "/image",
                ));
                each(whole, part, Kind::Tool, "/tools", "tool ", &mut targets);
                targets.extend(Target::new(
                    whole,
                    part,
                    Kind::Promise,
                    "README.md".to_owned(),
                    "/promised",
                ));
            }
        }
    }
    targets
}

fn each<'whole>(
    whole: &'whole Whole,
    part: &'whole Part,
    kind: Kind,
    pointer: &str,
    word: &str,
    targets: &mut Vec<Target<'whole>>,
) {
    let entries = part.object.value.pointer(pointer).and_then(Value::as_object);
    for name in entries.into_iter().flat_map(|entries| entries.keys()) {
        let pointer = format!("{pointer}/{}", lines::escaped(name));
        targets.extend(Target::new(whole, part, kind, format!("{word}{name}"), &pointer));
    }
}

fn of_object<'whole>(whole: &'whole Whole, part: &'whole Part, targets: &mut Vec<Target<'whole>>) {
    let value = &part.object.value;
    let word = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    let instance = "/metadata/labels/app.kubernetes.io~1instance";
    let name = match (word("/kind"), word("/metadata/namespace")) {
        // Roles of one name stand in several namespaces.
        (kind @ ("Role" | "RoleBinding"), namespace) => format!("{kind}/{namespace}/{}", word("/metadata/name")),
        // Their names end with a hash of what they hold, and a cell's name is to be the same in every run.
        (kind @ ("Job" | "ConfigMap"), _) => format!("{kind}/{}", word(instance)),
        (kind, _) => format!("{kind}/{}", word("/metadata/name")),
    };
    let mut add = |kind, pointer: &str| {
        targets.extend(Target::new(whole, part, kind, name.clone(), pointer));
    };
    add(Kind::Object, "");
    let template = match word("/kind") {
        "ServiceAccount" => return add(Kind::Account, ""),
        "Role" | "ClusterRole" => return add(Kind::Role, ""),
        "RoleBinding" | "ClusterRoleBinding" => return add(Kind::Binding, ""),
        "NetworkPolicy" => return add(Kind::Policy, ""),
        "Service" => return add(Kind::Service, ""),
        "PersistentVolumeClaim" => return add(Kind::Claim, ""),
        "StatefulSet" => {
            add(Kind::StatefulSet, "");
            "/spec/template"
        }
        "Job" => {
            add(Kind::Job, "/spec");
            "/spec/template"
        }
        "CronJob" => {
            add(Kind::CronJob, "");
            add(Kind::Job, "/spec/jobTemplate/spec");
            "/spec/jobTemplate/spec/template"
        }
        _ => return,
    };
    of_template(whole, part, &name, template, targets);
}

fn of_template<'whole>(
    whole: &'whole Whole,
    part: &'whole Part,
    name: &str,
    template: &str,
    targets: &mut Vec<Target<'whole>>,
) {
    let Some(mut pod) = Target::new(whole, part, Kind::Pod, name.to_owned(), template) else {
        return;
    };
    pod.pod = pod.value;
    let template_value = pod.value;
    targets.push(pod);
    for list in ["initContainers", "containers"] {
        let containers = template_value
            .pointer(&format!("/spec/{list}"))
            .and_then(Value::as_array);
        for (position, container) in containers.into_iter().flatten().enumerate() {
            let name = format!("{name}/{}", container["name"].as_str().unwrap_or("?"));
            let pointer = format!("{template}/spec/{list}/{position}");
            if let Some(mut container) = Target::new(whole, part, Kind::Container, name, &pointer) {
                container.pod = template_value;
                targets.push(container);
            }
        }
    }
}
