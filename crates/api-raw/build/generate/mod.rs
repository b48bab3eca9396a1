//! From a normalised API document to Rust source: progenitor, then our own passes over its output.
//!
//! `cargo xtask regen` uses this very module to find out whether a document can be generated from.

mod decode;
mod mock_query;
mod null_lists;
mod open_enums;
mod policy;
mod secrets;
mod texts;

use anyhow::{Context, Result, anyhow};
use openapiv3::OpenAPI;
use progenitor_impl::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use quote::quote;

/// Reads a normalised document.
pub fn parse(text: &str) -> Result<OpenAPI> {
    serde_json::from_str(text).context("not an OpenAPI 3.0 document; run `cargo xtask regen`")
}

/// The source of the module that holds the client, its types and its builders.
pub fn client(document: &OpenAPI) -> Result<String> {
    let tokens = generator().generate_tokens(document).map_err(|error| anyhow!("{error}"))?;
    let mut file: syn::File = syn::parse2(tokens).context("the generator produced invalid Rust")?;
    open_enums::open_every_string_enum(&mut file)?;
    null_lists::read_as_empty(&mut file);
    decode::name_the_json_path(&mut file);
    secrets::hide_from_debug(&mut file)?;
    policy::leave_the_http_client_to_the_caller(&mut file);
    texts::polish(&mut file);
    Ok(prettyplease::unparse(&file))
}

/// The source of typed mocks of the operations, for `httpmock`; `module` holds the client.
pub fn mocks(document: &OpenAPI, module: &str) -> Result<String> {
    let tokens = generator().httpmock(document, module).map_err(|error| anyhow!("{error}"))?;
    let mut file: syn::File = syn::parse2(tokens).context("the generator produced invalid Rust")?;
    mock_query::expect_what_is_sent(&mut file);
    Ok(prettyplease::unparse(&file))
}

fn generator() -> Generator {
    let mut settings = GenerationSettings::default();
    settings
        .with_interface(InterfaceStyle::Builder)
        // Without this a missing hook would go unnoticed, and with it every request's authorisation.
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::Hooks))
        // An order that does not change from run to run.
        .with_map_type("::std::collections::BTreeMap");
    Generator::new(&settings)
}
