//! `cbox man`: the manual's pages, made of the command's own definition.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::arguments::{self, Arguments};
use crate::failure::{Code, Failure};
use crate::output;

/// Prints the page of the whole, or writes one for each command.
pub(crate) fn command(options: &arguments::Manual) -> Result<ExitCode, Failure> {
    let pages = pages().map_err(|error| Failure::new(Code::Software, format!("cannot make the man pages: {error}")))?;
    let Some(directory) = &options.to else {
        let first = pages.into_iter().next().unwrap_or_default();
        return output::print(&first.1, "the page");
    };
    write(directory, &pages)?;
    println!("{} pages are in {}", pages.len(), directory.display());
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path, pages: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::new(Code::CannotCreate, format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    for (name, page) in pages {
        let path = directory.join(name);
        fs::write(&path, page).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// Each page with its file's name; that of the whole first.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut whole = Arguments::command();
    // Names and usages of commands within commands are known after this.
    whole.build();
    let mut pages = Vec::new();
    add(&whole, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        add(below, pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("man"), &pages().unwrap()).unwrap();
        for name in ["cbox", "cbox-verify", "cbox-cluster-up", "cbox-bench-init"] {
            let page = fs::read_to_string(folder.path().join(format!("man/{name}.1"))).unwrap();
            assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        }
        assert!(!folder.path().join("man/cbox-bench-reaper.1").exists());
        let failure = write(Path::new("/dev/null/man"), &pages().unwrap()).unwrap_err();
        assert!(
            failure.to_string().starts_with("cannot write /dev/null/man: "),
            "{failure}"
        );
    }
}
