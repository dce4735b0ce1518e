# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# The Docker daemon: one that answers is left alone.

docker_answers() { timeout 20 docker version >/dev/null 2>&1; }

start_docker() {
  [ -z "${DOCKER_HOST-}" ] ||
    die 69 "no Docker daemon answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset DOCKER_HOST"
  is_root || die 69 "no Docker daemon answers $(id -un):" \
    "sudo $root/cbox --install docker, sudo usermod -aG docker $(id -un), log in again"
  log=$cache/dockerd.log
  if systemctl show --property LoadState docker.service 2>/dev/null | grep -q =loaded; then
    say "starting the Docker daemon with systemd"
    systemctl start docker.service >"$log" 2>&1 || die_with "$log" "systemd could not start docker.service"
    pid=$$
  else
    say "starting the Docker daemon (its log: $log)"
    forget_dead_daemons
    run_dockerd &
    pid=$!
  fi
  deadline=$(($(date +%s) + 60))
  while [ "$(date +%s)" -lt "$deadline" ]; do
    ! docker_answers || return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  docker version >>"$log" 2>&1 || die_with "$log" "the Docker daemon ended, or did not answer for a minute"
}

# Where a killed daemon left its traces, the next one takes some other process for it, or waits for an answer.
forget_dead_daemons() {
  for daemon in dockerd=/run/docker.pid containerd=/run/docker/containerd/containerd.pid; do
    pid_file=${daemon#*=}
    [ -e "$pid_file" ] || continue
    # A killed process that nobody has waited for is still there, but has no program.
    case $(readlink "/proc/$(cat "$pid_file")/exe") in
    */"${daemon%%=*}"*) ;;
    *) rm "$pid_file" ;;
    esac
  done
  socket=/run/containerd/containerd.sock
  [ ! -S $socket ] || grep -q $socket /proc/net/unix || rm $socket
}

run_dockerd() {
  # shellcheck disable=SC3045 # dash has it.
  ulimit -n "$(ulimit -Hn)"
  [ -e /sys/fs/cgroup/cgroup.controllers ] ||
    say "control groups v1 here: Docker manages them itself (cgroupfs)"
  withheld=$(withheld_capabilities)
  set --
  if [ -n "$withheld" ]; then
    say "this machine withholds $withheld even from root, so containers will do without"
    sed "s/@WITHHELD@/$(echo "$withheld" | tr ' ' '|')/" "$root/launcher/runtime.sh" >"$cache/runtime.new"
    chmod +x "$cache/runtime.new"
    mv "$cache/runtime.new" "$cache/runtime"
    set -- --add-runtime "within-bounds=$cache/runtime" --default-runtime within-bounds
  fi
  exec setsid dockerd "$@" >"$log" 2>&1 </dev/null 9>&-
}

withheld_capabilities() {
  bounds=,$(setpriv --dump | sed -n 's/^Capability bounding set: //p'),
  for capability in $(setpriv --list-caps); do
    case $bounds in *",$capability,"*) ;; *) echo "CAP_$capability" ;; esac
  done | tr '[:lower:]' '[:upper:]' | paste -s -d ' '
}
