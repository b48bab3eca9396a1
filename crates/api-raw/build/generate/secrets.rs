//! Secrets do not show themselves: in debug output their place is kept, and their value is not.

use anyhow::Result;
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Fields, Item, ItemMod, ItemStruct, Path, Token};

/// Replaces the derived `Debug` of each type that holds a secret.
pub fn hide_from_debug(file: &mut syn::File) -> Result<()> {
    let mut hider = Hider { failure: None };
    hider.visit_file_mut(file);
    hider.failure.map_or(Ok(()), Err)
}

struct Hider {
    failure: Option<anyhow::Error>,
}

impl VisitMut for Hider {
    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        visit_mut::visit_item_mod_mut(self, module);
        let Some((_, items)) = &mut module.content else { return };
        let mut blocks = Vec::new();
        for item in items.iter_mut() {
            if let Item::Struct(holder) = item
                // The builders of operations have a lifetime, and hold secrets only inside of bodies.
                && holder.generics.params.is_empty()
                && let Some(body) = debug_body(holder)
                && underive_debug(&mut holder.attrs)
            {
                let name = &holder.ident;
                blocks.push(quote! {
                    impl ::std::fmt::Debug for #name {
                        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                            #body
                        }
                    }
                });
            }
        }
        for block in blocks {
            match syn::parse2(block) {
                Ok(block) => items.push(block),
                Err(error) => self.failure = Some(error.into()),
            }
        }
    }
}

/// How the type shows itself, if it holds a secret.
fn debug_body(holder: &ItemStruct) -> Option<proc_macro2::TokenStream> {
    let name = holder.ident.to_string();
    match &holder.fields {
        Fields::Named(fields) => {
            let names: Vec<&syn::Ident> =
                fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
            let is_address = |field: &str| field == "url" && name.starts_with("Webhook");
            let is_hidden = |field: &str| is_secret(field) || is_address(field);
            if !names.iter().any(|name| is_hidden(&name.to_string())) {
                return None;
            }
            let shown = names.iter().map(|field| {
                let label = field.to_string();
                let value =
                    if is_hidden(&label) { quote!(&format_args!("<secret>")) } else { quote!(&self.#field) };
                quote!(.field(#label, #value))
            });
            Some(quote!(f.debug_struct(#name) #(#shown)* .finish()))
        }
        // What a connector is configured with may hold a secret anywhere.
        Fields::Unnamed(fields) => {
            let inner = fields.unnamed.first()?.ty.to_token_stream().to_string();
            let free_form = inner.contains("serde_json");
            let of_connector =
                ["Configuration", "Values", "Credentials"].iter().any(|end| name.ends_with(end));
            (free_form && of_connector).then(|| quote!(f.write_str(concat!(#name, "(<secret>)"))))
        }
        Fields::Unit => None,
    }
}

fn is_secret(field: &str) -> bool {
    const PARTS: [&str; 6] = ["secret", "password", "token", "api_key", "private_key", "credentials"];
    // `key` encrypts, `webhook` is an address that lets anybody post (as `url` of a webhook is), `extra` is what nobody knows.
    const WHOLE: [&str; 3] = ["key", "webhook", "extra"];
    field != "token_type" && (PARTS.iter().any(|part| field.contains(part)) || WHOLE.contains(&field))
}

/// Takes `Debug` out of the derives; whether it was there.
fn underive_debug(attributes: &mut [Attribute]) -> bool {
    let mut found = false;
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let Ok(traits) = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else {
            continue;
        };
        let kept: Vec<&Path> = traits.iter().filter(|one| !one.is_ident("Debug")).collect();
        found |= kept.len() < traits.len();
        *attribute = syn::parse_quote!(#[derive(#(#kept),*)]);
    }
    found
}
