//! May whoever the kubeconfig names do what a box in a cluster takes? The API server is asked about all of it before
//! anything is made, since what is refused later leaves half a box.

use serde_json::{Value, json};

use crate::boxes::kubernetes::{Kubernetes, feed};
use crate::failure::{Code, Failure};

/// Something that is done in a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Deed {
    verb: &'static str,
    /// As `kubectl api-resources` names it: the plural and its group, `statefulsets.apps`.
    resource: &'static str,
    /// Where; none: in no namespace.
    namespace: Option<String>,
    /// Of one object alone.
    name: Option<String>,
}

/// What a box is going to need rights for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs<'a> {
    /// Where it is to live.
    pub(crate) namespace: &'a str,
    /// What it may do.
    pub(crate) tier: &'a str,
    /// It is asked one question.
    pub(crate) is_headless: bool,
    /// The chart makes the roles of the tier.
    pub(crate) makes_roles: bool,
    /// The operator's namespaces.
    pub(crate) operate_in: &'a [String],
    /// The cluster has to be asked where its API server listens.
    pub(crate) asks_endpoints: bool,
}

impl Needs<'_> {
    /// In the box's namespace: what the chart makes, where Helm writes it down, and what is looked at while it starts.
    fn in_namespace(&self) -> Vec<Deed> {
        let workload = if self.is_headless {
            "jobs.batch"
        } else {
            "statefulsets.apps"
        };
        let mut deeds: Vec<Deed> = [
            "secrets",
            "serviceaccounts",
            "persistentvolumeclaims",
            "configmaps",
            "services",
            "networkpolicies.networking.k8s.io",
            workload,
        ]
        .map(|resource| deed("create", resource, Some(self.namespace)))
        .to_vec();
        deeds.extend(["secrets", "pods", "events"].map(|resource| deed("list", resource, Some(self.namespace))));
        deeds.push(Deed {
            name: Some(self.namespace.to_owned()),
            ..deed("get", "namespaces", Some(self.namespace))
        });
        deeds
    }

    /// Elsewhere: the roles of the tier.
    fn roles(&self) -> Vec<Deed> {
        const OF_THE_CLUSTER: [&str; 2] = [
            "clusterroles.rbac.authorization.k8s.io",
            "clusterrolebindings.rbac.authorization.k8s.io",
        ];
        const OF_A_NAMESPACE: [&str; 2] = [
            "roles.rbac.authorization.k8s.io",
            "rolebindings.rbac.authorization.k8s.io",
        ];
        if self.tier == "none" || !self.makes_roles {
            return Vec::new();
        }
        let mut deeds = OF_THE_CLUSTER.map(|resource| deed("create", resource, None)).to_vec();
        for namespace in self.operate_in {
            deeds.extend(OF_A_NAMESPACE.map(|resource| deed("create", resource, Some(namespace))));
        }
        deeds
    }

    /// Elsewhere: where the API server listens.
    fn endpoints(&self) -> Vec<Deed> {
        if self.tier == "none" || !self.asks_endpoints {
            return Vec::new();
        }
        vec![deed("list", "endpointslices.discovery.k8s.io", Some("default"))]
    }

    /// The sentence about what is refused; none when nothing is.
    fn sentence(&self, refused: &[Deed]) -> Option<String> {
        let among =
            |deeds: Vec<Deed>| -> Vec<Deed> { deeds.into_iter().filter(|deed| refused.contains(deed)).collect() };
        let own = among(self.in_namespace());
        if !own.is_empty() {
            return Some(format!(
                "you may not {}: ask for the ClusterRole admin in that namespace, or name another one with --namespace",
                list(&own)
            ));
        }
        let (roles, endpoints) = (among(self.roles()), among(self.endpoints()));
        let mut ways = Vec::new();
        if !roles.is_empty() {
            ways.push("let whoever may make the roles that ./cbox up --dry-run prints, and set access.create to false in --values");
        }
        if !endpoints.is_empty() {
            ways.push("set network.apiServer.endpoints in --values to where the API server listens");
        }
        let both = [roles, endpoints].concat();
        (!both.is_empty()).then(|| {
            format!(
                "you may not {}, which tier {} takes: {}; or take --tier none",
                list(&both),
                self.tier,
                ways.join("; ")
            )
        })
    }
}

/// Ends with a sentence when something of it is refused.
pub(crate) fn must_be_permitted(cluster: &Kubernetes, needs: &Needs<'_>) -> Result<(), Failure> {
    must(
        cluster,
        needs,
        [needs.in_namespace(), needs.roles(), needs.endpoints()].concat(),
    )
}

