# What the sources that need the network trust: Mozilla's list out of Debian's package, or, where the machine lets the
# sandbox see a list of its own (extra-sandbox-paths: a private CA), that one.
{ seed, debian }:
{
  bundle = seed.run "ca-bundle.crt" { certificates = debian.unpack "ca-certificates:all"; } ''
    cat $certificates/usr/share/ca-certificates/mozilla/*.crt >$out
  '';

  # Shell text; wants $certs.
  use = ''
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || certs=/etc/ssl/certs/ca-certificates.crt
    export SSL_CERT_FILE=$certs CARGO_HTTP_CAINFO=$certs
  '';
}
