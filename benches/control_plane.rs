//! How long the control plane alone takes until it answers: `cbox bench cluster` says how it is measured and beside what.

#![allow(clippy::expect_used)]

use std::time::Instant;

use verify::cluster::control_plane::{ControlPlane, Options};
use verify::programs;

fn main() {
    let options = Options::new(&programs::directory());
    let started = Instant::now();
    let control_plane = ControlPlane::start(&options).expect("the control plane starts");
    let seconds = started.elapsed().as_secs_f64();
    drop(control_plane);
    println!("seconds {seconds:.3}");
}
