//! Lets null stand for an empty list or map where the API document requires one.
//!
//! An optional list takes null already. A required one that is not there at all stays an error: an answer
//! without its `data` is another answer, and must not pass for an empty page.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Field, ItemStruct, Type, parse_quote};

/// Lets each required list or map of the generated types be read from null, too.
pub fn read_as_empty(file: &mut syn::File) {
    Lists.visit_file_mut(file);
}

struct Lists;

impl VisitMut for Lists {
    fn visit_item_struct_mut(&mut self, item: &mut ItemStruct) {
        // The builders, which no answer is read into, derive no reading.
        let attributes = item.attrs.iter();
        if attributes.map(|one| one.to_token_stream().to_string()).any(|one| one.contains("Deserialize")) {
            visit_mut::visit_item_struct_mut(self, item);
        }
    }

    fn visit_field_mut(&mut self, field: &mut Field) {
        let Type::Path(of) = &field.ty else { return };
        let is_collection =
            of.path.segments.last().is_some_and(|last| {
                ["Vec", "BTreeMap", "Map"].iter().any(|collection| last.ident == collection)
            });
        // Members that the document does not know are collected, and null is one of their values.
        let collects = field.attrs.iter().any(|one| one.to_token_stream().to_string().contains("flatten"));
        if is_collection && !collects {
            field.attrs.push(parse_quote!(#[serde(deserialize_with = "crate::decode::null_as_empty")]));
        }
    }
}
