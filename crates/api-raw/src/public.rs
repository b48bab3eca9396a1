//! The public Airbyte API, all of its operations. The root is `https://api.airbyte.com/v1`, or `{host}/api/public/v1` on a
//! self-managed instance.
//!
//! Generated: the items below carry the descriptions of `openapi/overlays/public.yaml`.

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

include!(concat!(env!("OUT_DIR"), "/public.rs"));

crate::hooks::delegate!(Client);

/// Typed mocks of the operations: extension traits of `httpmock`'s server.
#[cfg(feature = "httpmock")]
pub mod mock {
    include!(concat!(env!("OUT_DIR"), "/public_mock.rs"));
}
