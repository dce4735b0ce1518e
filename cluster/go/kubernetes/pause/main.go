// pause holds a pod's namespaces open and is PID 1 wherever containers share one: it adopts orphans, collects them
// when they end, and ends itself when the runtime says so. Upstream's is a C program; this one needs no C compiler.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// As wide as a burst is likely to be. A lost SIGCHLD loses no child: each one received collects all that ended.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGINT, syscall.SIGTERM)
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "pause: not process 1, so orphans are not adopted")
	}
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// reap collects every child that has ended; without it they would stay as zombies for as long as the pod lives.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
