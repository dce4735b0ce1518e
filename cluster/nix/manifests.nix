# Upstream's manifests, out of their modules, as this cluster wants them.
{
  seed,
  components,
  versions,
}:
let
  patched =
    name: source: image:
    seed.run "${name}.yaml"
      {
        inherit source image;
        patch = ../manifests + "/${name}/kustomization.yaml";
        path = [ (components.some "kubectl" "kubernetes" [ "kubectl" ]) ];
        HOME = "/homeless";
      }
      ''
        cp $source upstream.yaml
        cp $patch kustomization.yaml
        kubectl kustomize . >$out
        # An image that the node does not bring along would be found missing much later.
        grep -q "image: $image\$" $out || { echo "no image $image in $out" >&2; exit 65; }
      '';
in
{
  calico =
    patched "calico" "${components.source "github.com/projectcalico/calico"}/manifests/calico-vxlan.yaml"
      "docker.io/calico/node:${versions.calico}";
  storage =
    patched "storage"
      "${components.source "github.com/rancher/local-path-provisioner"}/deploy/local-path-storage.yaml"
      "docker.io/library/busybox:${versions.busybox}";
}
