module claude-in-a-box/cluster/kind

go 1.24

require sigs.k8s.io/kind v0.30.0
