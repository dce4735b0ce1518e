//! Objects of YAML documents, with the line of each of their parts. Pure.
//!
//! Rules look at plain values and name a part by its JSON pointer (RFC 6901); the line is looked up when a report wants it. So
//! a mistake can be put into the values, and everything that judges them goes on as before.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use crate::chart::ChartError;

/// An object and its lines.
#[derive(Clone, Debug, Default)]
pub struct Lined {
    /// The object.
    pub value: Value,
    /// The line of each part, by its pointer; counted from one.
    pub lines: BTreeMap<String, u64>,
}

impl Lined {
    /// The line of a part; of one that is not there, the line of what should hold it.
    #[must_use]
    pub fn line(&self, pointer: &str) -> Option<u64> {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.lines.get(pointer) {
                return Some(*line);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

/// The objects of YAML documents; empty documents are left out.
///
/// # Errors
///
/// When it is no YAML.
pub fn objects(yaml: &str) -> Result<Vec<Lined>, ChartError> {
    let documents: Vec<Spanned<Node>> = serde_saphyr::from_multiple(yaml).map_err(Box::new)?;
    let objects = documents.into_iter().map(|document| {
        let mut lines = BTreeMap::from([(String::new(), document.referenced.line())]);
        let value = document.value.plain("", &mut lines);
        Lined { value, lines }
    });
    Ok(objects.filter(|object| !object.value.is_null()).collect())
}

/// A key as a part of a pointer.
#[must_use]
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value with the lines of what it holds.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    fn plain(self, pointer: &str, lines: &mut BTreeMap<String, u64>) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(items) => {
                let items = items.into_iter().enumerate().map(|(position, item)| {
                    let pointer = format!("{pointer}/{position}");
                    lines.insert(pointer.clone(), item.referenced.line());
                    item.value.plain(&pointer, lines)
                });
                Value::Array(items.collect())
            }
            Self::Map(entries) => {
                let entries = entries.into_iter().map(|(key, node)| {
                    let pointer = format!("{pointer}/{}", escaped(&key.value));
                    lines.insert(pointer.clone(), key.referenced.line());
                    (key.value, node.plain(&pointer, lines))
                });
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value of YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Node, D::Error> {
        Node::deserialize(input)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = input.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = input.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "---\n# nothing\n---\nkind: A\nspec:\n  list:\n    - name: one\n      on: true\n    - [1, two]\n---\nkind: B\n";

    #[test]
    fn every_part_has_its_line() {
        let found = objects(TEXT).expect("it is YAML");
        assert_eq!(
            found[0].value,
            serde_json::json!({"kind": "A", "spec": {"list": [{"name": "one", "on": true}, [1, "two"]]}})
        );
        let check = |object: usize, pointer: &str, line: u64| {
            assert_eq!(found[object].line(pointer), Some(line), "{pointer}");
        };
        check(0, "/kind", 4);
        check(0, "/spec/list/0/on", 8);
        check(0, "/spec/list/1/1", 9);
        check(1, "/kind", 11);
    }

    #[test]
    fn what_is_missing_is_where_it_should_be() {
        let found = objects(TEXT).expect("it is YAML");
        assert_eq!(found[0].line("/spec/list/0/off/deeper"), Some(7));
        assert_eq!(found[0].line("/status"), Some(4));
    }

    #[test]
    fn the_values_are_those_that_are_read_without_lines() {
        let with: Vec<Value> = objects(TEXT)
            .expect("it is YAML")
            .into_iter()
            .map(|object| object.value)
            .collect();
        assert_eq!(with, crate::chart::objects(TEXT).expect("it is YAML"));
    }
}
