//! Where a program may be: the paths that `execvp(3)` would try, without allocating any of them.

use core::ffi::CStr;

/// The kernel's limit for a path, its final zero byte included.
pub const PATH_SIZE_MAX: usize = 4096;

const PATH_DEFAULT: &[u8] = b"/usr/local/bin:/usr/bin:/bin";

/// One path, with its final zero byte.
pub struct Candidate {
    bytes: [u8; PATH_SIZE_MAX],
    size: usize,
}

impl Candidate {
    /// An empty path, to be filled.
    #[allow(clippy::new_without_default, reason = "an empty path is a start, not a value")]
    pub fn new() -> Self {
        Self {
            bytes: [0; PATH_SIZE_MAX],
            size: 0,
        }
    }

    /// Holds `directory/program` from now on; an empty directory is the current one. Returns whether it fits.
    pub fn set(&mut self, directory: &[u8], program: &[u8]) -> bool {
        self.size = 0;
        let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let is_whole = [directory, separator, program, b"\0"]
            .iter()
            .all(|part| self.append(part));
        self.terminate();
        is_whole
    }

    /// Holds this path from now on, cut if it is too long.
    pub fn hold(&mut self, path: &CStr) {
        self.size = 0;
        let bytes = path.to_bytes_with_nul();
        let is_whole = self.append(bytes);
        if !is_whole {
            self.append(bytes.get(..PATH_SIZE_MAX - 1).unwrap_or_default());
            self.append(b"\0");
        }
        self.terminate();
    }

    /// The path.
    pub fn path(&self) -> &CStr {
        // SAFETY: the last byte is zero, so there is an end within the array.
        unsafe { CStr::from_ptr(self.bytes.as_ptr().cast()) }
    }

    /// What did not fit may have filled everything but this; what did fit ends here at the latest.
    fn terminate(&mut self) {
        let [.., last] = &mut self.bytes;
        *last = 0;
    }

    fn append(&mut self, part: &[u8]) -> bool {
        let Some(target) = self.bytes.get_mut(self.size..self.size + part.len()) else {
            return false;
        };
        for (target, byte) in target.iter_mut().zip(part) {
            *target = *byte;
        }
        self.size += part.len();
        true
    }
}

/// The directories in which a program of this name is looked for, or nothing if the name is a path already.
pub fn directories<'a>(
    program: &CStr,
    path_variable: Option<&'a CStr>,
) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    if program.to_bytes().contains(&b'/') {
        return None;
    }
    let path = path_variable.map_or(PATH_DEFAULT, CStr::to_bytes);
    Some(path.split(|byte| *byte == b':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(c"sh", Some(c"/usr/bin:/bin"), &[c"/usr/bin/sh", c"/bin/sh"])]
    #[case(c"sh", Some(c":/bin"), &[c"sh", c"/bin/sh"])]
    #[case(c"sh", Some(c""), &[c"sh"])]
    #[case(c"sh", None, &[c"/usr/local/bin/sh", c"/usr/bin/sh", c"/bin/sh"])]
    fn candidates(#[case] program: &CStr, #[case] path_variable: Option<&CStr>, #[case] expected: &[&CStr]) {
        let mut candidate = Candidate::new();
        let found: Vec<_> = directories(program, path_variable)
            .expect("the name has no slash")
            .map(|directory| {
                assert!(candidate.set(directory, program.to_bytes()));
                candidate.path().to_owned()
            })
            .collect();
        assert_eq!(
            found,
            expected
                .iter()
                .map(|path| path.to_owned().to_owned())
                .collect::<Vec<_>>()
        );
    }

    #[rstest]
    #[case(c"/bin/sh")]
    #[case(c"./run")]
    #[case(c"a/b")]
    fn a_path_is_not_searched(#[case] program: &CStr) {
        assert!(directories(program, Some(c"/bin")).is_none());
    }

    #[test]
    fn a_path_that_is_too_long_does_not_fit() {
        let mut candidate = Candidate::new();
        assert!(!candidate.set(&[b'd'; PATH_SIZE_MAX - 3], b"ab"));
        assert!(candidate.set(&[b'd'; PATH_SIZE_MAX - 4], b"ab"));
        assert_eq!(candidate.path().count_bytes(), PATH_SIZE_MAX - 1);
    }
}
