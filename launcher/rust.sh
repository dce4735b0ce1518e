# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# Rust: the machine's own where it is whole and new enough, else the archives that the image is built with.

rust_lock=$root/image/lock/rust.json

rust_version() { sed -n 's/.*"version": "\(.*\)".*/\1/p' "$rust_lock"; }

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
  new=$rust.new
  rm -rf "$new" && mkdir "$new"
  sed -n 's/ *"\(.*-x86_64-unknown-linux-gnu\)": "\(.*\)".*/\1.tar.xz \2/p' "$rust_lock" |
    while read -r name sha256; do unpack_rust "$base/$name" "$sha256" "$new" || exit; done ||
    { status=$? && rm -r "$new" && die "$status" "Rust could not be installed"; }
  mv "$new" "$rust"
}

unpack_rust() {
  curl --fail --silent --show-error --location --retry 3 --output "$3/archive" "$1" || return 69
  echo "$2  $3/archive" | sha256sum --check --status || {
    say "$1 is not what $rust_lock says: its SHA-256 is $(sha256sum <"$3/archive")"
    return 65
  }
  tar --extract --xz --strip-components 2 --exclude share --exclude manifest.in --directory "$3" --file "$3/archive" && rm "$3/archive"
}
