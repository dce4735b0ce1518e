use super::*;
use rstest::rstest;

fn facts(mode: u16, head: &[u8]) -> Facts {
    let mut facts = Facts {
        mode: Some(mode),
        is_noexec: false,
        head: [0; HEAD_SIZE],
        head_size: head.len(),
    };
    facts.head[..head.len()].copy_from_slice(head);
    facts
}

fn nothing() -> Facts {
    Facts {
        mode: None,
        ..facts(0, b"")
    }
}

fn elf(machine: u16) -> Vec<u8> {
    let mut head = vec![0; 64];
    head[..4].copy_from_slice(b"\x7fELF");
    head[18..20].copy_from_slice(&machine.to_le_bytes());
    head
}

const FILE: u16 = 0o100_755;

#[rstest]
#[case::absent(2, nothing(), Reason::NotFound)]
#[case::behind_a_file(20, nothing(), Reason::NotFound)]
#[case::too_long(36, nothing(), Reason::NotFound)]
#[case::directory(13, facts(0o040_755, b""), Reason::Directory)]
#[case::no_bit(13, facts(0o100_644, b"#!/bin/sh\n"), Reason::NoExecuteBit)]
#[case::noexec(13, Facts { is_noexec: true, ..facts(FILE, b"") }, Reason::NoExecMount)]
#[case::not_ours(13, facts(0o100_700, b""), Reason::NotPermitted)]
#[case::not_even_seen(13, nothing(), Reason::NotPermitted)]
#[case::no_interpreter(2, facts(FILE, b"#!/no/such -x\n"), Reason::NoInterpreter)]
#[case::no_loader(2, facts(FILE, &elf(sys::ELF_MACHINE)), Reason::NoLoader)]
#[case::other_machine(8, facts(FILE, &elf(243)), Reason::OtherMachine(243))]
#[case::broken(8, facts(FILE, &elf(sys::ELF_MACHINE)), Reason::Other(Errno(8)))]
#[case::empty(8, facts(FILE, b""), Reason::Empty)]
#[case::text(8, facts(FILE, b"echo hello\n"), Reason::NoShebang)]
#[case::busy(26, facts(FILE, b""), Reason::Other(Errno(26)))]
fn reason(#[case] errno: i32, #[case] facts: Facts, #[case] expected: Reason) {
    assert_eq!(Reason::of(Errno(errno), &facts), expected);
}

#[rstest]
#[case(Reason::NotFound, c"claud", 127, "claud: not found in any directory of PATH")]
#[case(Reason::NotFound, c"/no", 127, "/no: not found")]
#[case(Reason::Directory, c"/etc", 126, "/etc: cannot be executed: it is a directory")]
#[case(
    Reason::NoExecuteBit,
    c"/x",
    126,
    "/x: cannot be executed: nobody may execute it (chmod +x)"
)]
#[case(
    Reason::NoExecMount,
    c"/x",
    126,
    "/x: cannot be executed: it is on a mount with noexec"
)]
#[case(
    Reason::NotPermitted,
    c"/x",
    126,
    "/x: cannot be executed: permission denied for this user, on the way to it or of its interpreter"
)]
#[case(
    Reason::NoInterpreter,
    c"run.sh",
    126,
    "run.sh: cannot be executed: its interpreter does not exist: /no/such -x"
)]
#[case(
    Reason::NoLoader,
    c"/x",
    126,
    "/x: cannot be executed: its ELF loader does not exist (it was built for another system)"
)]
#[case(Reason::Empty, c"/x", 126, "/x: cannot be executed: it is empty")]
#[case(
    Reason::NoShebang,
    c"/x",
    126,
    "/x: cannot be executed: not a program, and no script that begins with #!"
)]
#[case(
    Reason::Other(Errno(26)),
    c"/x",
    126,
    "/x: cannot be executed: the file is being written"
)]
fn exit_code_and_sentence(#[case] reason: Reason, #[case] program: &CStr, #[case] status: u8, #[case] sentence: &str) {
    let facts = facts(FILE, b"#!/no/such -x\r\necho\n");
    assert_eq!(reason.status(), status);
    assert_eq!(
        String::from_utf8_lossy(reason.message(program, &facts).line()),
        format!("box-init: {sentence}\n")
    );
}

#[test]
fn another_machine_is_named_and_so_is_this_one() {
    let mut message = Reason::OtherMachine(243).message(c"/x", &nothing());
    let sentence = String::from_utf8_lossy(message.line()).into_owned();
    let name = |machine| {
        Message::bare()
            .part(machine_name(machine))
            .line()
            .trim_ascii_end()
            .to_vec()
    };
    let here = String::from_utf8(name(sys::ELF_MACHINE)).expect("a text is of ASCII characters");
    assert_eq!(
        sentence,
        format!("box-init: /x: cannot be executed: it is a program for RISC-V (riscv64), and this machine is {here}\n")
    );
    assert_eq!(name(0), b"another architecture");
    assert_ne!(here.as_bytes(), name(0));
}
