//! TLS as `ssl_mode` wants it.

use std::sync::Arc;

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use serde_json::Value;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};

/// Encrypted, to whoever answers: what `allow`, `prefer` and `require` mean.
pub(super) fn unverified(destination: &Destination) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    build(destination, provider.clone(), Arc::new(Verifier { provider, chain: None, check_name: false }))
}

/// Encrypted, to a server whose certificate the given authority has signed, and, for `verify-full`, for its name.
pub(super) fn verified(destination: &Destination, check_name: bool) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let pem = text(destination, "ca_certificate").ok_or_else(|| {
        Error::invalid("`ssl_mode` asks to verify the server, and `ca_certificate` is missing")
    })?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "ca_certificate")? {
        roots.add(certificate).map_err(|error| unusable("ca_certificate", &error))?;
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| unusable("ca_certificate", &error))?;
    build(destination, provider.clone(), Arc::new(Verifier { provider, chain: Some(chain), check_name }))
}

fn build(
    destination: &Destination,
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
) -> Result<MakeRustlsConnect> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Unsupported, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (text(destination, "client_certificate"), text(destination, "client_key")) {
        (Some(certificate), Some(key)) => {
            let key = private_key(key, text(destination, "client_key_password"))?;
            config
                .with_client_auth_cert(certificates(certificate, "client_certificate")?, key)
                .map_err(|error| unusable("client_certificate", &error))?
        }
        _ => config.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// A key, decrypted if it is encrypted.
fn private_key(pem: &str, password: Option<&str>) -> Result<PrivateKeyDer<'static>> {
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "`client_key` is encrypted in the old form of OpenSSL",
        )
        .with_hint("bring it into the usual one: openssl pkcs8 -topk8 -in KEY -out NEW_KEY"));
    }
    if !pem.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| unusable("client_key", &error));
    }
    let password = password.ok_or_else(|| {
        Error::invalid("`client_key` is encrypted, and `client_key_password` of `ssl_mode` is missing")
    })?;
    let (_, encrypted) = SecretDocument::from_pem(pem).map_err(|error| unusable("client_key", &error))?;
    let decrypted = EncryptedPrivateKeyInfoRef::try_from(encrypted.as_bytes())
        .and_then(|key| key.decrypt(password))
        .map_err(|error| {
            tracing::debug!(?error, "the client key cannot be decrypted");
            Error::invalid("`client_key` cannot be decrypted with `client_key_password`").with_hint(
                "if the password is right, encrypt the key by a newer way: openssl pkcs8 -topk8 -v2 aes256",
            )
        })?;
    Ok(PrivatePkcs8KeyDer::from(decrypted.as_bytes().to_vec()).into())
}

fn text<'a>(destination: &'a Destination, name: &str) -> Option<&'a str> {
    destination.field("ssl_mode")?.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn certificates(pem: &str, name: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unusable(name, &error))?;
    if found.is_empty() {
        Err(Error::invalid(format!("`{name}` holds no PEM certificate")))
    } else {
        Ok(found)
    }
}

/// The reasons of the library name no part of a key.
fn unusable(name: &str, error: &dyn std::fmt::Debug) -> Error {
    tracing::debug!(?error, name, "a certificate or key cannot be used");
    Error::invalid(format!("`{name}` of `ssl_mode` cannot be used: it is not a valid PEM text"))
}

/// Checks as much of the server's certificate as the mode asks for, and its signatures always.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
    check_name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain has been found good by then: the name is what is checked last.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
