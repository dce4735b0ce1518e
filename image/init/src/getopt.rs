//! Options as `getopt(3)` and `getopt_long(3)` of the GNU C library read them, up to the first argument that is none: what follows
//! the program's name is the program's, whatever it looks like.

use crate::message::{Message, Part};
use crate::process::Arguments;
use crate::text;
use core::ffi::CStr;

/// What there is to recognise.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Letters; a colon follows one that takes an argument.
    pub short: &'static [u8],
    /// None: what begins with two dashes is a group of letters, the first of which is a dash.
    pub long: &'static [Long],
    /// The beginning of a long name will do.
    pub abbreviates: bool,
}

/// A long option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Long {
    /// Without its dashes.
    pub name: &'static str,
    /// Whether it takes an argument.
    pub takes_argument: bool,
    /// The letter that it stands for.
    pub letter: u8,
}

/// The next thing on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// An option, with its argument if it takes one.
    Option(u8, &'a [u8]),
    /// The program: the index of its name.
    Program(usize),
    /// There is no program.
    End,
    /// It cannot be read.
    Error(Error<'a>),
}

/// Why a command line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error<'a> {
    /// No such letter; in this argument.
    UnknownLetter(u8, &'a CStr),
    /// No such name; the whole argument.
    UnknownName(&'a CStr),
    /// More than one option begins so; the argument without a value.
    Ambiguous(&'a [u8], &'static [Long]),
    /// This option takes no argument.
    UnwantedArgument(&'static str),
    /// This letter's argument is missing.
    NoArgumentOfLetter(u8),
    /// This option's argument is missing.
    NoArgumentOfName(&'static str),
}

/// A command line that is being read.
pub struct Getopt<'a> {
    options: &'static Options,
    arguments: Arguments<'a>,
    /// The argument whose letters are being read, and those that are left of it.
    letters: Option<(&'a CStr, &'a [u8])>,
}

impl<'a> Getopt<'a> {
    /// Reads these arguments.
    pub fn new(options: &'static Options, arguments: Arguments<'a>) -> Self {
        Self {
            options,
            arguments,
            letters: None,
        }
    }

    /// The index of the argument after those that were read; for an option that is the last of ours.
    pub fn index(&self) -> usize {
        self.arguments.index()
    }

    /// Reads on. After an error, and after the program, there is nothing more to read.
    pub fn next_token(&mut self) -> Token<'a> {
        if let Some((argument, [letter, rest @ ..])) = self.letters {
            return self.letter(argument, *letter, rest);
        }
        let Some((index, argument)) = self.arguments.take_next() else {
            return Token::End;
        };
        match argument.to_bytes() {
            b"--" => self
                .arguments
                .take_next()
                .map_or(Token::End, |(index, _)| Token::Program(index)),
            [b'-', b'-', name @ ..] if !self.options.long.is_empty() => self.name(argument, name),
            [b'-', letter, rest @ ..] => self.letter(argument, *letter, rest),
            _ => Token::Program(index),
        }
    }

    fn letter(&mut self, argument: &'a CStr, letter: u8, rest: &'a [u8]) -> Token<'a> {
        self.letters = Some((argument, rest));
        let place = self.options.short.iter().position(|known| *known == letter);
        let Some(place) = place.filter(|_| letter != b':') else {
            return Token::Error(Error::UnknownLetter(letter, argument));
        };
        if self.options.short.get(place + 1) != Some(&b':') {
            return Token::Option(letter, b"");
        }
        self.letters = None;
        if !rest.is_empty() {
            return Token::Option(letter, rest);
        }
        match self.arguments.take_next() {
            Some((_, value)) => Token::Option(letter, value.to_bytes()),
            None => Token::Error(Error::NoArgumentOfLetter(letter)),
        }
    }

    fn name(&mut self, argument: &'a CStr, text: &'a [u8]) -> Token<'a> {
        let end = text.iter().position(|byte| *byte == b'=');
        let name = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        let value = end.and_then(|end| text.get(end + 1..));
        let mut matching = self
            .options
            .long
            .iter()
            .filter(|long| long.name.as_bytes().starts_with(name));
        let exact = self.options.long.iter().find(|long| long.name.as_bytes() == name);
        let abbreviated = matching.next().filter(|_| self.options.abbreviates);
        let option = match (exact, abbreviated, matching.next()) {
            (Some(option), _, _) | (None, Some(option), None) => option,
            (None, Some(_), Some(_)) => {
                // The prefix of this argument that names an option, with its dashes.
                return Token::Error(Error::Ambiguous(argument.to_bytes(), self.options.long));
            }
            (None, None, _) => return Token::Error(Error::UnknownName(argument)),
        };
        match (option.takes_argument, value) {
            (false, None) => Token::Option(option.letter, b""),
            (false, Some(_)) => Token::Error(Error::UnwantedArgument(option.name)),
            (true, Some(value)) => Token::Option(option.letter, value),
            (true, None) => match self.arguments.take_next() {
                Some((_, value)) => Token::Option(option.letter, value.to_bytes()),
                None => Token::Error(Error::NoArgumentOfName(option.name)),
            },
        }
    }
}

impl Error<'_> {
    /// The C library's sentence, which begins with the name that the program was called by.
    #[cold]
    #[inline(never)]
    pub fn message(&self, called: &[u8]) -> Message {
        let (template, subject) = match *self {
            Self::UnknownLetter(ref letter, _) => (text!("%: invalid option -- '%'"), core::slice::from_ref(letter)),
            Self::UnknownName(argument) => (text!("%: unrecognized option '%'"), argument.to_bytes()),
            Self::Ambiguous(argument, _) => (text!("%: option '%' is ambiguous; possibilities:"), argument),
            Self::UnwantedArgument(name) => (text!("%: option '--%' doesn't allow an argument"), name.as_bytes()),
            Self::NoArgumentOfLetter(ref letter) => (
                text!("%: option requires an argument -- '%'"),
                core::slice::from_ref(letter),
            ),
            Self::NoArgumentOfName(name) => (text!("%: option '--%' requires an argument"), name.as_bytes()),
        };
        let mut message = Message::bare();
        message.fill(template, &[Part::Bytes(called), Part::Bytes(subject)]);
        if let Self::Ambiguous(argument, long) = *self {
            let text = argument.get(2..).unwrap_or_default();
            let name = text.split(|byte| *byte == b'=').next().unwrap_or_default();
            for option in long.iter().filter(|long| long.name.as_bytes().starts_with(name)) {
                message.fill(text!(" '--%'"), &[Part::Bytes(option.name.as_bytes())]);
            }
        }
        message
    }
}

#[cfg(test)]
pub(crate) mod tests;
