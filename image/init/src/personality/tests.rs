//! The three command lines: by property, because whatever is typed must lead to a plan or to an answer.

use super::*;
use crate::getopt::tests::arguments;
use crate::machine::{Ending, Target};
use crate::plan::Plan;
use crate::process::tests::Words;
use proptest::prelude::*;
use rstest::rstest;
use std::ffi::{CStr, CString};

#[rstest]
#[case(c"/usr/bin/tini", Some(Personality::Tini))]
#[case(c"docker-init", Some(Personality::Tini))]
#[case(c"./dumb-init", Some(Personality::DumbInit))]
#[case(c"/sbin/box-init", Some(Personality::Native))]
#[case(c"/tini/init", None)]
#[case(c"", None)]
fn a_name_makes_the_init(#[case] called: &CStr, #[case] expected: Option<Personality>) {
    assert_eq!(Personality::from_name(base_name(called.to_bytes())), expected);
}

#[rstest]
#[case("15:12", Some((15, ":12")))]
#[case(" +3x", Some((3, "x")))]
#[case("\x0b\t-1", Some((-1, "")))]
#[case("99999999999999999999", Some((i64::MAX, "")))]
#[case("", None)]
#[case("-", None)]
#[case("x1", None)]
fn numbers(#[case] text: &str, #[case] expected: Option<(i64, &str)>) {
    let expected = expected.map(|(number, rest)| (number, rest.as_bytes()));
    assert_eq!(number::leading(text.as_bytes()), expected);
}

fn tini(words: &[&CStr], environment: tini::Environment, is_minimal: bool) -> Option<Plan> {
    let words = Words::new(words);
    tini::parse(words.process().arguments_after(1), environment, is_minimal).ok()
}

fn dumb_init(words: &[&CStr], is_single: bool) -> Option<Plan> {
    let words = Words::new(words);
    let environment = dumb_init::Environment {
        is_debugging: false,
        is_single,
    };
    dumb_init::parse(words.process().arguments_after(1), environment).ok()
}

#[test]
fn tini_reads_its_options_and_its_environment() {
    let words = [
        c"tini", c"-gvv", c"-e", c"143", c"-e0", c"-p", c"SIGUSR1", c"--", c"sh", c"-v",
    ];
    let plan = tini(&words, tini::Environment::default(), false).expect("it is right");
    assert_eq!(plan.program_index, 8);
    assert_eq!(plan.policy.target, Target::Group);
    assert_eq!(plan.policy.pardoned, [1, 0, 0, 0, 1 << 15, 0, 0, 0]);
    assert_eq!(plan.parent_death_signal, 10);
    assert!(!plan.is_subreaper);
    let environment = tini::Environment {
        subreaper: true,
        kill_process_group: true,
        verbosity: Some(c"3"),
    };
    let plan = tini(&[c"tini", c"sh"], environment, false).expect("it is right");
    assert!(plan.is_subreaper && plan.policy.target == Target::Group);
}

#[rstest]
#[case(&[c"tini"], tini::Answer::NoProgram)]
#[case(&[c"tini", c"--version"], tini::Answer::Version)]
#[case(&[c"tini", c"-l"], tini::Answer::License)]
#[case(&[c"tini", c"-e", c"256", c"sh"], tini::Answer::WrongCode(b"256"))]
#[case(&[c"tini", c"-e", c"1x", c"sh"], tini::Answer::WrongCode(b"1x"))]
#[case(&[c"tini", c"-p", c"TERM", c"sh"], tini::Answer::WrongSignal(b"TERM"))]
fn tini_answers(#[case] words: &[&CStr], #[case] expected: tini::Answer) {
    let words = Words::new(words);
    let process = words.process();
    let answer = tini::parse(process.arguments_after(1), tini::Environment::default(), false);
    assert_eq!(answer, Err(expected));
}

#[test]
fn minimal_tini_has_no_options() {
    let words = [c"tini", c"-s", c"--"];
    let plan = tini(&words, tini::Environment::default(), true).expect("it is right");
    assert_eq!(plan.program_index, 1);
}

#[test]
fn dumb_init_reads_its_options() {
    let words = [
        c"dumb-init",
        c"-r",
        c"15:3",
        c"--rewrite=20:1",
        c"-r28: 0 and more",
        c"sh",
    ];
    let plan = dumb_init(&words, false).expect("it is right");
    assert_eq!(plan.program_index, 5);
    assert_eq!(plan.policy.target, Target::Group);
    assert_eq!(plan.policy.ending, Ending::TermGroup);
    let rewritten: Vec<u32> = [15, 20, 21, 22, 28, 2]
        .map(|signal| plan.policy.rewritten(signal))
        .into();
    assert_eq!(rewritten, [3, 1, 19, 19, 0, 2]);
    let plan = dumb_init(&[c"dumb-init", c"-c", c"sh"], false);
    let policy = plan.expect("it is right").policy;
    assert_eq!((policy.target, policy.rewritten(20)), (Target::Child, 20));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_is_a_plan_or_an_answer(typed in arguments(), minimal in any::<bool>(), single in any::<bool>()) {
        let called = CString::default();
        let words: Vec<&CStr> = std::iter::once(&called).chain(&typed).map(CString::as_c_str).collect();
        let within = |index: usize| (1..words.len()).contains(&index);
        let held = Words::new(&words);
        let process = held.process();
        match native::parse(&process) {
            Ok(native::Command::Run(run)) => prop_assert!(within(run.program_index) && run.grace_seconds <= 86_400),
            Ok(native::Command::As(_, first)) => prop_assert!(first >= 2 && first <= words.len()),
            Ok(_) => {}
            Err(error) => prop_assert!(error.message().line().starts_with(b"box-init: ")),
        }
        if let Some(plan) = tini(&words, tini::Environment::default(), minimal) {
            prop_assert!(within(plan.program_index) && (!minimal || plan.program_index == 1));
        }
        if let Some(plan) = dumb_init(&words, single) {
            prop_assert!(within(plan.program_index));
            prop_assert!((1..64).all(|signal| plan.policy.rewritten(signal) <= 63));
            prop_assert!(!single || plan.policy.target == Target::Child);
        }
    }

    /// `sscanf` takes a pair and minds neither spaces before a number nor what follows.
    #[test]
    fn pairs_of_signals(signal in -1i32..40, other in -1i32..40, tail in "[a-z :]{0,3}") {
        let text = CString::new(format!("-r {signal}: {other}{tail}")).unwrap_or_default();
        let words = [c"dumb-init", text.as_c_str(), c"sh"];
        let plan = dumb_init(&words, true);
        let is_right = (1..=31).contains(&signal) && (0..=31).contains(&other);
        prop_assert_eq!(plan.is_some(), is_right);
        if let Some(plan) = plan {
            prop_assert_eq!(plan.policy.rewritten(signal as u32), other as u32);
        }
    }
}
