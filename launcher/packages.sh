# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# Debian's packages.

# shellcheck disable=SC2046,SC2048,SC2086 # Packages are words.
install_packages() {
  command -v apt-get >/dev/null || die 69 "there is no apt-get here, so please install: $lacking"
  set -- $(printf '%s\n' "$@" | sort -u)
  log=$cache/apt.log
  ! is_root || update_package_lists
  # Debian 12 has Docker's client in docker.io, later ones have it apart.
  apt-cache show docker-cli >/dev/null 2>&1 || set -- "$(echo "$*" | sed 's/docker-cli//')"
  is_root || die 69 "only root can install what is missing: sudo apt-get install" $*
  say "installing with apt-get:" $*
  echo "$*" >"$cache/unfinished"
  # This heals what a killed installation left; where a package is missing for that, --fix-broken adds it.
  DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a >>"$log" 2>&1 </dev/null 9>&- || :
  apt install --no-install-recommends --fix-broken $* || {
    # It was not killed: whoever needs these asks for them again, and nobody else is to fail for them.
    rm "$cache/unfinished"
    die_with "$log" "apt-get could not install $*"
  }
  rm "$cache/unfinished"
}

# apt-get waits for dpkg's lock, but not for that of the lists, which a machine that has just started often holds.
update_package_lists() {
  say "updating apt's package lists"
  for _ in $(seq 120); do
    ! apt update || return 0
    tail -n 2 "$log" | grep -q 'Unable to lock directory' || break
    sleep 5
  done
  say "apt-get update failed, so the lists that are there have to do (see $log)"
}

# What is started here and goes on running must not inherit the launcher's lock (9).
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get --quiet --assume-yes -o DPkg::Lock::Timeout=600 \
    -o DPkg::Options::=--force-confold "$@" >>"$log" 2>&1 </dev/null 9>&-
}
