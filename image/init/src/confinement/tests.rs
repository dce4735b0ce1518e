//! The filters of all three architectures, run by an evaluator of the few instructions that they are made of.

use super::*;
use rstest::rstest;

/// What the kernel would do: true to let a call pass.
fn passes(filter: &[FilterInstruction], architecture: u32, number: u32, third: u32) -> bool {
    let mut accumulator = 0;
    let mut place = 0;
    loop {
        let it = filter[place];
        place += 1;
        let holds = match it.code {
            LOAD => {
                accumulator = match it.operand {
                    OFFSET_NUMBER => number,
                    OFFSET_ARCHITECTURE => architecture,
                    OFFSET_OPEN_FLAGS => third,
                    other => panic!("nothing is read at {other}"),
                };
                continue;
            }
            RETURN => return it.operand == ALLOW,
            JUMP_IF_EQUAL => accumulator == it.operand,
            JUMP_IF_ANY_BIT => accumulator & it.operand != 0,
            other => panic!("no such instruction: {other:#x}"),
        };
        place += usize::from(if holds { it.skip_if } else { it.skip_else });
    }
}

const ARCHITECTURE: u32 = 0xc000_003e;
const OPEN: u32 = 257;

/// Any numbers will do: the filter is the same on each architecture but for them.
const CALLS: [u32; PLAIN] = {
    let mut calls = [0; PLAIN];
    let mut index = 0;
    while index < PLAIN {
        calls[index] = 3 * index as u32;
        index += 1;
    }
    calls
};

#[test]
fn what_is_listed_passes_and_nothing_else() {
    let filter = filter(ARCHITECTURE, OPEN, CALLS);
    for number in 0..600 {
        let expected = CALLS.contains(&number) || number == OPEN;
        assert_eq!(passes(&filter, ARCHITECTURE, number, 0), expected, "call {number}");
        assert!(
            !passes(&filter, 0x4000_0003, number, 0),
            "call {number} of another architecture"
        );
    }
    // x32's numbers have a bit of their own.
    assert!(!passes(&filter, ARCHITECTURE, 0x4000_0000, 0));
}

#[rstest]
#[case::reading(0o2_000_000, true)]
#[case::a_directory(0o2_200_000, true)]
#[case::writing(0o1, false)]
#[case::both(0o2, false)]
#[case::making(0o100, false)]
#[case::cutting(0o1000, false)]
fn opening_is_for_reading(#[case] flags: u32, #[case] expected: bool) {
    let filter = filter(ARCHITECTURE, OPEN, CALLS);
    assert_eq!(passes(&filter, ARCHITECTURE, OPEN, flags), expected);
}

/// Of this architecture, by the names that they have there.
#[cfg(target_arch = "x86_64")]
#[rstest]
#[case::execve(59)]
#[case::fork(57)]
#[case::clone(56)]
#[case::connect(42)]
#[case::socket(41)]
#[case::mount(165)]
#[case::ptrace(101)]
#[case::mmap(9)]
#[case::prctl(157)]
#[case::bpf(321)]
#[case::openat2(437)]
#[case::open(2)]
fn what_an_init_never_needs_is_refused(#[case] number: u32) {
    assert!(!passes(&FILTER, ARCHITECTURE, number, 0));
}
