//! What is possible without an init: what the kernel itself takes.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode};

use rustix::process::WaitOptions;

use super::running::broken;
use crate::failure::{Code, Failure};
use crate::process;

/// Starts a program and waits for whatever ends, until that has.
pub(crate) fn reap(program: &[OsString]) -> Result<ExitCode, Failure> {
    let (name, arguments) = program
        .split_first()
        .ok_or_else(|| Failure::new(Code::Usage, "there is no program to start".to_owned()))?;
    let mut command = Command::new(name);
    let child = command.args(arguments).spawn();
    let child = child.map_err(|error| process::not_started(&command, &error))?.id();
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, _))) if ended.as_raw_nonzero().get().unsigned_abs() == child => {
                return Ok(ExitCode::SUCCESS);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(broken(&format!("there is nobody to wait for: {errno}"))),
        }
    }
}

/// The smallest program that only pauses, for amd64: an ELF header, the header of its one segment, and `pause(2)` in a loop.
#[rustfmt::skip]
const PAUSE: [u8; 131] = [
    // The file: 64 bits, little-endian, executable, for x86-64; it begins at 0x400078, and its program header is at 64.
    0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40, 0, 0, 0, 0, 0,
    64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0,
    // The segment: all of the file, at 0x400000, read and executed.
    1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
    131, 0, 0, 0, 0, 0, 0, 0, 131, 0, 0, 0, 0, 0, 0, 0,
    0, 16, 0, 0, 0, 0, 0, 0,
    // mov eax, 34; syscall; jmp to the first
    0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7, 0x90, 0x90,
];

/// That program, as a file to be executed.
pub(super) fn pause() -> Result<tempfile::TempPath, Failure> {
    let failed = |error: std::io::Error| broken(&format!("cannot write a program that pauses: {error}"));
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(&PAUSE).map_err(failed)?;
    let path = file.into_temp_path();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).map_err(failed)?;
    Ok(path)
}
