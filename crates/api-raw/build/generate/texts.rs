//! Texts in the generated code that a person reads.

use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprLit, Lit, LitStr, Meta};

/// Marks the examples in the documentation as text, since as programs to be ignored they would fill every
/// test report, and writes the paths of types in messages as one does.
pub fn polish(file: &mut syn::File) {
    Texts.visit_file_mut(file);
}

struct Texts;

impl VisitMut for Texts {
    fn visit_attribute_mut(&mut self, attribute: &mut syn::Attribute) {
        if let Meta::NameValue(pair) = &mut attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &mut pair.value
            && text.value().contains("```ignore")
        {
            *text = LitStr::new(&text.value().replace("```ignore", "```text"), text.span());
        }
    }

    fn visit_lit_str_mut(&mut self, text: &mut LitStr) {
        visit_mut::visit_lit_str_mut(self, text);
        let message = text.value();
        if message.starts_with("conversion to `") {
            let message =
                message.replace(" :: ", "::").replace("`:: ", "`").replace("< ::", "<").replace(" <", "<");
            *text = LitStr::new(&message.replace("< ", "<").replace(" >", ">"), text.span());
        }
    }
}
