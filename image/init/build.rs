//! Tells the linker where the program begins, as no C runtime does it.
//!
//! Start files that the target links in any case are then unreachable and dropped, so this crate needs no flags from outside: it
//! builds like every other crate of the workspace.

fn main() {
    let target_env = std::env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
    let linker_arguments: &[&str] = if target_env == "musl" {
        // The linker is rust-lld itself.
        &["--entry=box_init_start", "--no-pie", "-lc"]
    } else {
        // The linker is a C compiler's driver: the host, for development and tests.
        &["-nostartfiles", "-Wl,--entry=box_init_start", "-lc"]
    };
    // `core` wants memcpy and its like, hence the C library: these objects of it, and nothing that needs to be initialised.
    for argument in linker_arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