/// The same for what it takes to say what would be made.
pub(crate) fn must_be_permitted_to_look(cluster: &Kubernetes, needs: &Needs<'_>) -> Result<(), Failure> {
    must(cluster, needs, needs.endpoints())
}

fn must(cluster: &Kubernetes, needs: &Needs<'_>, deeds: Vec<Deed>) -> Result<(), Failure> {
    match needs.sentence(&refused(cluster, deeds)?) {
        None => Ok(()),
        Some(sentence) => Err(Failure::new(Code::NoPermission, sentence)),
    }
}

/// Ends with a sentence when no namespace may be made.
pub(crate) fn must_make_namespaces(cluster: &Kubernetes, name: &str) -> Result<(), Failure> {
    if refused(cluster, vec![deed("create", "namespaces", None)])?.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::NoPermission,
        format!(
            "there is no namespace {name}, and you may not make one: ask who may, or name one of yours with --namespace"
        ),
    ))
}

/// Ends with a sentence when a cluster may not be asked what a release may do and reach in it: that takes namespaces of one's
/// own and what is in them, for rights a tier's roles, for the network its pods, and for what happens to a box all that does it.
pub(crate) fn must_ask_clusters(cluster: &Kubernetes, rights: bool, network: bool, lives: bool) -> Result<(), Failure> {
    let made = |resources: &[&'static str]| -> Vec<Deed> {
        let each = resources.iter().copied();
        each.flat_map(|resource| ["create", "delete"].map(|verb| deed(verb, resource, None)))
            .collect()
    };
    let mut deeds = made(&["namespaces"]);
    deeds.extend([
        deed("get", "serviceaccounts", None),
        deed("list", "namespaces", None),
        deed("list", "clusterroles.rbac.authorization.k8s.io", None),
        deed("list", "clusterrolebindings.rbac.authorization.k8s.io", None),
    ]);
    if rights {
        deeds.extend(made(&[
            "clusterroles.rbac.authorization.k8s.io",
            "clusterrolebindings.rbac.authorization.k8s.io",
        ]));
        deeds.extend(
            [
                "roles.rbac.authorization.k8s.io",
                "rolebindings.rbac.authorization.k8s.io",
                "serviceaccounts",
                "serviceaccounts/token",
            ]
            .map(|resource| deed("create", resource, None)),
        );
    }
    if network {
        deeds.extend(made(&["pods", "configmaps", "networkpolicies.networking.k8s.io"]));
        deeds.extend(["create", "get"].map(|verb| deed(verb, "pods/exec", None)));
        deeds.extend([
            deed("create", "services", None),
            deed("list", "services", None),
            deed("patch", "namespaces", None),
            deed("list", "networkpolicies.networking.k8s.io", None),
            deed("list", "pods", None),
            deed("get", "pods/log", None),
            deed("list", "nodes", None),
            deed("list", "endpointslices.discovery.k8s.io", Some("default")),
        ]);
    }
    if lives {
        deeds.extend(made(&[
            "pods",
            "services",
            "serviceaccounts",
            "persistentvolumeclaims",
            "persistentvolumes",
            "networkpolicies.networking.k8s.io",
            "statefulsets.apps",
        ]));
        deeds.extend(["create", "get"].map(|verb| deed(verb, "pods/exec", None)));
        deeds.extend(["create", "get"].map(|verb| deed(verb, "pods/attach", None)));
        deeds.extend([
            deed("create", "pods/eviction", None),
            deed("get", "pods/log", None),
            deed("list", "events", None),
            deed("list", "nodes", None),
            deed("list", "persistentvolumes", None),
            deed("patch", "namespaces", None),
            deed("patch", "nodes", None),
            deed("patch", "statefulsets.apps", None),
            deed("update", "statefulsets.apps/scale", None),
            deed("watch", "pods", None),
        ]);
    }
    let refused = refused(cluster, deeds)?;
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::NoPermission,
        format!(
            "you may not {}, which asking a cluster takes: let whoever may run it, or leave out --context and ask the chart alone",
            list(&refused)
        ),
    ))
}

