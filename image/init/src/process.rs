//! What the kernel hands to a new program: its arguments and its environment, used where they lie.

use core::ffi::{CStr, c_char};

/// Arguments and environment of this process.
pub struct Process {
    /// `argument_count` pointers to strings and a null pointer, as `execve(2)` wants them.
    arguments: *const *const c_char,
    argument_count: usize,
    /// Pointers to strings and a null pointer.
    environment: *const *const c_char,
}

impl Process {
    /// # Safety
    ///
    /// `stack` is the stack as the kernel prepares it for a new program (argument count, arguments, null, environment, null), and
    /// nothing ever changes it.
    pub unsafe fn from_stack(stack: *const usize) -> Self {
        // SAFETY: the first word is the argument count; that many pointers and a null pointer follow, then the environment.
        unsafe {
            let argument_count = *stack;
            let arguments = stack.add(1).cast();
            Self {
                arguments,
                argument_count,
                environment: stack.add(1 + argument_count + 1).cast(),
            }
        }
    }

    /// How many arguments there are, our own name among them.
    pub fn argument_count(&self) -> usize {
        self.argument_count
    }

    /// The arguments from an index on, to be read one by one.
    pub fn arguments_after(&self, index: usize) -> Arguments<'_> {
        Arguments {
            process: self,
            next: index,
        }
    }

    /// One argument; an empty string past the end.
    pub fn argument(&self, index: usize) -> &CStr {
        if index >= self.argument_count {
            return c"";
        }
        // SAFETY: the index is below the count, and each of these points to a string that lives as long as the process.
        unsafe { CStr::from_ptr(*self.arguments.add(index)) }
    }

    /// The arguments from `index` on, as `execve(2)` wants them; none past the end.
    pub fn arguments_from(&self, index: usize) -> *const *const c_char {
        // SAFETY: the array has one more element than the count, the null pointer.
        unsafe { self.arguments.add(index.min(self.argument_count)) }
    }

    /// The arguments for a shell that reads the program, which is at this path, as its script. They are made in place: the name of
    /// the shell goes where the argument before the program's name was.
    ///
    /// # Safety
    ///
    /// The argument before the program's name, and that name, are not read again but by the shell. `index` is at least 1 and below
    /// the count.
    pub unsafe fn arguments_for_shell(&self, index: usize, shell: &'static CStr, path: &CStr) -> *const *const c_char {
        // SAFETY: the kernel made the array on our stack, where we may write; both places are within it.
        unsafe {
            let place = self.arguments.add(index - 1).cast_mut();
            *place = shell.as_ptr();
            *place.add(1) = path.as_ptr();
            place
        }
    }

    /// The environment, as `execve(2)` wants it.
    pub fn environment(&self) -> *const *const c_char {
        self.environment
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &[u8]) -> Option<&CStr> {
        let mut entry = self.environment;
        // SAFETY: the array ends with a null pointer, which ends this loop; everything before it is a string that lives as long as
        // the process, and a suffix of a string is a string.
        unsafe {
            while !(*entry).is_null() {
                let string = CStr::from_ptr(*entry);
                if let Some([b'=', ..]) = string.to_bytes().strip_prefix(name) {
                    return Some(CStr::from_ptr((*entry).add(name.len() + 1)));
                }
                entry = entry.add(1);
            }
        }
        None
    }
}

/// Arguments, read one by one.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    process: &'a Process,
    next: usize,
}

impl<'a> Arguments<'a> {
    /// The next one, with its index.
    pub fn take_next(&mut self) -> Option<(usize, &'a CStr)> {
        let index = self.next;
        if index >= self.process.argument_count {
            return None;
        }
        self.next += 1;
        Some((index, self.process.argument(index)))
    }

    /// The index of the next one.
    pub fn index(&self) -> usize {
        self.next
    }

    /// If there is exactly one left, that one.
    pub fn only(&self) -> Option<&'a CStr> {
        (self.process.argument_count == self.next + 1).then(|| self.process.argument(self.next))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What the kernel would prepare for a program with these arguments and no environment.
    pub(crate) struct Words(Vec<usize>);

    impl Words {
        pub(crate) fn new(arguments: &[&CStr]) -> Self {
            let mut stack = vec![arguments.len()];
            stack.extend(arguments.iter().map(|word| word.as_ptr() as usize));
            stack.extend([0, 0]);
            Self(stack)
        }

        /// It holds on to these words.
        pub(crate) fn process(&self) -> Process {
            // SAFETY: this is the shape that the kernel prepares.
            unsafe { Process::from_stack(self.0.as_ptr()) }
        }
    }

    #[test]
    fn reads_what_the_kernel_prepares() {
        let word = |string: &'static CStr| string.as_ptr() as usize;
        let stack = [
            2,
            word(c"box-init"),
            word(c"true"),
            0,
            word(c"PATHS=no"),
            word(c"PATH=/bin"),
            word(c"EMPTY="),
            0,
        ];
        // SAFETY: this is the shape that the kernel prepares.
        let process = unsafe { Process::from_stack(stack.as_ptr()) };
        let mut arguments = process.arguments_after(0);
        assert_eq!(arguments.take_next(), Some((0, c"box-init")));
        assert_eq!(arguments.only(), Some(c"true"));
        assert_eq!(arguments.take_next(), Some((1, c"true")));
        assert_eq!((arguments.take_next(), arguments.only()), (None, None));
        assert_eq!(process.argument(2), c"");
        assert_eq!(process.variable(b"PATH"), Some(c"/bin"));
        assert_eq!(process.variable(b"EMPTY"), Some(c""));
        assert_eq!(process.variable(b"NONE"), None);
    }
}
