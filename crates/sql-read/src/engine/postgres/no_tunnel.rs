//! Builds without SSH say so instead of connecting past the tunnel.

use std::convert::Infallible;

use super::socket::Way;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};

/// There is none.
pub(super) struct Tunnel(Infallible);

impl Tunnel {
    pub(super) fn new(destination: &Destination, _: &mut Vec<String>) -> Result<Option<Self>> {
        let method = destination.field("tunnel_method").and_then(|method| method["tunnel_method"].as_str());
        if method.is_none_or(|method| method == "NO_TUNNEL") {
            return Ok(None);
        }
        Err(Error::new(ErrorKind::Unsupported, "the destination is behind an SSH tunnel, and this build has no SSH")
            .with_hint(
                "build with the feature `ssh`, or open the tunnel yourself (ssh -L) and point a destination file at its local end",
            ))
    }

    #[expect(clippy::unused_async, reason = "the other one waits")]
    pub(super) async fn open(&self, _: &str, _: u16) -> Result<Way> {
        match self.0 {}
    }
}