/// Those of them that the API server would refuse; one question about each, by one client.
fn refused(cluster: &Kubernetes, deeds: Vec<Deed>) -> Result<Vec<Deed>, Failure> {
    if deeds.is_empty() {
        return Ok(Vec::new());
    }
    let questions: Vec<String> = deeds.iter().map(|deed| question(deed).to_string()).collect();
    let mut command = cluster.kubectl();
    command.args([
        "create",
        "--validate=false",
        "--filename=-",
        "--output=jsonpath={.status.allowed}{\"\\n\"}",
    ]);
    let answers = feed(command, questions.join("\n---\n").as_bytes())?;
    let answers: Vec<&str> = answers.lines().collect();
    if answers.len() != deeds.len() || answers.iter().any(|answer| !["true", "false"].contains(answer)) {
        return Err(Failure::new(
            Code::Software,
            format!("{} questions about rights were answered with {answers:?}", deeds.len()),
        ));
    }
    let answered = deeds.into_iter().zip(answers);
    Ok(answered
        .filter(|(_, answer)| *answer == "false")
        .map(|(deed, _)| deed)
        .collect())
}

fn question(deed: &Deed) -> Value {
    let (resource, group) = deed.resource.split_once('.').unwrap_or((deed.resource, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": deed.verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": deed.namespace,
            "name": deed.name,
        } },
    })
}

fn deed(verb: &'static str, resource: &'static str, namespace: Option<&str>) -> Deed {
    Deed {
        verb,
        resource,
        namespace: namespace.map(str::to_owned),
        name: None,
    }
}

/// `create a, b in namespace n and list c in namespace m`.
fn list(deeds: &[Deed]) -> String {
    let mut parts: Vec<(&str, Option<&str>, Vec<&str>)> = Vec::new();
    for deed in deeds {
        let place = deed.namespace.as_deref();
        match parts
            .iter_mut()
            .find(|(verb, its_place, _)| *verb == deed.verb && *its_place == place)
        {
            Some((_, _, resources)) => resources.push(deed.resource),
            None => parts.push((deed.verb, place, vec![deed.resource])),
        }
    }
    let part = |(verb, place, resources): &(&str, Option<&str>, Vec<&str>)| {
        let place = place.map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
        format!("{verb} {}{place}", resources.join(", "))
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(tier: &str) -> Needs<'_> {
        Needs {
            namespace: "home",
            tier,
            is_headless: false,
            makes_roles: true,
            operate_in: &[],
            asks_endpoints: true,
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_out() {
        let all = |needs: &Needs<'_>| [needs.in_namespace(), needs.roles(), needs.endpoints()].concat();
        assert_eq!(needs("readonly").sentence(&[]), None);
        assert_eq!(
            needs("readonly").sentence(&needs("readonly").roles()).as_deref(),
            Some(
                "you may not create clusterroles.rbac.authorization.k8s.io, clusterrolebindings.rbac.authorization.k8s.io, which \
                 tier readonly takes: let whoever may make the roles that ./cbox up --dry-run prints, and set access.create to false \
                 in --values; or take --tier none"
            )
        );
        assert_eq!(
            needs("airgapped").sentence(&needs("airgapped").endpoints()).as_deref(),
            Some(
                "you may not list endpointslices.discovery.k8s.io in namespace default, which tier airgapped takes: set \
                 network.apiServer.endpoints in --values to where the API server listens; or take --tier none"
            )
        );
        // Without its own namespace a box has no place at all, so that this is said first.
        let said = needs("readonly").sentence(&all(&needs("readonly"))).unwrap();
        assert!(
            said.starts_with("you may not create secrets, ")
                && said.contains(" and list secrets, pods, events in namespace home"),
            "{said}"
        );
        assert!(
            said.contains("ClusterRole admin") && !said.contains("clusterroles"),
            "{said}"
        );
    }

    #[test]
    fn a_tier_without_rights_and_roles_of_others_need_nothing_elsewhere() {
        assert!(needs("none").roles().is_empty() && needs("none").endpoints().is_empty());
        let theirs = Needs {
            makes_roles: false,
            asks_endpoints: false,
            ..needs("readonly")
        };
        assert!(theirs.roles().is_empty() && theirs.endpoints().is_empty());
        let shop = ["shop".to_owned()];
        let operator = Needs {
            operate_in: &shop,
            ..needs("operator")
        };
        assert_eq!(operator.roles().len(), 4);
    }

    #[test]
    fn a_question_is_about_a_group_s_resource() {
        let asked = question(&deed("create", "statefulsets.apps", Some("home")));
        let attributes = &asked["spec"]["resourceAttributes"];
        assert_eq!(attributes["group"], "apps");
        assert_eq!(attributes["resource"], "statefulsets");
        assert_eq!(
            question(&deed("list", "pods", None))["spec"]["resourceAttributes"]["group"],
            ""
        );
    }
}
