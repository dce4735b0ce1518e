# The node: Debian's userland, kind's own base files out of its module, Kubernetes, the preloaded images, and few files
# of ours (../rootfs/node).
{
  seed,
  debian,
  components,
  images,
  userland,
  preloaded,
  manifests,
}:
let
  inherit (images)
    file
    layer
    link
    links
    ours
    program
    tree
    ;

  version = preloaded.versions.kubernetes;
  rootfs = builtins.path {
    path = ../rootfs/node;
    name = "node-rootfs";
  };

  base = layer "node-userland" {
    items = userland.packages "node" ++ [
      userland.configured
      (ours (
        links (
          {
            "/usr/sbin/init" = "/usr/lib/systemd/systemd";
            # Where kind's unit starts it from.
            "/usr/local/bin/containerd" = "/usr/bin/containerd";
          }
          # The directory that Calico adds its own plugins to.
          // builtins.listToAttrs (
            map
              (name: {
                name = "/opt/cni/bin/${name}";
                value = "/usr/lib/cni/${name}";
              })
              [
                "bandwidth"
                "bridge"
                "host-local"
                "loopback"
                "portmap"
                "ptp"
                "tuning"
              ]
          )
        )
      ))
    ];
    omit = userland.omit ++ [
      # No unit runs unless it is asked for below.
      "/etc/systemd/system/**"
      "/usr/lib/systemd/system/*.wants/**"
      # kind's files stand in their place.
      "/etc/containerd/**"
      "/usr/lib/systemd/system/containerd.service"
    ];
  };

  # What multi-user.target is for on this node.
  services = [
    "containerd"
    "inotify-limits"
    "kubelet"
    "preloaded-images"
    "undo-mount-hacks"
  ];
  # Of what systemd's packages would start, what a container needs.
  wanted = {
    "sysinit.target" = [
      "dev-mqueue.mount"
      "systemd-journald.service"
      "systemd-sysctl.service"
      "systemd-sysusers.service"
    ];
    "sockets.target" = [
      "dbus.socket"
      "systemd-journald-dev-log.socket"
      "systemd-journald.socket"
    ];
  };
  enabled = builtins.listToAttrs (
    map (name: {
      name = "/etc/systemd/system/multi-user.target.wants/${name}.service";
      value = "/etc/systemd/system/${name}.service";
    }) services
    ++ builtins.concatMap (
      target:
      map (unit: {
        name = "/etc/systemd/system/${target}.wants/${unit}";
        value = "/usr/lib/systemd/system/${unit}";
      }) wanted.${target}
    ) (builtins.attrNames wanted)
  );

  # kind's base image, adapted: each change is looked for afterwards, since another kind may word it differently.
  kind = seed.run "kind-base-files" { kind = components.source "sigs.k8s.io/kind"; } ''
    cp -r $kind/images/base/files $out
    chmod -R u+w $out
    # Modules keep no modes.
    chmod +x $out/usr/local/bin/* $out/kind/bin/*
    rm -r $out/LICENSES $out/usr/local/bin/clean-install
    config=$out/etc/containerd/config.toml
    # Not every machine lets a container lower its OOM score: containerd then leaves it where it is.
    sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' $config
    grep -q '^ *restrict_oom_score_adj = true$' $config
    grep -q 'sandbox_image = "registry.k8s.io/pause:3.10"' $config
    cat >>$config <<'EOF'

    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "/etc/containerd/certs.d"

    # Debian's containerd would look in /usr/lib/cni.
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/opt/cni/bin"
    EOF
  '';

  # The runtime specification that kind's configuration names: containerd's own, with kind's hook and without limits.
  runtimeSpec =
    seed.run "cri-base.json"
      {
        containerd = debian.unpack "containerd:amd64";
        libraries = map debian.unpack [
          "jq:amd64"
          "libc6:amd64"
          "libjq1:amd64"
          "libonig5:amd64"
          "libseccomp2:amd64"
        ];
      }
      ''
        mkdir root
        for library in $libraries; do cp -dR $library/. root; chmod -R u+w root; done
        lib=root/usr/lib/x86_64-linux-gnu
        debian() { $lib/ld-linux-x86-64.so.2 --library-path $lib "$@"; }
        debian $containerd/usr/bin/ctr oci spec >spec.json
        debian root/usr/bin/jq --sort-keys \
          '.hooks.createContainer = [{ path: "/kind/bin/mount-product-files.sh" }] | del(.process.rlimits)' spec.json >$out
        grep -q cgroupsPath $out
      '';

  kubernetes = components.some "node-kubernetes" "kubernetes" [
    "kubeadm"
    "kubectl"
    "kubelet"
  ];
  named = seed.run "kind-version" { inherit version; } "printf %s $version >$out";
in
images.image "kind-node-${version}"
  [
    base
    (layer "node-kubernetes" {
      items = [
        (ours (
          map (name: program "/usr/bin/${name}" "${kubernetes}/bin/${name}") [
            "kubeadm"
            "kubectl"
            "kubelet"
          ]
          ++ [ (file "/kind/version" named) ]
        ))
      ];
    })
    (layer "node-images" { items = [ (ours [ (file "/kind/images.tar" preloaded.archive) ]) ]; })
    (layer "node-kind" {
      items = [
        (ours (
          [
            (tree "/" kind)
            (tree "/" rootfs)
            (file "/etc/containerd/cri-base.json" runtimeSpec)
            (file "/kind/manifests/calico.yaml" manifests.calico)
            (file "/kind/manifests/default-storage.yaml" manifests.storage)
            (images.directory "/etc/kubernetes/manifests" "0755")
          ]
          ++ links enabled
        ))
      ];
    })
  ]
  {
    # How systemd knows what it runs in, and the signal that it ends at: "The Container Interface" of systemd.
    Env = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
      "container=docker"
    ];
    StopSignal = "SIGRTMIN+3";
    Entrypoint = [
      "/usr/local/bin/entrypoint"
      "/sbin/init"
    ];
  }
