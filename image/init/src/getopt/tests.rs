//! By table, and by property: whatever is typed, reading it ends, and what follows the program is not looked at.

use super::*;
use crate::process::tests::Words;
use proptest::prelude::*;
use rstest::rstest;
use std::ffi::CString;

static OPTIONS: Options = Options {
    short: b"hvr:",
    long: &[
        Long {
            name: "help",
            takes_argument: false,
            letter: b'h',
        },
        Long {
            name: "verbose",
            takes_argument: false,
            letter: b'v',
        },
        Long {
            name: "version",
            takes_argument: false,
            letter: b'V',
        },
        Long {
            name: "rewrite",
            takes_argument: true,
            letter: b'r',
        },
    ],
    abbreviates: true,
};

/// All tokens, as text; an error as its message.
fn read(options: &'static Options, arguments: &[&CStr]) -> Vec<String> {
    let words = Words::new(arguments);
    let process = words.process();
    let mut getopt = Getopt::new(options, process.arguments_after(0));
    let mut tokens = Vec::new();
    loop {
        match getopt.next_token() {
            Token::Option(letter, value) => {
                tokens.push(format!("{}={}", char::from(letter), String::from_utf8_lossy(value)));
            }
            Token::Program(index) => {
                tokens.push(format!("program {index}"));
                return tokens;
            }
            Token::End => {
                tokens.push("end".to_owned());
                return tokens;
            }
            Token::Error(error) => {
                let mut message = error.message(b"init");
                tokens.push(String::from_utf8_lossy(message.line()).trim_end().to_owned());
                return tokens;
            }
        }
    }
}

#[rstest]
#[case(&[c"sh", c"-h"], &["program 0"])]
#[case(&[c"-vh", c"sh"], &["v=", "h=", "program 1"])]
#[case(&[c"-vr1:2", c"-r", c"3:4", c"sh"], &["v=", "r=1:2", "r=3:4", "program 3"])]
#[case(&[c"--rewrite=1:2", c"--rew", c"3:4", c"--", c"-h"], &["r=1:2", "r=3:4", "program 4"])]
#[case(&[c"-", c"-h"], &["program 0"])]
#[case(&[c""], &["program 0"])]
#[case(&[c"--"], &["end"])]
#[case(&[], &["end"])]
#[case(&[c"-r"], &["init: option requires an argument -- 'r'"])]
#[case(&[c"--rewrite"], &["init: option '--rewrite' requires an argument"])]
#[case(&[c"--help=x"], &["init: option '--help' doesn't allow an argument"])]
#[case(&[c"--yolo", c"x"], &["init: unrecognized option '--yolo'"])]
#[case(&[c"--ver"], &["init: option '--ver' is ambiguous; possibilities: '--verbose' '--version'"])]
#[case(&[c"--vers"], &["V=", "end"])]
#[case(&[c"-x"], &["init: invalid option -- 'x'"])]
#[case(&[c"-:"], &["init: invalid option -- ':'"])]
fn command_line(#[case] arguments: &[&CStr], #[case] expected: &[&str]) {
    assert_eq!(read(&OPTIONS, arguments), expected);
}

#[test]
fn without_long_options_two_dashes_are_letters() {
    static SHORT: Options = Options {
        short: b"h",
        long: &[],
        abbreviates: false,
    };
    assert_eq!(read(&SHORT, &[c"--help"]), ["init: invalid option -- '-'"]);
}

#[test]
fn without_abbreviations_only_whole_names_count() {
    static WHOLE: Options = Options {
        short: b"h",
        long: &[Long {
            name: "help",
            takes_argument: false,
            letter: b'h',
        }],
        abbreviates: false,
    };
    assert_eq!(read(&WHOLE, &[c"--hel"]), ["init: unrecognized option '--hel'"]);
    assert_eq!(read(&WHOLE, &[c"--help"]), ["h=", "end"]);
}

