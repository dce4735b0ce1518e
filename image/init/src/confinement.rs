//! What this process may still ask the kernel for once its program runs: an allow-list, checked by the kernel (seccomp).
//!
//! It is installed after the program was started, so the program does not have it. A call that is not on it fails with EPERM; it does
//! not end us, because with process 1 the whole container would end.

use crate::sys::{self, FilterInstruction, OPEN_FLAGS_WRITING, numbers};

/// Places in `struct seccomp_data`.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
/// The lower half of the third argument: what `openat(2)` is to do with the file.
const OFFSET_OPEN_FLAGS: u32 = 32;

/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_JMP | BPF_JSET | BPF_K`, `BPF_RET | BPF_K` of linux/bpf_common.h.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const REFUSE: u32 = 0x0005_0001;

const PLAIN: usize = numbers::PLAIN.len();
const SIZE: usize = 3 + PLAIN + 6;

/// The filter of this architecture.
// The kernel reads it when the rest is forgotten already (layout.ld).
#[cfg_attr(laid_out, unsafe(link_section = ".rodata.box_init_loop"))]
pub static FILTER: [FilterInstruction; SIZE] = filter(sys::AUDIT_ARCHITECTURE, numbers::OPENAT, numbers::PLAIN);

/// From here on we can do nothing but wait, send signals, reap, look at /proc, speak and end. Where the kernel or an emulator has no
/// filters we go on without.
pub fn confine() {
    let _ = sys::confine(&FILTER);
}

const fn filter(architecture: u32, open: u32, plain: [u32; PLAIN]) -> [FilterInstruction; SIZE] {
    let mut filter = [instruction(RETURN, 0, 0, REFUSE); SIZE];
    let last = SIZE - 1;
    // 0: another architecture's numbers mean other calls.
    filter[0] = instruction(LOAD, 0, 0, OFFSET_ARCHITECTURE);
    filter[1] = instruction(JUMP_IF_EQUAL, 0, (last - 2) as u8, architecture);
    filter[2] = instruction(LOAD, 0, 0, OFFSET_NUMBER);
    let mut index = 0;
    while index < PLAIN {
        let place = 3 + index;
        filter[place] = instruction(JUMP_IF_EQUAL, (last - 1 - place - 1) as u8, 0, plain[index]);
        index += 1;
    }
    // Opening is for reading alone.
    let place = 3 + PLAIN;
    filter[place] = instruction(JUMP_IF_EQUAL, 0, 2, open);
    filter[place + 1] = instruction(LOAD, 0, 0, OFFSET_OPEN_FLAGS);
    filter[place + 2] = instruction(JUMP_IF_ANY_BIT, 0, 1, OPEN_FLAGS_WRITING);
    filter[place + 3] = instruction(RETURN, 0, 0, REFUSE);
    filter[place + 4] = instruction(RETURN, 0, 0, ALLOW);
    filter[place + 5] = instruction(RETURN, 0, 0, REFUSE);
    filter
}

const fn instruction(code: u16, skip_if: u8, skip_else: u8, operand: u32) -> FilterInstruction {
    FilterInstruction {
        code,
        skip_if,
        skip_else,
        operand,
    }
}

#[cfg(test)]
mod tests;
