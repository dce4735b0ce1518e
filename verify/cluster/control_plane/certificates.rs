//! Who is who in a control plane: an authority of its own, the server's certificate and the clients'.
//!
//! What the names mean to an API server: the common name is the user, each organization a group (Kubernetes' page
//! "Authenticating", section on X509 client certificates).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

use super::ControlPlaneError;

/// A certificate and its key, both PEM.
#[derive(Debug)]
pub(super) struct Certified {
    pub(super) certificate: String,
    pub(super) key: String,
}

#[derive(Debug)]
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    pub(super) fn create() -> Result<Self, ControlPlaneError> {
        let subject = "control-plane-ca";
        let mut parameters = parameters(subject, None);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = KeyPair::generate()
            .and_then(|key| CertifiedIssuer::self_signed(parameters, key))
            .map_err(|error| refused(subject, &error))?;
        let certificate = issuer.pem();
        Ok(Self { issuer, certificate })
    }

    /// The authority's own certificate.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(super) fn server(&self, addresses: &[IpAddr]) -> Result<Certified, ControlPlaneError> {
        let subject = "kube-apiserver";
        let mut parameters = parameters(subject, None);
        parameters.subject_alt_names = addresses.iter().map(|address| SanType::IpAddress(*address)).collect();
        for name in ["localhost", "kubernetes", "kubernetes.default.svc"] {
            let name = name.try_into().map_err(|error| refused(subject, &error))?;
            parameters.subject_alt_names.push(SanType::DnsName(name));
        }
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(subject, parameters)
    }

    pub(super) fn client(&self, user: &str, group: Option<&str>) -> Result<Certified, ControlPlaneError> {
        let mut parameters = parameters(user, group);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(user, parameters)
    }

    fn sign(&self, subject: &str, mut parameters: CertificateParams) -> Result<Certified, ControlPlaneError> {
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(|error| refused(subject, &error))?;
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .map_err(|error| refused(subject, &error))?;
        Ok(Certified {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// A key that signs service accounts' tokens, and the public one that checks them; both PEM.
pub(super) fn key_pair() -> Result<(String, String), ControlPlaneError> {
    let key = KeyPair::generate().map_err(|error| refused("service accounts", &error))?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

/// A kubeconfig with one cluster and one user. It is JSON, which every reader of YAML takes.
pub(super) fn kubeconfig(server: &str, authority: &str, client: &Certified) -> String {
    let encoded = |text: &str| STANDARD.encode(text);
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "control-plane", "cluster": {
            "server": server,
            "certificate-authority-data": encoded(authority),
        }}],
        "users": [{"name": "user", "user": {
            "client-certificate-data": encoded(&client.certificate),
            "client-key-data": encoded(&client.key),
        }}],
        "contexts": [{"name": "control-plane", "context": {"cluster": "control-plane", "user": "user"}}],
        "current-context": "control-plane",
    })
    .to_string()
}

fn parameters(user: &str, group: Option<&str>) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, user);
    if let Some(group) = group {
        name.push(DnType::OrganizationName, group);
    }
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters
}

fn refused(subject: &str, error: &rcgen::Error) -> ControlPlaneError {
    ControlPlaneError::Certificate {
        subject: subject.to_owned(),
        message: error.to_string(),
    }
}
