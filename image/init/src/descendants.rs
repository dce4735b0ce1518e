//! Everything that descends from us, and nothing else: signals for it, and names.
//!
//! Ids of processes are given anew, and in a shared PID namespace most processes are others'. So each one is held by a descriptor
//! before its parents are looked at, and the signal goes to the descriptor.

use crate::message::{Message, Part};
use crate::processes::{self, Buffer};
use crate::sys::{self, ProcessId, SIGCONT, SIGHUP, SIGKILL};
use crate::text;
use crate::text::Text;

/// More names than this make no sentence.
const NAMES_MAX: u32 = 16;

/// Sends a signal to every descendant but one, stopped ones too. `child` is our own child as long as it lives. Whoever is asked to
/// end, that one too, and ignores SIGTERM at a terminal, gets SIGHUP with it: interactive shells end with nothing else.
pub fn send(signal: u32, except: Option<ProcessId>, child: Option<ProcessId>) {
    let us = sys::process_id();
    let mut buffer = Buffer::new();
    let seen = processes::for_each(&mut |process| {
        if process != us {
            let signal = if Some(process) == except { 0 } else { signal };
            send_if_ours(signal, process, us, &mut buffer);
        }
    });
    if seen.is_err() {
        send_blindly(signal, us, except, child);
    }
}

fn send_if_ours(signal: u32, process: ProcessId, us: ProcessId, buffer: &mut Buffer) {
    let held = sys::open_process(process);
    if processes::descends(process, us, buffer) {
        let hangup = signal != SIGKILL && processes::stat(process, buffer).is_some_and(|stat| stat.wants_hangup());
        for signal in [signal, if hangup { SIGHUP } else { 0 }] {
            if signal == 0 {
                continue;
            }
            let sent = match held {
                Ok(held) => sys::send_to_process(held, signal).and_then(|()| sys::send_to_process(held, SIGCONT)),
                Err(_) => sys::send(process, signal).and_then(|()| sys::send(process, SIGCONT)),
            };
            // It ended, or belongs to somebody whom we may not send anything: then it is named later.
            let _ = sent;
        }
    }
    if let Ok(held) = held {
        sys::close(held);
    }
}

/// Without /proc. Process 1 can mean everyone, because its end is everyone's; anybody else only has the child's group, and only as
/// long as the child keeps its id from others.
fn send_blindly(signal: u32, us: ProcessId, except: Option<ProcessId>, child: Option<ProcessId>) {
    const EVERYONE: ProcessId = -1;
    let target = match child {
        _ if us == 1 => EVERYONE,
        Some(child) if except.is_none() => -child,
        _ => return,
    };
    let _ = sys::send(target, signal).and_then(|()| sys::send(target, SIGCONT));
}

/// Names what lives, in one line that begins so.
#[cold]
#[inline(never)]
pub fn name(beginning: Text) {
    let us = sys::process_id();
    let mut message = Message::new();
    message.text(beginning);
    let mut chain = Buffer::new();
    let mut own = Buffer::new();
    let mut count = 0;
    let seen = processes::for_each(&mut |process| {
        if process == us || !processes::descends(process, us, &mut chain) {
            return;
        }
        let Some(stat) = processes::stat(process, &mut own).filter(|stat| !stat.has_ended()) else {
            return;
        };
        count += 1;
        if count <= NAMES_MAX {
            message
                .text(if count == 1 { text!(": ") } else { text!(", ") })
                .process(stat.name, process);
        }
    });
    if seen.is_err() {
        message.text(text!(" (without /proc their names are not known)"));
    } else if count > NAMES_MAX {
        message.fill(text!(" and % more"), &[Part::Number(count - NAMES_MAX)]);
    }
    message.to_stderr();
}
