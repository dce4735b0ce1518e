# What the image says of itself.
{
  version,
  archives,
  claudeLock,
}:
let
  inherit (builtins) attrNames concatMap concatStringsSep;

  # 20261121T000000Z -> 2026-11-21T00:00:00Z: the image is as old as the newest package list it was resolved from.
  newest = builtins.foldl' (a: b: if a < b then b else a) "" (
    map (archive: archive.snapshot) (builtins.attrValues archives)
  );
  part = start: length: builtins.substring start length newest;

  # What an architecture's packages were resolved without, and which Claude Code each has.
  without = concatMap (
    name:
    let
      lacking = archives.${name}.without or { };
    in
    map (arch: "${arch}: ${concatStringsSep " " lacking.${arch}}") (attrNames lacking)
  ) (attrNames archives);
  claude = map (arch: "${arch}: ${claudeLock.${arch}.version}") (attrNames claudeLock);
in
{
  created = "${part 0 4}-${part 4 2}-${part 6 2}T${part 9 2}:${part 11 2}:${part 13 2}Z";

  accounts = [
    {
      name = "claude";
      uid = 10000;
      gid = 10000;
      home = "/home/claude";
      shell = "/bin/bash";
    }
  ];

  # Left out of every package; copyright files always stay.
  omit = [
    "/usr/share/doc/**"
    "/usr/share/doc-base/**"
    "/usr/share/info/**"
    "/usr/share/lintian/**"
    "/usr/share/locale/**"
    "/usr/share/man/**"

    # perf is linked with the libraries of Perl and Python, for scripts that the image does not have; it works without.
    "/usr/bin/cpan5.*"
    "/usr/bin/perl5.*"
    "/usr/lib/*/perl/**"
    "/usr/lib/perf-core/scripts/**"
    "/usr/lib/perf-core/tests/**"
    "/usr/lib/python3/**"
    "/usr/share/perl5/**"

    # What serves instead of asking, repairs a server's files, or runs programs that were compiled elsewhere.
    "/usr/bin/bpftrace-aotrt"
    "/usr/bin/git-shell"
    "/usr/bin/my_print_defaults"
    "/usr/bin/redis-check-*"
    "/usr/bin/scalar"
    "/usr/lib/git-core/git-daemon"
    "/usr/lib/git-core/git-http-backend"
    "/usr/lib/git-core/git-imap-send"
    "/usr/lib/git-core/git-shell"
    "/usr/lib/git-core/scalar"

    # For building, for other shells, for desktops, for init systems, for Debian's bug reports: none of it is here.
    "/usr/include/**"
    "/usr/lib/postgresql/*/lib/pgxs/**"
    "/usr/lib/systemd/**"
    "/usr/lib/tmpfiles.d/**"
    "/usr/share/applications/**"
    "/usr/share/apport/**"
    "/usr/share/bug/**"
    "/usr/share/fish/**"
    "/usr/share/icons/**"
    "/usr/share/zsh/**"
  ];

  config = {
    User = "10000:10000";
    Env = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
      "HOME=/home/claude"
      "LANG=C.UTF-8"
    ];
    Entrypoint = [
      "/usr/bin/box-init"
      "--"
      "/usr/bin/box-entrypoint"
    ];
    WorkingDir = "/workspace";
    StopSignal = "SIGTERM";
  };

  annotations = {
    "org.opencontainers.image.title" = "claude-in-a-box";
    "org.opencontainers.image.description" = "Claude Code for DevOps work in one hardened image";
    "org.opencontainers.image.licenses" = "Apache-2.0";
    "org.opencontainers.image.version" = version;
    "io.claude-in-a-box.claude-code" = concatStringsSep ", " claude;
  }
  // (
    if without == [ ] then
      { }
    else
      { "io.claude-in-a-box.resolved-without" = concatStringsSep ", " without; }
  );
}
