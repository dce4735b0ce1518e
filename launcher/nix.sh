# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# Nix: root opens the store itself, so no daemon is needed.

nix_is_configured() {
  nix_can_open_root || return 1
  if is_root; then
    id nixbld1 >/dev/null 2>&1 && [ -e /etc/nix/nix.conf ]
  else
    store_is_open && trust_is_said
  fi
}

nix_can_open_root() { case $root in *[!A-Za-z0-9/._+-]*) return 1 ;; esac }
store_is_open() { [ -w /nix/var/nix/db ] || [ -S /nix/var/nix/daemon-socket/socket ]; }

configure_nix() {
  nix_can_open_root ||
    die 64 "Nix cannot open a checkout under the name $root:" \
      "move it where the path holds letters, digits and /._+- alone"
  is_root || store_is_open ||
    die 69 "Nix's store is not $(id -un)'s and no nix-daemon runs:" \
      "sudo systemctl start nix-daemon, or use sudo for this command"
  ! is_root || { create_build_users && write_nix_conf; }
  say_whom_builds_trust
}

# Once for each bundle.
trust_is_said() {
  is_root || [ -w /nix/var/nix/db ] || return 0
  trusted=$(trusted_bundle)
  { [ -e "$trusted" ] && [ "$trusted" != "$system_bundle" ]; } || return 0
  [ "$trusted" = "$(cat "$cache/trusted" 2>/dev/null)" ]
}

say_whom_builds_trust() {
  ! trust_is_said || return 0
  say "builds trust this machine's certificates: $trusted"
  echo "$trusted" >"$cache/trusted"
}

trusted_bundle() { echo "${NIX_SSL_CERT_FILE:-${SSL_CERT_FILE:-$system_bundle}}"; }

create_build_users() {
  ! id nixbld1 >/dev/null 2>&1 || return 0
  say "creating the group nixbld and its users nixbld1 to nixbld8, who run Nix's builds"
  getent group nixbld >/dev/null || groupadd --system nixbld
  # Around a build Nix kills every process of its user. Below 1000 that could be a container's: many images use 999.
  for number in 8 7 6 5 4 3 2 1; do
    id "nixbld$number" >/dev/null 2>&1 || useradd --system -K SYS_UID_MIN=30001 -K SYS_UID_MAX=30999 --gid nixbld \
      --groups nixbld --no-create-home --home-dir /var/empty --shell /usr/sbin/nologin "nixbld$number"
  done
}

write_nix_conf() {
  [ ! -e /etc/nix/nix.conf ] || return 0
  trust=
  [ ! -e "$system_bundle" ] || trust=": builds trust this machine's certificates ($system_bundle)"
  say "writing /etc/nix/nix.conf$trust"
  mkdir -p /etc/nix
  (unset NIX_SSL_CERT_FILE SSL_CERT_FILE && nix_settings) >/etc/nix/nix.conf.new
  mv /etc/nix/nix.conf.new /etc/nix/nix.conf
}

nix_settings() {
  echo "extra-experimental-features = nix-command flakes"
  # A daemon decides the rest for its clients.
  is_root || [ -w /nix/var/nix/db ] || return 0
  ! is_root || echo "build-users-group = nixbld"
  echo "sandbox = true"
  echo "sandbox-fallback = false"
  echo "substituters ="
  echo "keep-outputs = true"
  echo "max-jobs = auto"
  echo "cores = 0"
  # Builds that fetch trust what this machine trusts, be it a private authority.
  bundle=$(trusted_bundle)
  [ ! -e "$bundle" ] || echo "extra-sandbox-paths = $system_bundle=$bundle"
}
