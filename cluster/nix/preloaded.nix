# The images that a node brings along, each under the name that kubeadm, upstream's manifests or the end-to-end tests
# know it by. A tag says what is inside.
{
  seed,
  debian,
  components,
  images,
  userland,
}:
let
  inherit (builtins)
    attrNames
    elemAt
    fromTOML
    head
    match
    readFile
    substring
    ;
  inherit (images)
    directory
    layer
    link
    ours
    program
    tree
    ;

  versions = {
    kubernetes = components.version "k8s.io/kubernetes";
    # Without the `v`, as kubeadm has it.
    etcd = substring 1 100 (components.version "go.etcd.io/etcd/server/v3");
    coredns = components.version "github.com/coredns/coredns";
    localPath = components.version "github.com/rancher/local-path-provisioner";
    calico =
      (fromTOML (readFile ../components.toml))
      .modules."github.com/projectcalico/calico".variables."main.VERSION";
    # `1:1.37.0-6+b9` -> `1.37.0`.
    busybox = elemAt (match "([0-9]+:)?([0-9.]+).*" debian.lock.packages.${busyboxKey}.version) 1;
  };
  busyboxKey = head debian.lock.cluster.busybox;

  kubernetes = name: "${components.some name "kubernetes" [ name ]}/bin/${name}";
  path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  # Below the components that need more than their own program.
  runtime = layer "runtime" {
    items = userland.packages "runtime" ++ [
      userland.configured
      (ours [ (link "/usr/bin/nc" "nc.openbsd") ])
    ];
    # Of runit only the supervisor is wanted, and its link /etc/service is Calico's directory.
    omit = userland.omit ++ [
      "/etc/runit/**"
      "/etc/service"
      "/etc/sv/**"
    ];
  };

  # One program, alone.
  static = name: {
    layers = [
      (layer name { items = [ (ours [ (program "/usr/local/bin/${name}" (kubernetes name)) ]) ]; })
    ];
    config.Entrypoint = [ "/usr/local/bin/${name}" ];
  };

  # Modules keep no modes: what runs is named here.
  calicoFiles =
    seed.run "calico-node-files" { calico = components.source "github.com/projectcalico/calico"; }
      ''
        cp -r $calico/node/filesystem $out
        chmod -R u+w $out
        chmod +x $out/sbin/* $out/etc/rc.local $out/etc/service/available/*/run $out/etc/service/available/*/log/run
      '';
  calicoProgram = name: "${components.some name "calico" [ name ]}/bin/${name}";

  busyboxTree = seed.run "busybox-tree" { busybox = debian.unpack busyboxKey; } ''
    mkdir -p $out/usr/bin $out/etc
    cp $busybox/usr/bin/busybox $out/usr/bin
    for applet in $($out/usr/bin/busybox --list); do
      [ -e $out/usr/bin/$applet ] || ln -s busybox $out/usr/bin/$applet
    done
    echo root:x:0:0:root:/root:/bin/sh >$out/etc/passwd
    echo nobody:x:65534:65534:nobody:/:/bin/false >>$out/etc/passwd
    printf 'root:x:0:\nnogroup:x:65534:\n' >$out/etc/group
  '';

  parts = {
    "registry.k8s.io/kube-apiserver:${versions.kubernetes}" = static "kube-apiserver";
    "registry.k8s.io/kube-controller-manager:${versions.kubernetes}" = static "kube-controller-manager";
    "registry.k8s.io/kube-scheduler:${versions.kubernetes}" = static "kube-scheduler";
    "registry.k8s.io/kube-proxy:${versions.kubernetes}" = {
      layers = [ runtime ] ++ (static "kube-proxy").layers;
    };
    "registry.k8s.io/etcd:${versions.etcd}" = static "etcd";
    "registry.k8s.io/pause:3.10" = {
      layers = [ (layer "pause" { items = [ (ours [ (program "/pause" (kubernetes "pause")) ]) ]; }) ];
      config = {
        User = "65535:65535";
        Entrypoint = [ "/pause" ];
      };
    };
    "registry.k8s.io/coredns/coredns:${versions.coredns}" = {
      layers = [
        (layer "coredns" {
          items = [
            (ours [ (program "/coredns" "${components.some "coredns" "coredns" [ "coredns" ]}/bin/coredns") ])
          ];
        })
      ];
      config.Entrypoint = [ "/coredns" ];
    };
    # The version that the tests of this Kubernetes name.
    "registry.k8s.io/e2e-test-images/agnhost:2.53" = {
      layers = [
        runtime
        (layer "agnhost" {
          items = [
            (ours [
              (program "/agnhost" (kubernetes "agnhost"))
              (link "/agnhost-2" "agnhost")
              (directory "/uploads" "0755")
            ])
          ];
        })
      ];
      config = {
        Entrypoint = [ "/agnhost" ];
        Cmd = [ "pause" ];
      };
    };
    "localhost/local-path-provisioner:${versions.localPath}" = static "local-path-provisioner";
    "docker.io/library/busybox:${versions.busybox}" = {
      layers = [
        (layer "busybox" {
          items = [
            (ours [
              (tree "/" busyboxTree)
              (link "/bin" "usr/bin")
              (link "/sbin" "usr/bin")
              (directory "/root" "0700")
              (directory "/tmp" "1777")
            ])
          ];
        })
      ];
      config.Cmd = [ "sh" ];
    };
    "docker.io/calico/node:${versions.calico}" = {
      layers = [
        runtime
        (layer "calico-node" {
          items = [
            (ours [
              (program "/usr/bin/calico-node" (calicoProgram "calico-node"))
              (tree "/etc/calico" "${calicoFiles}/etc/calico")
              (tree "/etc/service" "${calicoFiles}/etc/service")
              (program "/etc/rc.local" "${calicoFiles}/etc/rc.local")
              (tree "/usr/sbin" "${calicoFiles}/sbin")
            ])
          ];
        })
      ];
      config = {
        Env = [
          path
          "SVDIR=/etc/service/enabled"
        ];
        Cmd = [ "start_runit" ];
      };
    };
    "docker.io/calico/cni:${versions.calico}" = {
      layers = [
        (layer "calico-cni" {
          items = [
            (ours (
              [
                (program "/opt/cni/bin/install" (calicoProgram "install"))
                (program "/opt/cni/bin/calico" (calicoProgram "calico"))
                (link "/opt/cni/bin/calico-ipam" "calico")
                (directory "/tmp" "1777")
              ]
              ++ map (name: program "/opt/cni/bin/${name}" "${plugins}/${name}") [
                "bandwidth"
                "host-local"
                "loopback"
                "portmap"
                "tuning"
              ]
            ))
          ];
        })
      ];
    };
    # Its usual user, 999, is a build user of Nix on many machines: a build that ends kills every process of that user,
    # in a node's container, too.
    "docker.io/calico/kube-controllers:${versions.calico}" = {
      layers = [
        (layer "calico-kube-controllers" {
          items = [
            (ours (
              [
                (program "/usr/bin/kube-controllers" (calicoProgram "kube-controllers"))
                (program "/usr/bin/check-status" (calicoProgram "check-status"))
                (directory "/tmp" "1777")
              ]
              ++
                map
                  (place: {
                    directory = {
                      path = place;
                      mode = "0755";
                      uid = controllersUser;
                      gid = controllersUser;
                    };
                  })
                  [
                    "/profiles"
                    "/status"
                  ]
            ))
          ];
        })
      ];
      config = {
        User = toString controllersUser;
        Entrypoint = [ "/usr/bin/kube-controllers" ];
      };
    };
  };
  controllersUser = 20999;
  plugins = "${debian.unpack "containernetworking-plugins:amd64"}/usr/lib/cni";

  image =
    name:
    images.image (baseNameOf (head (match "(.*):.*" name))) parts.${name}.layers (
      { Env = [ path ]; } // parts.${name}.config or { }
    );
in
{
  inherit versions;
  names = attrNames parts;

  archive = images.archive "preloaded-images.tar" (
    map (name: {
      image = image name;
      tags = [ name ];
    }) (attrNames parts)
  );
}
