//! What is known of each finding as an OpenVEX document, version 0.2.0, which scanners read beside an SBOM. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Exception, Finding};

/// OpenVEX's own name for the format.
const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

/// The image, whatever its version (package URL, type `oci`).
pub(crate) const IMAGE: &str = "pkg:oci/claude-in-a-box";

/// Answers that say why a finding does not concern the image, as OpenVEX's `justification` has them; any other answer says what
/// is done about one that does.
const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

/// The document about these products (package URLs), as of a time in RFC 3339's form. The same findings give the same document.
pub(super) fn document(findings: &[Finding], products: &[String], time: &str) -> Value {
    let statements: Vec<Value> = findings.iter().map(|finding| statement(finding, products)).collect();
    let id = identity(&format!("{time}{}", Value::from(statements.clone())));
    json!({
        "@context": CONTEXT,
        "@id": id,
        "author": "Claude in a Box",
        "timestamp": time,
        "version": 1,
        "tooling": concat!("cbox ", env!("CARGO_PKG_VERSION")),
        "statements": statements,
    })
}

fn statement(finding: &Finding, products: &[String]) -> Value {
    let component = json!({ "@id": purl(&finding.module, &finding.version) });
    let products: Vec<Value> = products
        .iter()
        .map(|product| json!({ "@id": product, "subcomponents": [component] }))
        .collect();
    let mut statement = json!({
        "vulnerability": {
            "name": finding.advisory,
            "description": finding.summary,
            "aliases": finding.aliases,
        },
        "products": products,
    });
    let said = match (&finding.exception, &finding.fixed) {
        (Some(Exception { justification, reason }), _) if JUSTIFICATIONS.contains(&justification.as_str()) => json!({
            "status": "not_affected",
            "justification": justification,
            "impact_statement": reason,
        }),
        (Some(Exception { reason, .. }), _) => json!({ "status": "affected", "action_statement": reason }),
        (None, Some(fixed)) => json!({
            "status": "affected",
            "action_statement": format!("Take an image with {} {fixed} or newer.", finding.module),
        }),
        // Nobody has said whether the program comes to the code.
        (None, None) => json!({ "status": "under_investigation" }),
    };
    if let (Value::Object(statement), Value::Object(said)) = (&mut statement, said) {
        statement.extend(said);
    }
    statement
}

/// A Go module's package URL, as the image's SBOMs have it: the type's names are in small letters.
fn purl(module: &str, version: &str) -> String {
    format!("pkg:golang/{}@{}", module.to_lowercase(), version.replace('+', "%2B"))
}

/// A UUID made of a digest: RFC 9562, version 8.
fn identity(text: &str) -> String {
    let mut bytes: Vec<u8> = Sha256::digest(text.as_bytes()).iter().take(16).copied().collect();
    for (at, keep, set) in [(6, 0x0f, 0x80), (8, 0x3f, 0x80)] {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = (*byte & keep) | set;
        }
    }
    let mut id = "urn:uuid:".to_owned();
    for (at, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            id.push('-');
        }
        // Writing into a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(fixed: Option<&str>, answer: Option<(&str, &str)>) -> Finding {
        Finding {
            advisory: "GO-1".to_owned(),
            aliases: vec!["CVE-1".to_owned()],
            summary: "It fails".to_owned(),
            module: "example.org/Module".to_owned(),
            version: "v1.0.0+incompatible".to_owned(),
            fixed: fixed.map(str::to_owned),
            programs: Vec::new(),
            exception: answer.map(|(justification, reason)| Exception {
                justification: justification.to_owned(),
                reason: reason.to_owned(),
            }),
        }
    }

    fn said(finding: Finding) -> Value {
        let document = document(&[finding], &[IMAGE.to_owned()], "2026-01-01T00:00:00Z");
        let mut statement = document["statements"][0].clone();
        for key in ["vulnerability", "products"] {
            statement.as_object_mut().unwrap().remove(key);
        }
        statement
    }

    #[test]
    fn each_answer_has_its_status() {
        assert_eq!(
            said(finding(
                Some("1.1.0"),
                Some(("vulnerable_code_not_present", "Not imported."))
            )),
            json!({ "status": "not_affected", "justification": "vulnerable_code_not_present", "impact_statement": "Not imported." })
        );
        assert_eq!(
            said(finding(
                Some("1.1.0"),
                Some(("fix_not_available", "It does not compile."))
            )),
            json!({ "status": "affected", "action_statement": "It does not compile." })
        );
        assert_eq!(
            said(finding(Some("1.1.0"), None)),
            json!({ "status": "affected", "action_statement": "Take an image with example.org/Module 1.1.0 or newer." })
        );
        assert_eq!(said(finding(None, None)), json!({ "status": "under_investigation" }));
    }

    #[test]
    fn the_same_findings_give_the_same_document() {
        let of = |time| document(&[finding(None, None)], &[IMAGE.to_owned()], time);
        let one = of("2026-01-01T00:00:00Z");
        assert_eq!(one, of("2026-01-01T00:00:00Z"));
        assert_ne!(one["@id"], of("2026-01-01T00:00:01Z")["@id"]);
        let id = one["@id"].as_str().unwrap();
        assert_eq!((id.len(), &id[23..24]), ("urn:uuid:".len() + 36, "8"), "{id}");
        assert_eq!(
            one["statements"][0]["products"],
            json!([{ "@id": IMAGE, "subcomponents": [{ "@id": "pkg:golang/example.org/module@v1.0.0%2Bincompatible" }] }])
        );
    }
}
