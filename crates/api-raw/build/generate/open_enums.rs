//! Opens every string enum: a value that the document does not know becomes `Unknown(String)`.
//!
//! The generator makes closed enums, so that one new job status on the server would make every answer that
//! holds it undecodable. Each closed enum is replaced by one that reads any text and writes it back unchanged.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Fields, Ident, Item, ItemEnum, ItemMod, Type, parse_quote};

/// Replaces each string enum of the generated file, its trait implementations included.
pub fn open_every_string_enum(file: &mut syn::File) -> Result<()> {
    let mut opener = Opener { failure: None };
    opener.visit_file_mut(file);
    opener.failure.map_or(Ok(()), Err)
}

struct Opener {
    failure: Option<anyhow::Error>,
}

impl VisitMut for Opener {
    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        visit_mut::visit_item_mod_mut(self, module);
        if let Some((_, items)) = &mut module.content
            && let Err(failure) = open_enums_of(items)
        {
            self.failure = Some(failure);
        }
    }
}

fn open_enums_of(items: &mut Vec<Item>) -> Result<()> {
    let values = values_of_string_enums(items);
    items.retain(|item| !is_text_conversion(item, &values));
    for item in std::mem::take(items) {
        match item {
            Item::Enum(closed) if values.contains_key(&closed.ident) => {
                let name = closed.ident.clone();
                items.extend(open(closed, &values[&name]).with_context(|| format!("enum {name}"))?);
            }
            // A default value may name a variant that is about to be renamed.
            Item::Impl(mut default) if self_ident(&default).is_some_and(|name| values.contains_key(name)) => {
                RenameUnknown.visit_item_impl_mut(&mut default);
                items.push(Item::Impl(default));
            }
            other => items.push(other),
        }
    }
    Ok(())
}

/// The wire value of each variant, by enum. A string enum has unit variants only and writes itself as text.
fn values_of_string_enums(items: &[Item]) -> BTreeMap<Ident, Vec<String>> {
    let displayed: Vec<&Ident> = items
        .iter()
        .filter_map(|item| match item {
            Item::Impl(block) if trait_name(block).is_some_and(|name| name == "Display") => self_ident(block),
            _ => None,
        })
        .collect();
    items
        .iter()
        .filter_map(|item| match item {
            Item::Enum(candidate) if displayed.contains(&&candidate.ident) => {
                let unit_only =
                    candidate.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit));
                let values = candidate.variants.iter().map(wire_value).collect();
                (unit_only && !candidate.variants.is_empty()).then(|| (candidate.ident.clone(), values))
            }
            _ => None,
        })
        .collect()
}

/// The variant's `#[serde(rename = "...")]`, or its own name.
fn wire_value(variant: &syn::Variant) -> String {
    let mut value = variant.ident.to_string();
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // A nested form that is not `rename = "text"` is of no interest here.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                value = meta.value()?.parse::<syn::LitStr>()?.value();
            }
            Ok(())
        });
    }
    value
}

/// Whether the item converts one of these enums from or to text: all of that is written anew.
fn is_text_conversion(item: &Item, enums: &BTreeMap<Ident, Vec<String>>) -> bool {
    let Item::Impl(block) = item else { return false };
    let Some(name) = trait_name(block) else { return false };
    self_ident(block).is_some_and(|target| enums.contains_key(target))
        && ["Display", "FromStr", "TryFrom", "From"].iter().any(|conversion| name == conversion)
}

fn trait_name(block: &syn::ItemImpl) -> Option<&Ident> {
    Some(&block.trait_.as_ref()?.0.segments.last()?.ident)
}

fn self_ident(block: &syn::ItemImpl) -> Option<&Ident> {
    match &*block.self_ty {
        Type::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

fn open(mut closed: ItemEnum, values: &[String]) -> Result<Vec<Item>> {
    let name = closed.ident.clone();
    closed
        .attrs
        .retain(|attribute| !attribute.path().is_ident("derive") && !attribute.path().is_ident("serde"));
    closed.attrs.push(parse_quote!(#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]));
    closed.attrs.push(parse_quote!(#[non_exhaustive]));
    for (variant, value) in closed.variants.iter_mut().zip(values) {
        RenameUnknown.visit_ident_mut(&mut variant.ident);
        let doc = format!("`{value}`");
        variant.attrs = vec![parse_quote!(#[doc = #doc])];
    }
    let known: Vec<Ident> = closed.variants.iter().map(|variant| variant.ident.clone()).collect();
    closed.variants.push(parse_quote! {
        /// A value that the API document does not know, as the server sent it.
        Unknown(::std::string::String)
    });
    let tokens = quote! {
        #closed
        impl #name {
            /// The value as it is written in requests and answers.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#known => #values,)*
                    Self::Unknown(value) => value,
                }
            }
        }
        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl ::std::convert::From<&str> for #name {
            fn from(value: &str) -> Self {
                match value {
                    #(#values => Self::#known,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
        impl ::std::convert::From<&::std::string::String> for #name {
            fn from(value: &::std::string::String) -> Self {
                Self::from(value.as_str())
            }
        }
        impl ::std::convert::From<::std::string::String> for #name {
            fn from(value: ::std::string::String) -> Self {
                Self::from(value.as_str())
            }
        }
        impl ::std::convert::From<&Self> for #name {
            fn from(value: &Self) -> Self {
                value.clone()
            }
        }
        impl ::std::str::FromStr for #name {
            type Err = ::std::convert::Infallible;
            fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
                Ok(Self::from(value))
            }
        }
        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                <::std::string::String as ::serde::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }
    };
    Ok(syn::parse2::<syn::File>(tokens)?.items)
}

/// A documented value `unknown` steps aside: its variant is `UnknownValue`, so that `Unknown` always means
/// "not documented".
struct RenameUnknown;

impl VisitMut for RenameUnknown {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        if ident == "Unknown" {
            *ident = Ident::new("UnknownValue", ident.span());
        }
    }
}
