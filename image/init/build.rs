//! Tells the linker where the program begins, as no C runtime does it, and what nobody would ever read.
//!
//! Start files that the target links in any case are then unreachable and dropped, so this crate needs no flags from outside: it
//! builds like every other crate of the workspace.

fn main() -> std::io::Result<()> {
    let target_env = std::env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
    let is_debugged = std::env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let mut linker_arguments: Vec<String> = if target_env == "musl" {
        // The linker is rust-lld itself.
        ["--entry=box_init_start", "--no-pie", "-lc"].map(str::to_owned).into()
    } else {
        // The linker is a C compiler's driver: the host, for development and tests.
        ["-nostartfiles", "-Wl,--entry=box_init_start", "-lc"]
            .map(str::to_owned)
            .into()
    };
    println!("cargo::rustc-check-cfg=cfg(laid_out)");
    if target_env == "musl" && !is_debugged {
        println!("cargo::rustc-cfg=laid_out");
        let layout = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default() + "/layout.ld";
        linker_arguments.extend([
            format!("-T{layout}"),
            "--strip-all".to_owned(),
            // What is not loaded is not looked at by a kernel.
            "-znosectionheader".to_owned(),
            "-znorelro".to_owned(),
        ]);
    }
    // `core` wants memcpy and its like, hence the C library: these objects of it, and nothing that needs to be initialised.
    for argument in linker_arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=layout.ld");
    Ok(())
}
