//! Reviews through kubectl: many questions a client, several clients at a time.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::access::account::not_probed;
use crate::access::form::{self, OwnRules};
use crate::access::question::{Access, Question};
use crate::cluster::kubectl::Kubectl;
use crate::engine::cell::Observation;

/// How many questions one kubectl asks.
const BATCH: usize = 400;

/// How many clients ask at a time.
const CLIENTS: usize = 4;

/// How long a batch may take.
const BATCH_MAX: Duration = Duration::from_secs(60);

/// Asks every question, many at a time.
pub(super) fn reviews(kubectl: &Kubectl, questions: &[Question]) -> BTreeMap<Question, Observation<Access>> {
    let batches: Vec<&[Question]> = questions.chunks(BATCH).collect();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let own = batches
                    .iter()
                    .copied()
                    .skip(client)
                    .step_by(CLIENTS)
                    .collect::<Vec<_>>();
                scope.spawn(move || {
                    own.into_iter()
                        .flat_map(|batch| ask(kubectl, batch))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        // What a thread that panicked did not answer is missed by whoever asked.
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap_or_default())
            .collect()
    })
}

/// One kubectl's questions; a line of answer for each.
fn ask(kubectl: &Kubectl, batch: &[Question]) -> Vec<(Question, Observation<Access>)> {
    let texts: Vec<String> = batch
        .iter()
        .map(|question| form::own_review(question).to_string())
        .collect();
    let words = [
        "create",
        "--validate=false",
        "--filename=-",
        "--output=jsonpath={.status.allowed}{\"\\t\"}{.status.evaluationError}{\"\\t\"}{.status.reason}{\"\\n\"}",
    ];
    let answers = match kubectl.stream(&words, &texts.join("\n---\n"), BATCH_MAX) {
        Ok(text) => text,
        Err(error) => {
            let cause = format!("the review was not answered: {error}");
            return batch
                .iter()
                .map(|question| (question.clone(), not_probed(&cause)))
                .collect();
        }
    };
    // The first line's tabs are the last one's too: only blanks at the ends are trimmed.
    let lines: Vec<&str> = answers.lines().collect();
    batch
        .iter()
        .enumerate()
        .map(|(number, question)| {
            let observation = match lines.get(number) {
                Some(line) if lines.len() == batch.len() => answer(line),
                _ => not_probed(&format!("{} questions got {} answers", batch.len(), lines.len())),
            };
            (question.clone(), observation)
        })
        .collect()
}

fn answer(line: &str) -> Observation<Access> {
    let mut parts = line.split('\t');
    let allowed = match parts.next() {
        Some("true") => json!(true),
        Some("false") => json!(false),
        _ => Value::Null,
    };
    let (error, reason) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    form::judge(&json!({ "allowed": allowed, "evaluationError": error, "reason": reason }))
}

pub(super) fn own_rules(kubectl: &Kubectl, namespace: &str) -> Result<OwnRules, String> {
    let review = form::own_rules_review(namespace).to_string();
    let words = ["create", "--validate=false", "--filename=-", "--output=json"];
    let text = kubectl
        .read_with(&words, &review)
        .map_err(|error| format!("the rules for {namespace} were not listed: {error}"))?;
    let review = serde_json::from_str(&text)
        .map_err(|error| format!("the list of rules for {namespace} cannot be read: {error}"))?;
    OwnRules::read(review, namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_an_answer_is_no_denial() {
        let is = |line: &str| match answer(line) {
            Observation::Answered { answer, .. } => Some(answer),
            Observation::NotProbed { .. } => None,
        };
        assert_eq!(is("true\t\tRBAC: allowed by x"), Some(Access::Allowed));
        assert_eq!(is("false\t\t"), Some(Access::Denied));
        assert_eq!(is("false"), Some(Access::Denied));
        assert_eq!(is("false\tclusterrole not found\t"), None);
        assert_eq!(is(""), None);
    }
}
