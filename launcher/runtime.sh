#!/bin/sh
# An OCI runtime for a machine that withholds capabilities even from root: takes them out of what a container asks for,
# then runs runc, which would refuse otherwise. ./cbox fills in the names and gives this to dockerd.
withheld='@WITHHELD@'

for argument; do
  case ${previous-} in
  --bundle) request=$argument/config.json ;;
  --process) request=$argument ;;
  esac
  previous=$argument
done
[ ! -f "${request-}" ] || sed --in-place --regexp-extended ':name
  s/("capabilities":\{[^}]*)"('"$withheld"')",?/\1/
  t name
  :comma
  s/("capabilities":\{[^}]*),\]/\1]/
  t comma' "$request"
exec runc "$@"
