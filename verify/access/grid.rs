//! The whole table at once, for many variants of the objects: a rule's answers to all questions are computed once, and a
//! subject's are their union. It says no more than `evaluate`, only sooner.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::access::evaluate::{allows, rules_for};
use crate::access::expectation::Expectation;
use crate::access::object::{Objects, Rule};
use crate::access::question::{Access, Question, Subject};

/// One bit a question.
type Bits = Vec<u64>;

/// Questions without their places, and which of them are asked where.
#[derive(Debug)]
pub struct Grid {
    /// Each question once, in no namespace.
    shapes: Vec<Question>,
    /// Each namespace, or none, with the questions that are asked there.
    places: Vec<(Option<String>, Bits)>,
    /// The answers of each rule that was seen.
    memory: RefCell<HashMap<Rule, Rc<Bits>>>,
}

/// What must hold for a subject: a row of the grid for each place.
#[derive(Debug)]
pub struct Row {
    subject: Subject,
    expected: Vec<Bits>,
}

/// A cell in which objects and expectation differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Who.
    pub subject: Subject,
    /// What and where.
    pub question: Question,
    /// What the objects say; the expectation says the opposite.
    pub observed: Access,
}

impl Grid {
    /// A grid of these questions.
    #[must_use]
    pub fn new(questions: &[Question]) -> Self {
        let shapes: BTreeSet<Question> = questions
            .iter()
            .map(|question| with_namespace(question, None))
            .collect();
        let shapes: Vec<Question> = shapes.into_iter().collect();
        let positions: BTreeMap<&Question, usize> = shapes.iter().zip(0..).collect();
        let mut places: BTreeMap<Option<String>, Bits> = BTreeMap::new();
        for question in questions {
            let asked = places
                .entry(question.namespace().map(str::to_owned))
                .or_insert_with(|| vec![0; shapes.len().div_ceil(64)]);
            if let Some(position) = positions.get(&with_namespace(question, None)) {
                set(asked, *position);
            }
        }
        let places = places.into_iter().collect();
        let memory = RefCell::default();
        Self { shapes, places, memory }
    }

    /// What must hold for a subject.
    #[must_use]
    pub fn row(&self, subject: Subject, expectation: &Expectation<'_>) -> Row {
        let expected = self.places.iter().map(|(namespace, asked)| {
            let mut bits = vec![0; asked.len()];
            for (position, shape) in self.shapes.iter().enumerate() {
                let question = with_namespace(shape, namespace.as_deref());
                if has(asked, position) && expectation.of(&question) == Access::Allowed {
                    set(&mut bits, position);
                }
            }
            bits
        });
        let expected = expected.collect();
        Row { subject, expected }
    }

    /// The first cell in which objects do not grant what must hold.
    #[must_use]
    pub fn difference(&self, objects: &Objects, rows: &[Row]) -> Option<Difference> {
        rows.iter().find_map(|row| {
            self.places
                .iter()
                .zip(&row.expected)
                .find_map(|((namespace, asked), expected)| {
                    let observed = self.observed(objects, &row.subject, namespace.as_deref());
                    let differs = |position: &usize| {
                        has(asked, *position) && has(&observed, *position) != has(expected, *position)
                    };
                    let position = (0..self.shapes.len()).find(differs)?;
                    Some(Difference {
                        subject: row.subject.clone(),
                        question: with_namespace(self.shapes.get(position)?, namespace.as_deref()),
                        observed: has(&observed, position).into(),
                    })
                })
        })
    }

    fn observed(&self, objects: &Objects, subject: &Subject, namespace: Option<&str>) -> Bits {
        let mut union = vec![0; self.shapes.len().div_ceil(64)];
        for applied in rules_for(objects, subject, namespace) {
            for (word, of_rule) in union.iter_mut().zip(self.answers(applied.rule).iter()) {
                *word |= of_rule;
            }
        }
        union
    }

    fn answers(&self, rule: &Rule) -> Rc<Bits> {
        if let Some(known) = self.memory.borrow().get(rule) {
            return Rc::clone(known);
        }
        let mut bits = vec![0; self.shapes.len().div_ceil(64)];
        for (position, shape) in self.shapes.iter().enumerate() {
            if allows(rule, shape).is_some() {
                set(&mut bits, position);
            }
        }
        let bits = Rc::new(bits);
        self.memory.borrow_mut().insert(rule.clone(), Rc::clone(&bits));
        bits
    }
}

fn set(bits: &mut Bits, position: usize) {
    if let Some(word) = bits.get_mut(position / 64) {
        *word |= 1 << (position % 64);
    }
}

fn has(bits: &Bits, position: usize) -> bool {
    bits.get(position / 64)
        .is_some_and(|word| word >> (position % 64) & 1 == 1)
}

fn with_namespace(question: &Question, place: Option<&str>) -> Question {
    let mut question = question.clone();
    if let Question::Resource { namespace, .. } = &mut question {
        *namespace = place.map(str::to_owned);
    }
    question
}
