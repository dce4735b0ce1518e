//! A release of the chart as the oracles see it: its objects, its account, its tier and where it acts.

use crate::access::baseline;
use crate::access::evaluate::evaluate;
use crate::access::expectation::{Expectation, Standing};
use crate::access::load::{self, LoadError};
use crate::access::object::Objects;
use crate::access::question::{Access, Question, Subject};
use crate::access::table::Table;
use crate::engine::cell::{Claim, Observation};

/// A release, read from what the chart rendered.
#[derive(Clone, Debug)]
pub struct Release {
    /// What stands in front of its cells' names.
    pub name: String,
    /// Its tier, as `manifests/access.toml` names it.
    pub tier: String,
    /// The namespace that it is installed in.
    pub namespace: String,
    /// Its service account.
    pub account: String,
    /// Where rules of scope `namespace` hold: its `access.namespaces`.
    pub acts_in: Vec<String>,
    /// Its RBAC objects.
    pub objects: Objects,
}

impl Release {
    /// Reads the objects of a release from a rendered file.
    ///
    /// # Errors
    ///
    /// When the file is no YAML, or an RBAC object in it is not of its shape.
    pub fn read(
        tier: &str,
        (namespace, account): (&str, &str),
        acts_in: &[&str],
        (file, text): (&str, &str),
    ) -> Result<Self, LoadError> {
        Ok(Self {
            name: tier.to_owned(),
            tier: tier.to_owned(),
            namespace: namespace.to_owned(),
            account: account.to_owned(),
            acts_in: acts_in.iter().map(|namespace| (*namespace).to_owned()).collect(),
            objects: load::from_yaml(file, text)?,
        })
    }

    /// Who it is for the API server.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::service_account(&self.namespace, &self.account)
    }

    /// Everybody whose rights the release might change, each with the tier that holds for them: its own account; the
    /// default account beside it; the account of the same name elsewhere; a person; and whoever comes without a name.
    #[must_use]
    pub fn subjects(&self) -> Vec<(Subject, String)> {
        let nobodys = || "nobody".to_owned();
        vec![
            (self.subject(), self.tier.clone()),
            (Subject::service_account(&self.namespace, "default"), nobodys()),
            (Subject::service_account("elsewhere", &self.account), nobodys()),
            (Subject::service_account("elsewhere", &self.namespace), nobodys()),
            (Subject::user("somebody"), nobodys()),
            (Subject::nameless(), nobodys()),
        ]
    }

    /// What must hold for one of [`Self::subjects`] with this release in place.
    #[must_use]
    pub fn expectation<'table>(
        &self,
        table: &'table Table,
        (subject, tier): &'table (Subject, String),
    ) -> Expectation<'table> {
        let has = |name: &str| subject.groups.iter().any(|group| group == name);
        let standing = if has("system:serviceaccounts") {
            Standing::Account
        } else if has("system:authenticated") {
            Standing::Named
        } else {
            Standing::Nameless
        };
        Expectation {
            table,
            tier,
            namespaces: self.acts_in.clone(),
            standing,
        }
    }

    /// Its objects and those that every cluster has.
    ///
    /// # Errors
    ///
    /// When the baseline that is compiled in is wrong, which a test rules out.
    pub fn all_objects(&self) -> Result<Objects, LoadError> {
        Ok(self.objects.clone().and(baseline::objects()?))
    }
}

/// The claims of one subject: every question, with the answer of its tier, to be asked of one oracle.
#[must_use]
pub fn claims(
    release: &str,
    subject: &Subject,
    expectation: &Expectation<'_>,
    questions: &[Question],
    oracle: &'static str,
) -> Vec<Claim<Question, Access>> {
    let account = subject
        .user
        .rsplit_once("serviceaccount:")
        .map_or(subject.user.as_str(), |(_, name)| name);
    questions
        .iter()
        .map(|question| {
            let place = question.namespace().unwrap_or("*");
            Claim {
                id: format!("{release}/{account}/{place}/{question}"),
                subject: subject.user.clone(),
                oracle,
                expected: expectation.of(question),
                question: question.clone(),
            }
        })
        .collect()
}

/// The name of the oracle that decides in process.
pub const IN_PROCESS: &str = "rendered objects";

/// Asks the objects themselves; the evidence of what they allow is the rule, the binding and the line.
#[must_use]
pub fn ask_objects(objects: &Objects, subject: &Subject, question: &Question) -> Observation<Access> {
    let grant = evaluate(objects, subject, question);
    Observation::Answered {
        answer: grant.is_some().into(),
        evidence: grant.map_or("no rule allows it".into(), |grant| grant.evidence()),
    }
}
