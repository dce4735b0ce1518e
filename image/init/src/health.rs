//! `box-init health`: a probe that needs no shell. It finds the init of the container that it is started in and says whether its
//! program runs.

use crate::message::Message;
use crate::personality::Personality;
use crate::processes::{self, Buffer};
use crate::stat::Stat;
use crate::sys::{self, ProcessId};
use crate::text;

/// A control group's path may be long, and two that differ only behind this are not ours to tell apart.
const GROUP_SIZE: usize = 2048;

/// The oldest of some processes.
struct Oldest {
    id: ProcessId,
    started_ticks: u64,
    state: u8,
    name: [u8; 16],
    name_size: usize,
}

impl Oldest {
    /// Keeps the older one; of the same tick, the one with the smaller id.
    fn keep(oldest: &mut Option<Self>, stat: &Stat) {
        let is_older = oldest
            .as_ref()
            .is_none_or(|it| (stat.started_ticks, stat.id) < (it.started_ticks, it.id));
        if is_older {
            let mut name = [0; 16];
            let name_size = stat.name.len().min(name.len());
            for (target, byte) in name.iter_mut().zip(stat.name) {
                *target = *byte;
            }
            *oldest = Some(Self {
                id: stat.id,
                started_ticks: stat.started_ticks,
                state: stat.state,
                name,
                name_size,
            });
        }
    }

    fn describe<'a>(&self, message: &'a mut Message) -> &'a mut Message {
        message.process(self.name.get(..self.name_size).unwrap_or_default(), self.id)
    }
}

/// Says how it is; returns the exit code.
pub fn health() -> u8 {
    let mut message = Message::bare();
    let is_well = look(&mut message);
    let _ = message.write_to(sys::STDOUT);
    u8::from(!is_well)
}

fn look(message: &mut Message) -> bool {
    let us = sys::process_id();
    let mut group = [0; GROUP_SIZE];
    let group_size = processes::read(us, b"/cgroup", &mut group).unwrap_or_default();
    let group = group.get(..group_size).unwrap_or_default();
    let mut buffer = Buffer::new();
    let mut init = None;
    let seen = processes::for_each(&mut |process| {
        // Other probes have the init's name as well, but none of them is the oldest.
        if let Some(stat) = processes::stat(process, &mut buffer).filter(|stat| stat.id != us)
            && Personality::from_name(stat.name).is_some()
            && (process == 1 || is_in(group, process))
        {
            Oldest::keep(&mut init, &stat);
        }
    });
    if seen.is_err() {
        message.text(text!("unhealthy: /proc cannot be read, so nothing is known"));
        return false;
    }
    let Some(init) = init else {
        message.text(text!(
            "unhealthy: no box-init runs here; start the image with its own entrypoint"
        ));
        return false;
    };
    let mut child = None;
    // Later children are orphans that the init took in.
    let _ = processes::for_each(&mut |process| {
        if let Some(stat) = processes::stat(process, &mut buffer).filter(|stat| stat.parent == init.id) {
            Oldest::keep(&mut child, &stat);
        }
    });
    let Some(child) = child else {
        message.text(text!("unhealthy: "));
        init.describe(message).text(text!(" has no child"));
        return false;
    };
    for process in [&init, &child] {
        let trouble = match process.state {
            b'T' | b't' => text!(" is stopped"),
            b'Z' | b'X' | b'x' => text!(" has ended"),
            _ => continue,
        };
        message.text(text!("unhealthy: "));
        process.describe(message).text(trouble);
        return false;
    }
    message.text(text!("healthy: "));
    child.describe(message).text(text!(" runs under "));
    init.describe(message);
    true
}

/// Whether a process is of the container that we are in: of our control group.
fn is_in(group: &[u8], process: ProcessId) -> bool {
    let mut its = [0; GROUP_SIZE];
    let size = processes::read(process, b"/cgroup", &mut its);
    size.and_then(|size| its.get(..size)) == Some(group)
}
