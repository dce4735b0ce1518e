//! Help is for a screen: of every command it is seen at once.

use std::process::Command;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use crate::arguments::Arguments;

/// A small terminal's lines, with room for a prompt and what was typed.
const LINES_MAX: usize = 40;
/// Its columns.
const COLUMNS_MAX: usize = 100;

/// Every command, as it is typed.
fn all(command: &clap::Command, name: &str, found: &mut Vec<String>) {
    found.push(name.to_owned());
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        all(below, &format!("{name} {}", below.get_name()), found);
    }
}

#[test]
fn the_help_of_every_command_fits_a_screen() {
    let mut commands = Vec::new();
    all(&Arguments::command(), "cbox", &mut commands);
    assert!(commands.len() > 30, "{} commands", commands.len());
    let mut wrong = Vec::new();
    for name in commands {
        let words = name.split(' ').chain(["--help"]);
        let help = Arguments::try_parse_from(words)
            .expect_err("help ends the command")
            .to_string();
        let lines = help.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{name} --help has {lines} lines:\n{help}"));
        }
        let wide = help.lines().filter(|line| line.chars().count() > COLUMNS_MAX);
        wrong.extend(wide.map(|line| format!("{name} --help has a line of {}: {line}", line.chars().count())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The completions are a script that the shell itself takes, where that shell is here; bash always is.
#[test]
fn bash_takes_its_completions_and_completes_with_them() {
    let mut script = Vec::new();
    clap_complete::generate(Shell::Bash, &mut Arguments::command(), "cbox", &mut script);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cbox.bash");
    std::fs::write(&file, script).unwrap();
    let ask = r#". "$1"; COMP_WORDS=(cbox ver); COMP_CWORD=1; _cbox cbox ver cbox; echo "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["-c", ask, "bash"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "verify", "{}", String::from_utf8_lossy(&output.stderr));
}
