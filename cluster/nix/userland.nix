# A set of Debian packages as the bottom of an image, with what their maintainer scripts would have done and the cluster
# needs. Packages are unpacked and never configured; files keep whether they are executable, and root owns them.
{
  debian,
  certs,
  images,
}:
let
  item = key: {
    owner = {
      kind = "debian";
      name = debian.lock.packages.${key}.package;
      inherit (debian.lock.packages.${key}) version;
    };
    entries = [
      {
        tree = {
          source = debian.unpack key;
          path = "/";
        };
      }
    ];
  };
  master = name: "${debian.unpack "base-passwd:amd64"}/usr/share/base-passwd/${name}.master";
in
{
  packages = set: map item debian.lock.cluster.${set};

  omit = [
    "/usr/share/doc/**"
    "/usr/share/doc-base/**"
    "/usr/share/info/**"
    "/usr/share/lintian/**"
    "/usr/share/locale/**"
    "/usr/share/man/**"
    # Directories that base-files makes links of.
    "/var/lock"
    "/var/run"
  ];

  # What base-files, base-passwd, ca-certificates, debianutils, iptables, libc-bin and mawk do when they are configured.
  # iptables means nftables, as on the machines that the cluster runs on.
  configured = images.ours (
    [
      (images.file "/etc/passwd" (master "passwd"))
      (images.file "/etc/group" (master "group"))
      (images.file "/etc/ssl/certs/ca-certificates.crt" certs.bundle)
      (images.directory "/root" "0700")
      (images.directory "/tmp" "1777")
      (images.directory "/var/tmp" "1777")
    ]
    ++ images.links (
      {
        "/etc/nsswitch.conf" = "/usr/share/libc-bin/nsswitch.conf";
        "/usr/bin/awk" = "mawk";
        "/usr/bin/which" = "which.debianutils";
        "/var/lock" = "/run/lock";
        "/var/run" = "/run";
      }
      // builtins.listToAttrs (
        builtins.concatMap
          (
            family:
            map
              (what: {
                name = "/usr/sbin/${family}${what}";
                value = "/usr/sbin/${family}-nft${what}";
              })
              [
                ""
                "-restore"
                "-save"
              ]
          )
          [
            "iptables"
            "ip6tables"
          ]
      )
    )
  );
}
