# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# Rust: the machine's own where it is whole and new enough, else the archives that the image is built with.

rust_lock=$root/image/lock/rust.json

rust_version() { sed -n 's/.*"version": "\(.*\)".*/\1/p' "$rust_lock"; }

# Another lock, be it of the same version, is another place: it may hold more.
rust_folder() { echo "$cache/rust-$(rust_version)-$(sha256sum "$rust_lock" | cut -c 1-8)"; }

has_rust() {
  [ ! -x "$rust/bin/cargo" ] || return 0
  oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  for tool in cargo rustc; do
    version=$(cd "$root" && "$tool" --version 2>/dev/null | cut -d ' ' -f 2)
    [ "$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ] || return 1
  done
  for tool in cargo-clippy rustfmt; do
    (cd "$root" && "$tool" --version >/dev/null 2>&1) || return 1
  done
}

install_rust() {
  say "downloading Rust to $rust"
  base=$(sed -n 's/.*"base": "\(.*\)".*/\1/p' "$rust_lock")
  rm -rf "$rust.new" && mkdir "$rust.new"
  sed -n 's/ *"\(.*-x86_64-unknown-linux-gnu\)": "\(.*\)".*/\1.tar.xz \2/p' "$rust_lock" |
    while read -r name sha256; do unpack_rust "$base/$name" "$sha256"; done || {
    status=$?
    rm -r "$rust.new"
    exit "$status"
  }
  mv "$rust.new" "$rust"
}

unpack_rust() {
  archive=$rust.new/archive
  curl --fail --silent --show-error --location --retry 3 --output "$archive" "$1" ||
    die 69 "cannot download $1; a Rust of your own ($oldest or newer, with clippy and rustfmt) would do too"
  got=$(sha256sum "$archive" | cut -d ' ' -f 1)
  [ "$got" = "$2" ] || die 65 "$1 is not what $rust_lock says: its SHA-256 is $got"
  tar --extract --xz --file "$archive" --directory "$rust.new" --strip-components 2 --exclude share ||
    die 73 "cannot unpack $1 in $rust.new"
  rm "$archive"
}
