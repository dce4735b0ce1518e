//! The instructions of a repository, which Claude sends to the model with every request. One that is a link to somewhere else, to the
//! credential of all places, would send that.
//!
//! Measured with 2.1.329: `CLAUDE.md` and `.claude/CLAUDE.md` of a directory of `--add-dir` are read wherever they lead, `CLAUDE.local.md`,
//! rules and imports are not followed out of it.

use std::path::Path;

const FILES: [&str; 2] = ["CLAUDE.md", ".claude/CLAUDE.md"];

/// Whether Claude may be told to read them. If not, the reason is said on standard error.
pub fn are_the_works_own(workspace: &Path) -> bool {
    let leads_out = FILES.iter().find_map(|name| {
        let path = workspace.join(name);
        // One that leads nowhere is read by nobody.
        let target = path.canonicalize().ok()?;
        let root = workspace.canonicalize().ok()?;
        (!target.starts_with(root)).then_some((path, target))
    });
    if let Some((path, target)) = &leads_out {
        eprintln!(
            "box-entrypoint: {} leads out of the work, to {}; no CLAUDE.md of it is read",
            path.display(),
            target.display()
        );
    }
    leads_out.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// What is linked to what, in a directory with `real`, `inner/real` and, outside of it, `secret`.
    #[rstest]
    #[case(None, true)]
    #[case(Some(("real", "CLAUDE.md")), true)]
    #[case(Some(("../inner/real", ".claude/CLAUDE.md")), true)]
    #[case(Some(("nowhere", "CLAUDE.md")), true)]
    #[case(Some(("../secret", "CLAUDE.md")), false)]
    #[case(Some(("../../secret", ".claude/CLAUDE.md")), false)]
    fn links(#[case] link: Option<(&str, &str)>, #[case] expected: bool) {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let work = directory.path().join("work");
        fs::create_dir_all(work.join(".claude")).expect("a directory can be made");
        fs::create_dir(work.join("inner")).expect("a directory can be made");
        for name in ["secret", "work/real", "work/inner/real"] {
            fs::write(directory.path().join(name), "x").expect("a file can be written");
        }
        if let Some((target, name)) = link {
            symlink(target, work.join(name)).expect("a link can be made");
        }
        assert_eq!(are_the_works_own(&work), expected);
    }

    /// A directory that leads out as a whole.
    #[test]
    fn a_linked_directory() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let work = directory.path().join("work");
        fs::create_dir(&work).expect("a directory can be made");
        fs::create_dir(directory.path().join("other")).expect("a directory can be made");
        symlink("../other", work.join(".claude")).expect("a link can be made");
        assert!(are_the_works_own(&work));
        fs::write(directory.path().join("other/CLAUDE.md"), "x").expect("a file can be written");
        assert!(!are_the_works_own(&work));
    }
}
