# One name per architecture in each vocabulary; the attribute's own name is Debian's.
{
  amd64 = {
    rust = "x86_64-unknown-linux-musl";
    goarch = "amd64";
    goarm = "";
  };
  arm64 = {
    rust = "aarch64-unknown-linux-musl";
    goarch = "arm64";
    goarm = "";
  };
  armhf = {
    rust = "armv7-unknown-linux-musleabihf";
    goarch = "arm";
    goarm = "7";
  };
}
