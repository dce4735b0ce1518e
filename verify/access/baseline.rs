//! What Kubernetes gives to everybody who has a token.

use crate::access::load::{self, LoadError};
use crate::access::object::Objects;

/// How explanations name the file.
pub const FILE: &str = "verify/access/baseline.yaml";

/// The objects of the API server's bootstrap policy that bind every service account.
///
/// # Errors
///
/// When the file that is compiled in is wrong, which a test rules out.
pub fn objects() -> Result<Objects, LoadError> {
    load::from_yaml(FILE, include_str!("baseline.yaml"))
}