/// Arguments that look like ours more often than chance would have it.
pub(crate) fn arguments() -> impl Strategy<Value = Vec<CString>> {
    let likely = prop::sample::select(vec![
        "-",
        "--",
        "-v",
        "-h",
        "-g",
        "-c",
        "-s",
        "-w",
        "-l",
        "-e",
        "-p",
        "-r",
        "-vvv",
        "-r15:2",
        "15:0",
        "0",
        "255",
        "256",
        "SIGTERM",
        "SIGNOT",
        "--version",
        "--help",
        "--ver",
        "--rewrite",
        "--rewrite=1:31",
        "--grace",
        "--grace=9",
        "--as",
        "--as=tini",
        "tini",
        "dumb-init",
        "health",
        "--group",
        "sh",
        "",
    ])
    .prop_map(|text| CString::new(text).unwrap_or_default());
    let any = prop::collection::vec(1u8..=255, 0..12).prop_map(|bytes| CString::new(bytes).unwrap_or_default());
    prop::collection::vec(prop_oneof![4 => likely, 1 => any], 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_ends_and_stays_within_the_arguments(arguments in arguments()) {
        let strings: Vec<&CStr> = arguments.iter().map(CString::as_c_str).collect();
        let words = Words::new(&strings);
        let process = words.process();
        let mut getopt = Getopt::new(&OPTIONS, process.arguments_after(0));
        // Each argument gives at most as many tokens as it has letters, and one.
        let limit = arguments.iter().map(|it| it.count_bytes() + 1).sum::<usize>() + 1;
        let mut is_over = false;
        for _ in 0..=limit {
            match getopt.next_token() {
                Token::Option(..) => {}
                Token::Program(index) => {
                    prop_assert!(index < arguments.len());
                    is_over = true;
                }
                Token::End => is_over = true,
                Token::Error(error) => {
                    prop_assert!(error.message(b"init").line().ends_with(b"\n"));
                    is_over = true;
                }
            }
            if is_over {
                break;
            }
        }
        prop_assert!(is_over);
    }
}

/// The rules once more, as POSIX and the GNU C library's manual have them and not as this crate reads them: over positions in owned
/// strings, letter by letter.
fn read_by_the_manual(arguments: &[&[u8]]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let names = [
        ("help", 'h', false),
        ("verbose", 'v', false),
        ("version", 'V', false),
        ("rewrite", 'r', true),
    ];
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < arguments.len() {
        let argument = arguments[index];
        let own = index;
        index += 1;
        if argument.len() < 2 || argument[0] != b'-' {
            tokens.push(format!("program {own}"));
            return tokens;
        }
        if argument == b"--" {
            tokens.push(if index < arguments.len() {
                format!("program {index}")
            } else {
                "end".to_owned()
            });
            return tokens;
        }
        if argument[1] == b'-' {
            let (name, value) = match argument[2..].iter().position(|byte| *byte == b'=') {
                Some(equals) => (&argument[2..2 + equals], Some(&argument[3 + equals..])),
                None => (&argument[2..], None),
            };
            let mut candidates: Vec<_> = names.iter().filter(|it| it.0.as_bytes().starts_with(name)).collect();
            if let Some(exact) = names.iter().find(|it| it.0.as_bytes() == name) {
                candidates = vec![exact];
            }
            let (long, letter, takes) = match candidates[..] {
                [] => {
                    tokens.push(format!("init: unrecognized option '{}'", text(argument)));
                    return tokens;
                }
                [only] => *only,
                _ => {
                    let all: String = candidates.iter().map(|it| format!(" '--{}'", it.0)).collect();
                    tokens.push(format!(
                        "init: option '{}' is ambiguous; possibilities:{all}",
                        text(argument)
                    ));
                    return tokens;
                }
            };
            let value = match (takes, value) {
                (false, Some(_)) => {
                    tokens.push(format!("init: option '--{long}' doesn't allow an argument"));
                    return tokens;
                }
                (true, None) if index == arguments.len() => {
                    tokens.push(format!("init: option '--{long}' requires an argument"));
                    return tokens;
                }
                (true, None) => {
                    index += 1;
                    arguments[index - 1]
                }
                (_, value) => value.unwrap_or_default(),
            };
            tokens.push(format!("{letter}={}", text(value)));
            continue;
        }
        let mut place = 1;
        while place < argument.len() {
            let letter = argument[place];
            place += 1;
            match letter {
                b'h' | b'v' => tokens.push(format!("{}=", char::from(letter))),
                b'r' if place < argument.len() => {
                    tokens.push(format!("r={}", text(&argument[place..])));
                    break;
                }
                b'r' if index < arguments.len() => {
                    tokens.push(format!("r={}", text(arguments[index])));
                    index += 1;
                }
                b'r' => {
                    tokens.push("init: option requires an argument -- 'r'".to_owned());
                    return tokens;
                }
                _ => {
                    tokens.push(format!("init: invalid option -- '{}'", text(&[letter])));
                    return tokens;
                }
            }
        }
    }
    tokens.push("end".to_owned());
    tokens
}

/// A quarter of a million command lines, the same in each run, of pieces that are likely to mean something, read in both ways.
#[test]
fn reads_as_the_manual_has_it() {
    const LINES: u32 = 250_000;
    const PIECES: [&[u8]; 20] = [
        b"-", b"--", b"=", b":", b"h", b"v", b"r", b"V", b"x", b"help", b"ver", b"verbose", b"version", b"rew",
        b"rewrite", b"1:2", b"sh", b"", b"\xff", b" ",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    // xorshift64: nothing is asked of it but variety.
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let mut kinds = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..LINES {
        let line: Vec<Vec<u8>> = (0..below(5))
            .map(|_| {
                let mut word = b"--"[..below(3)].to_vec();
                for _ in 0..below(4) {
                    word.extend_from_slice(PIECES[below(PIECES.len())]);
                }
                word
            })
            .collect();
        let strings: Vec<CString> = line
            .iter()
            .map(|word| CString::new(word.as_slice()).expect("no piece has a zero byte"))
            .collect();
        let arguments: Vec<&CStr> = strings.iter().map(CString::as_c_str).collect();
        let words: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
        let tokens = read(&OPTIONS, &arguments);
        assert_eq!(tokens, read_by_the_manual(&words), "{arguments:?}");
        for kind in [
            "program",
            "end",
            "invalid",
            "unrecognized",
            "ambiguous",
            "allow",
            "requires",
        ] {
            if tokens.last().is_some_and(|last| last.contains(kind)) {
                *kinds.entry(kind).or_default() += 1;
            }
        }
    }
    // None of the ways in which reading can end was missed.
    assert!(kinds.len() == 7 && kinds.values().all(|count| *count > 50), "{kinds:?}");
}
