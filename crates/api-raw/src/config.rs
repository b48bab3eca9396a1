//! The part of the Config API that this project uses. The root is `https://cloud.airbyte.com/api/v1`, or `{host}/api/v1` on a
//! self-managed instance. Airbyte gives no promise of stability for this API.
//!
//! Generated: the items below carry the descriptions of `openapi/overlays/config.yaml`.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "generated code"
)]
#![allow(rustdoc::bare_urls, rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

include!(concat!(env!("OUT_DIR"), "/config.rs"));

crate::hooks::delegate!(Client);

/// Typed mocks of the operations: extension traits of `httpmock`'s server.
#[cfg(feature = "httpmock")]
pub mod mock {
    include!(concat!(env!("OUT_DIR"), "/config_mock.rs"));
}
