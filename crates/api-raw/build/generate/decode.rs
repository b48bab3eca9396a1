//! Makes a decoding failure name the place in the JSON.
//!
//! The generated calls decode with `ResponseValue::from_response`, whose error gives a line and a column of
//! a body that nobody has seen. `crate::decode::from_response` does the same and says `data[3].jobId`.

use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, parse_quote};

/// Lets each generated call decode its answer through `crate::decode`.
pub fn name_the_json_path(file: &mut syn::File) {
    Redirect.visit_file_mut(file);
}

struct Redirect;

impl VisitMut for Redirect {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::Path(path) = &*expression {
            let path = &path.path;
            if quote!(#path).to_string() == "ResponseValue :: from_response" {
                *expression = parse_quote!(crate::decode::from_response);
            }
        }
    }
}
