//! The image and its manifests, tried as a user would.
