#!/bin/sh
# Every watcher on the machine counts against these, whichever container it is in; the kernel's own numbers are enough
# for one cluster or two, and the next one's kubelet then ends with "inotify_init: too many open files". They are the
# machine's, so they are only ever raised.
set -eu
raise() {
  [ "$(cat "/proc/sys/fs/inotify/$1")" -ge "$2" ] || echo "$2" >"/proc/sys/fs/inotify/$1"
}
raise max_user_instances 8192
raise max_user_watches 1048576
