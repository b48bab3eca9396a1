//! Signing in with a private key: a short-lived token, signed, that names the public key by its fingerprint.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::asn1::BitStringRef;
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// How far this machine's clock may be ahead of the service's.
const CLOCK_AHEAD: TimeDelta = TimeDelta::minutes(1);
/// How long a token is good for, which is also how far the clock may be behind.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// An RSA key, ready to sign.
pub(super) struct KeyPair {
    key: RsaKeyPair,
    /// `SHA256:` and the digest of the public key, as `DESCRIBE USER` shows it.
    fingerprint: String,
}

impl KeyPair {
    /// Reads a key in PEM form, encrypted or not. Its lines may have been lost on the way through a form field.
    pub(super) fn new(pem: &str, passphrase: Option<&str>) -> Result<Self> {
        let (label, der) = unwrap(pem).ok_or_else(|| {
            wrong("it is not in PEM form").with_hint("it begins with -----BEGIN and PRIVATE KEY-----")
        })?;
        let key = match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or_else(|| {
                    wrong("it is encrypted, and `private_key_password` is missing")
                        .with_hint("set AIRBYTE_SECRET_SNOWFLAKE_PRIVATE_KEY_PASSWORD")
                })?;
                let plain = EncryptedPrivateKeyInfoRef::from_der(&der)
                    .map_err(|_| wrong("it is not an encrypted PKCS#8 key"))?
                    .decrypt(passphrase)
                    .map_err(|_| {
                        wrong("`private_key_password` does not open it, or its encryption is not known")
                    })?;
                RsaKeyPair::from_pkcs8(plain.as_bytes())
            }
            other => return Err(wrong(&format!("it is a {other}"))),
        };
        // The reason is a word such as `TooSmall`, never a part of the key.
        let key = key.map_err(|reason| {
            wrong(&format!("it is no usable RSA key ({reason})"))
                .with_hint("an RSA key of 2048 to 4096 bits is needed")
        })?;
        let fingerprint = fingerprint(&key).map_err(|_| wrong("it has no public part"))?;
        Ok(Self { key, fingerprint })
    }

    /// A token for this user of this account.
    pub(super) fn token(&self, account: &str, user: &str, now: DateTime<Utc>) -> Result<String> {
        let subject = format!("{}.{}", account.to_uppercase(), user.to_uppercase());
        let claims = json!({
            "iss": format!("{subject}.{}", self.fingerprint),
            "sub": subject,
            "iat": (now - CLOCK_AHEAD).timestamp(),
            "exp": (now + LIFETIME).timestamp(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| wrong("nothing can be signed with it"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The label of a PEM text and what is in it.
fn unwrap(pem: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    // Old headers (`Proc-Type: ...`) are no base64 and fail below, as they should: that encryption is not read.
    let body = body.replace("\\n", "").replace("\\r", "");
    let body: String = body.split_whitespace().collect();
    Some((label.trim(), STANDARD.decode(body).ok()?))
}

fn fingerprint(key: &RsaKeyPair) -> pkcs8::der::Result<String> {
    let info = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid: RSA, parameters: Some(pkcs8::der::asn1::AnyRef::NULL) },
        subject_public_key: BitStringRef::from_bytes(key.public().as_ref())?,
    };
    Ok(format!("SHA256:{}", STANDARD.encode(Sha256::digest(info.to_der()?))))
}

fn wrong(reason: &str) -> Error {
    Error::invalid(format!("`private_key` of the destination cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    /// One key, made for these tests, in the forms that `openssl` writes.
    const PLAIN: &str = include_str!("../../../tests/keys/plain.pem");
    const PKCS1: &str = include_str!("../../../tests/keys/pkcs1.pem");
    const AES: &str = include_str!("../../../tests/keys/aes256.pem");
    const TRIPLE_DES: &str = include_str!("../../../tests/keys/des3.pem");
    const PASSPHRASE: &str = "opening";
    /// What `openssl` says: the digest of the public key in DER form.
    const FINGERPRINT: &str = "SHA256:Ch5szOODjHiw7nV+zKisnOAMf/99lugX9izudy2CpdQ=";

    #[test]
    fn every_form_of_the_key_is_the_same_key() {
        let flattened = PLAIN.replace('\n', " ");
        let escaped = PLAIN.trim().replace('\n', "\\n");
        for (pem, passphrase) in [
            (PLAIN, None),
            (PLAIN, Some("ignored")),
            (PKCS1, None),
            (AES, Some(PASSPHRASE)),
            (TRIPLE_DES, Some(PASSPHRASE)),
            (&flattened, None),
            (&escaped, None),
        ] {
            assert_eq!(KeyPair::new(pem, passphrase).unwrap().fingerprint, FINGERPRINT);
        }
    }

    #[test]
    fn the_token_names_the_key_and_is_signed_with_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let key = KeyPair::new(PLAIN, None).unwrap();
        let token = key.token("acme-prod", "reader", now).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(decoded(parts[0]), json!({"alg": "RS256", "typ": "JWT"}));
        assert_eq!(
            decoded(parts[1]),
            json!({
                "iss": format!("ACME-PROD.READER.{FINGERPRINT}"), "sub": "ACME-PROD.READER",
                "iat": 1_799_999_940, "exp": 1_800_000_600,
            })
        );
        let (_, public) = unwrap(include_str!("../../../tests/keys/public.pem")).unwrap();
        let public = SubjectPublicKeyInfoRef::from_der(&public).unwrap();
        let public =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.subject_public_key.raw_bytes());
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_and_nothing_of_it_shown() {
        for (pem, passphrase, said) in [
            (AES, None, "private_key_password"),
            (AES, Some("wrong"), "does not open it"),
            ("secret", None, "PEM"),
            ("-----BEGIN PRIVATE KEY-----\nsecret?\n-----END PRIVATE KEY-----", None, "PEM"),
            ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----", None, "no usable RSA key"),
            (
                "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----",
                None,
                "EC PRIVATE KEY",
            ),
        ] {
            let error = KeyPair::new(pem, passphrase).err().unwrap();
            assert!(error.to_string().contains(said), "{error}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
