//! The program's end is ours.

use crate::world::{init_script, run};

#[test]
fn all_exit_codes_are_passed_on() {
    for code in 0..=255 {
        assert_eq!(run(init_script(&format!("exit {code}"))).code, code);
    }
}

#[test]
fn a_signal_becomes_128_and_its_number() {
    for signal in [1, 2, 3, 6, 9, 10, 11, 12, 13, 14, 15, 34, 64] {
        assert_eq!(
            run(init_script(&format!("ulimit -c 0; kill -{signal} $$"))).code,
            128 + signal
        );
    }
}

#[test]
fn the_end_of_an_orphan_is_not_ours() {
    // The shell between makes an orphan that ends first, with another code.
    let ended = run(init_script("(sh -c 'echo orphan; exit 3' &) | read -r line; exit 4"));
    assert_eq!(ended.code, 4);
}
