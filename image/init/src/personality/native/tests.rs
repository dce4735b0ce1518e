use super::*;
use crate::process::tests::Words;
use rstest::rstest;

fn program(program_index: usize) -> Result<Command, UsageError<'static>> {
    run(program_index, false, GRACE_SECONDS_DEFAULT)
}

fn run(program_index: usize, to_group: bool, grace_seconds: u32) -> Result<Command, UsageError<'static>> {
    Ok(Command::Run(Run {
        program_index,
        to_group,
        grace_seconds,
    }))
}

#[rstest]
#[case(&[c"box-init", c"true"], program(1))]
#[case(&[c"box-init", c"sh", c"--help"], program(1))]
#[case(&[c"box-init", c"--", c"true"], program(2))]
#[case(&[c"box-init", c"--", c"--help"], program(2))]
#[case(&[c"box-init", c"--", c"--", c"true"], program(2))]
#[case(&[c"box-init", c"--", c"-"], program(2))]
#[case(&[c"box-init", c""], program(1))]
#[case(&[c"box-init", c"-g", c"true"], run(2, true, 25))]
#[case(&[c"box-init", c"--group", c"--grace", c"0", c"--", c"true"], run(5, true, 0))]
#[case(&[c"box-init", c"--grace=86400", c"true"], run(2, false, 86_400))]
#[case(&[c"box-init", c"health"], Ok(Command::Health))]
#[case(&[c"box-init", c"health", c"now"], program(1))]
#[case(&[c"box-init", c"--", c"health"], program(2))]
#[case(&[c"box-init", c"--as", c"tini", c"-g", c"true"], Ok(Command::As(Personality::Tini, 3)))]
#[case(&[c"box-init", c"--as=dumb-init"], Ok(Command::As(Personality::DumbInit, 2)))]
#[case(&[c"box-init", c"--help"], Ok(Command::Help))]
#[case(&[c"box-init", c"--version", c"true"], Ok(Command::Version))]
#[case(&[c"box-init", c"-x", c"true"], Err(UsageError::UnknownOption(c"-x")))]
#[case(&[c"box-init", c"-gx", c"true"], Err(UsageError::UnknownOption(c"-gx")))]
#[case(&[c"box-init", c"--hel"], Err(UsageError::UnknownOption(c"--hel")))]
#[case(&[c"box-init", c"-"], Err(UsageError::UnknownOption(c"-")))]
#[case(&[c"box-init", c"--help=me"], Err(UsageError::UnwantedValue("help")))]
#[case(&[c"box-init", c"--grace"], Err(UsageError::NoValue("grace")))]
#[case(&[c"box-init", c"--grace", c"5s", c"true"], Err(UsageError::WrongGrace(b"5s")))]
#[case(&[c"box-init", c"--grace=", c"true"], Err(UsageError::WrongGrace(b"")))]
#[case(&[c"box-init", c"--grace=-1", c"true"], Err(UsageError::WrongGrace(b"-1")))]
#[case(&[c"box-init", c"--grace=86401", c"true"], Err(UsageError::WrongGrace(b"86401")))]
#[case(&[c"box-init", c"--as", c"systemd"], Err(UsageError::WrongName(b"systemd")))]
#[case(&[c"box-init", c"--"], Err(UsageError::NoProgram))]
#[case(&[c"box-init", c"-g"], Err(UsageError::NoProgram))]
#[case(&[c"box-init"], Err(UsageError::NoProgram))]
#[case(&[], Err(UsageError::NoProgram))]
fn command_line(#[case] arguments: &[&CStr], #[case] expected: Result<Command, UsageError>) {
    let words = Words::new(arguments);
    assert_eq!(parse(&words.process()), expected);
}

#[rstest]
#[case(UsageError::NoProgram, "no program to start")]
#[case(UsageError::UnknownOption(c"-x"), "unknown option -x")]
#[case(UsageError::NoValue("grace"), "--grace wants a value")]
#[case(UsageError::UnwantedValue("help"), "--help takes no value")]
#[case(
    UsageError::WrongGrace(b"5s"),
    "--grace wants whole seconds from 0 to 86400, not '5s'"
)]
#[case(
    UsageError::WrongName(b"s6"),
    "--as knows tini, docker-init, dumb-init and tini-minimal, not 's6'"
)]
fn sentence(#[case] error: UsageError, #[case] expected: &str) {
    let usage = "; usage: box-init [OPTION...] [--] PROGRAM [ARGUMENT...], see box-init --help\n";
    assert_eq!(
        error.message().line(),
        format!("box-init: {expected}{usage}").as_bytes()
    );
}

#[test]
fn help_fits_a_screen() {
    assert!(HELP.lines().count() <= 24);
    assert!(HELP.lines().all(|line| line.len() <= 80));
}
