# shellcheck shell=sh disable=SC2086,SC2154 # Nix sets $out and what else stands in the derivation; lists are words.
# Go $version, as an older Go downloads a newer one for itself, into $out. Wants some go in PATH and a network.
export HOME=$PWD GOPATH=$PWD/gopath GOMODCACHE=$PWD/mod GOFLAGS=-modcacherw GOTOOLCHAIN=local
go mod download "golang.org/toolchain@v0.0.1-go$version.linux-amd64"
mv mod/golang.org/toolchain@* "$out"
# A module can hold neither the file go.mod in a folder below its own nor an executable bit.
find "$out" -name _go.mod | while read -r file; do mv "$file" "${file%/*}/go.mod"; done
chmod +x "$out"/bin/* "$out"/pkg/tool/*/*
