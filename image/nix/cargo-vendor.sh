# shellcheck shell=sh disable=SC2086,SC2154 # Nix sets $out and what else stands in the derivation; lists are words.
# The crates that the workspace in the current directory is built from, into $out, with the lock that names just them.
# Wants cargo in PATH and a network. Versions are those of the workspace's own lock: cargo only leaves out what the
# members here do not use.
export CARGO_HOME=$PWD/cargo-home
cargo vendor --quiet --versioned-dirs "$out" >/dev/null
mkdir -p "$out"
cp Cargo.lock "$out/Cargo.lock"
