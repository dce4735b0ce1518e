//! What `assemble` makes of packages, and what it refuses.
//!
//! `fixture` makes packages in memory; `formats` reads what others write; `package` is every refusal of a package,
//! and `fuzz` what no refusal was written for;
//! `layer` is what packages, rules and items become; `images` goes from packages to an archive through the program.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod fixture;
mod formats;
mod fuzz;
mod images;
mod layer;
mod package;
