# shellcheck shell=sh disable=SC2086,SC2154 # Nix sets $out and what else stands in the derivation; lists are words.
# The modules that $packages of the wrapper module $src are built from on any of $goarches, as the file tree of a
# module proxy, into $out. Wants go in PATH and a network. What is kept, .mod and .zip, was checked against go.sum;
# the rest is a record of this one download.
export HOME=$PWD GOPATH=$PWD/gopath GOMODCACHE=$PWD/mod GOCACHE=$PWD/cache GOTOOLCHAIN=local
export GOFLAGS="-mod=readonly -modcacherw" GOOS=linux CGO_ENABLED=0
# One call a package: what two programs import may collide where no single one does.
for goarch in $goarches; do
  for package in $packages; do
    (cd "$src" && GOARCH=$goarch go list -deps "$package" >/dev/null)
  done
done
downloads=$PWD/mod/cache/download
find "$downloads" -type f ! -name '*.mod' ! -name '*.zip' -delete
find "$downloads" -type d -empty -delete
mv "$downloads" "$out"
