# shellcheck shell=sh disable=SC2154 # Nix sets $out and what else stands in the derivation.
# The advisories of Go's vulnerability database at $version, a file each in OSV's form, into $out. Wants go in PATH and a
# network. The database is a module like any other, checked against Go's checksum database.
export HOME="$PWD" GOPATH="$PWD/gopath" GOMODCACHE="$PWD/mod" GOFLAGS=-modcacherw GOTOOLCHAIN=local
go mod download "golang.org/x/vulndb@$version"
mv mod/golang.org/x/vulndb@*/data/osv "$out"
