//! What libtest prints about the tests that failed: the line `failures:`, a block `---- NAME stdout ----` for each, and `failures:`
//! once more with their names alone. Pure: lines in, lines out.

/// How many lines of one failure are told again: its first ones name what was expected, its last ones where it ended.
const FIRST_LINES_MAX: usize = 25;
const LAST_LINES_MAX: usize = 15;

/// The failures of a run of tests, read line by line.
#[derive(Debug, Default)]
pub(super) struct Failures {
    is_inside: bool,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    test: String,
    lines: Vec<String>,
}

impl Failures {
    /// Reads one more line of what the run prints.
    pub(super) fn read(&mut self, line: &str) {
        let test = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"));
        match (line, test) {
            ("failures:", _) => self.is_inside = !self.is_inside,
            (_, Some(test)) if self.is_inside => self.blocks.push(Block {
                test: test.to_owned(),
                lines: Vec::new(),
            }),
            _ if self.is_inside => {
                if let Some(block) = self.blocks.last_mut() {
                    block.lines.push(line.to_owned());
                }
            }
            _ => {}
        }
    }

    /// What is told again at the end, where nobody has to look for it.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for Block { test, lines } in &self.blocks {
            told.push(format!("{test}:"));
            let lines: Vec<&String> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
            let left_out = lines.len().saturating_sub(FIRST_LINES_MAX + LAST_LINES_MAX);
            for (at, line) in lines.iter().enumerate() {
                if left_out == 0 || at < FIRST_LINES_MAX || at >= FIRST_LINES_MAX + left_out {
                    told.push(format!("  | {line}"));
                } else if at == FIRST_LINES_MAX {
                    told.push(format!("  | ... {left_out} lines are left out here"));
                }
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let mut failures = Failures::default();
        text.lines().for_each(|line| failures.read(line));
        failures.told()
    }

    #[test]
    fn each_failure_is_told_with_its_words() {
        let text = "running 3 tests\ntest a ... FAILED\n---- no failure stdout ----\n\nfailures:\n\n---- a stdout ----\n\
                    thread 'a' panicked at here:\nleft\n\n---- b::c stdout ----\nright\n\n\nfailures:\n    a\n    b::c\n\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(
            told(text),
            [
                "a:",
                "  | thread 'a' panicked at here:",
                "  | left",
                "b::c:",
                "  | right"
            ]
        );
    }

    #[test]
    fn a_long_one_keeps_its_ends() {
        let lines: Vec<String> = (0..100).map(|number| format!("line {number}\n")).collect();
        let told = told(&format!(
            "failures:\n\n---- a stdout ----\n{}\nfailures:\n    a\n",
            lines.concat()
        ));
        assert_eq!(told.len(), 1 + FIRST_LINES_MAX + 1 + LAST_LINES_MAX);
        assert_eq!(told[FIRST_LINES_MAX], "  | line 24");
        assert_eq!(told[FIRST_LINES_MAX + 1], "  | ... 60 lines are left out here");
        assert_eq!(told.last().map(String::as_str), Some("  | line 99"));
    }

    #[test]
    fn where_nothing_failed_nothing_is_told() {
        assert_eq!(
            told("running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n"),
            [""; 0]
        );
    }
}
