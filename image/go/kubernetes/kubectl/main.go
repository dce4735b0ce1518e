// kubectl. Kubernetes keeps its main package in k8s.io/kubernetes, which is not made to be a dependency; everything
// below that main is in k8s.io/kubectl.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	// The ways to log in to a cluster register themselves.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	// Flags are parsed only after plugins were looked for, so the verbosity of that search is read ahead.
	// A wrong value is reported when the flags are parsed.
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
