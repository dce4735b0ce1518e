//! Updates the locks of a project: `cargo run -p lock-update --example lock -- image [SUITE:ARCHITECTURE…]`.

use std::path::PathBuf;
use std::process::ExitCode;

use catalogue::Architecture;
use lock_update::apt::List;
use lock_update::{Options, Paths, update};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let image = PathBuf::from(arguments.next().unwrap_or_else(|| "image".to_owned()));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache"))).unwrap_or_default();
    let paths = Paths { image, cache: cache.join("cbox") };
    let without = arguments.filter_map(|argument| {
        let (suite, architecture) = argument.split_once(':')?;
        let architecture = Architecture::ALL.into_iter().find(|it| it.debian() == architecture)?;
        Some(List { suite: suite.to_owned(), architecture })
    });
    let options = Options { without: without.collect() };
    match update(&paths, &options, &mut |progress| eprintln!("{progress:?}")) {
        Ok(changes) => {
            print!("{changes}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
