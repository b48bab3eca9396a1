//! Lets a mock expect query parameters as the client writes them.
//!
//! The generated mocks compare with `to_string`, which lists do not have, and which writes a time in another
//! form than the client.

use syn::visit_mut::{self, VisitMut};
use syn::{Expr, parse_quote};

/// Lets each generated mock expect query parameters through `crate::mocking`.
pub fn expect_what_is_sent(file: &mut syn::File) {
    Redirect.visit_file_mut(file);
}

struct Redirect;

impl VisitMut for Redirect {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        let Expr::MethodCall(call) = &*expression else { return };
        let mut arguments = call.args.iter();
        if call.method == "query_param"
            && let (Some(name), Some(Expr::MethodCall(value))) = (arguments.next(), arguments.next())
            && value.method == "to_string"
        {
            let (when, value) = (&call.receiver, &value.receiver);
            *expression = parse_quote!(crate::mocking::query_param(#when, #name, #value));
        }
    }
}
