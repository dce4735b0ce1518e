//! What `ldconfig` looks at in a shared library: its machine and its soname. Pure.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind};
use serde::{Deserialize, Serialize};

use crate::tree::{Kind, Tree};

/// A shared library of a layer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Where it is in the image, without a leading slash.
    pub path: String,
    /// The name that programs ask for; a library without one goes by its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// Its kind and machine, as the loader's cache has them.
    pub flags: u32,
}

/// glibc's `sysdeps/generic/ldconfig.h`: a library of this C library, and its machine.
mod flag {
    pub(super) const LIBC6: u32 = 0x0003;
    pub(super) const X8664_LIB64: u32 = 0x0300;
    pub(super) const ARM_LIBHF: u32 = 0x0900;
    pub(super) const AARCH64_LIB64: u32 = 0x0a00;
    pub(super) const ARM_LIBSF: u32 = 0x0b00;
}

/// Whether a name is one that the loader's cache may hold.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (name.starts_with("lib") || name.starts_with("ld-") || name.starts_with("ld.so."))
        && name.contains(".so")
        && !name.ends_with("-gdb.py")
}

/// The libraries of a tree that packages brought, in the order of their paths. What is a file of this machine is no
/// library that the loader would look for.
#[must_use]
pub fn of_tree(tree: &Tree) -> Vec<Library> {
    let library = |(path, entry): (&crate::path::ImagePath, &crate::tree::Entry)| {
        let path = path.as_str();
        let name = path.rsplit('/').next().unwrap_or(path);
        let Kind::File(content) = entry.kind else { return None };
        let (soname, flags) = read(tree.bytes(content).filter(|_| is_name(name))?)?;
        Some(Library {
            path: path.to_owned(),
            soname,
            flags,
        })
    };
    tree.entries.iter().filter_map(library).collect()
}

/// Soname and flags; nothing for what is no shared library of a machine that is known here.
#[must_use]
pub fn read(file: &[u8]) -> Option<(Option<String>, u32)> {
    match FileKind::parse(file).ok()? {
        FileKind::Elf32 => read_class::<FileHeader32<Endianness>>(file),
        FileKind::Elf64 => read_class::<FileHeader64<Endianness>>(file),
        _ => None,
    }
}

fn read_class<Elf: FileHeader<Endian = Endianness>>(file: &[u8]) -> Option<(Option<String>, u32)> {
    let header = Elf::parse(file).ok()?;
    let endian = header.endian().ok()?;
    if header.e_type(endian) != elf::ET_DYN {
        return None;
    }
    let arm = |flags: u32| match flags {
        flags if flags & elf::EF_ARM_EABIMASK != elf::EF_ARM_EABI_VER5 => 0,
        flags if flags & elf::EF_ARM_ABI_FLOAT_HARD != 0 => flag::ARM_LIBHF,
        flags if flags & elf::EF_ARM_ABI_FLOAT_SOFT != 0 => flag::ARM_LIBSF,
        _ => 0,
    };
    let machine = match header.e_machine(endian) {
        elf::EM_X86_64 => flag::X8664_LIB64,
        elf::EM_AARCH64 => flag::AARCH64_LIB64,
        elf::EM_ARM => arm(header.e_flags(endian)),
        _ => return None,
    };
    let segments = header.program_headers(endian, file).ok()?;
    let dynamic = segments
        .iter()
        .find_map(|segment| segment.dynamic(endian, file).ok()?)?;
    let value = |tag: i64| {
        let entry = dynamic
            .iter()
            .find(|entry| i64::from(entry.tag32(endian).unwrap_or_default()) == tag)?;
        Some(entry.d_val(endian).into())
    };
    let soname = || {
        let (address, offset) = (value(elf::DT_STRTAB)?, value(elf::DT_SONAME)?);
        let strings = segments.iter().find_map(|segment| {
            segment
                .data_range(endian, file, address, 1)
                .ok()??
                .first()
                .map(|_| segment)
        })?;
        let start: u64 = address
            .checked_sub(strings.p_vaddr(endian).into())?
            .checked_add(offset)?;
        let bytes = strings.data(endian, file).ok()?.get(usize::try_from(start).ok()?..)?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        String::from_utf8(bytes.get(..end)?.to_vec()).ok()
    };
    Some((soname(), flag::LIBC6 | machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("libc.so.6", true)]
    #[case("ld-linux-x86-64.so.2", true)]
    #[case("libpython3.so-gdb.py", false)]
    #[case("libc.a", false)]
    #[case("xlib.so", false)]
    fn names_are_those_of_libraries(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_name(name), expected);
    }

    #[test]
    fn a_linkers_script_is_no_library() {
        assert_eq!(read(b"/* GNU ld script */ GROUP ( /lib/libc.so.6 )"), None);
        assert_eq!(read(b""), None);
    }
}
