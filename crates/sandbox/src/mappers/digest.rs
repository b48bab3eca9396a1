//! The hash functions of mappers, by their names in the API.

use md2::Md2;
use md5::Md5;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// A hash function.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum Method {
    #[serde(rename = "MD2")]
    Md2,
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "SHA-1")]
    Sha1,
    #[serde(rename = "SHA-224")]
    Sha224,
    #[serde(rename = "SHA-256")]
    Sha256,
    #[serde(rename = "SHA-384")]
    Sha384,
    #[serde(rename = "SHA-512")]
    Sha512,
}

impl Method {
    /// The digest in hexadecimal digits, in lower case.
    pub(super) fn hex(self, data: &[u8]) -> String {
        match self {
            Self::Md2 => hex::<Md2>(data),
            Self::Md5 => hex::<Md5>(data),
            Self::Sha1 => hex::<Sha1>(data),
            Self::Sha224 => hex::<Sha224>(data),
            Self::Sha256 => hex::<Sha256>(data),
            Self::Sha384 => hex::<Sha384>(data),
            Self::Sha512 => hex::<Sha512>(data),
        }
    }
}

fn hex<D: Digest>(data: &[u8]) -> String {
    D::digest(data).iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // Of the empty text, as the definitions of the functions give them.
        for (method, digest) in [
            (Method::Md2, "8350e5a3e24c153df2275c9f80692773"),
            (Method::Md5, "d41d8cd98f00b204e9800998ecf8427e"),
            (Method::Sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (Method::Sha224, "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"),
            (Method::Sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ] {
            assert_eq!(method.hex(b""), digest, "{method:?}");
        }
        assert_eq!((Method::Sha384.hex(b"").len(), Method::Sha512.hex(b"").len()), (96, 128));
    }
}
