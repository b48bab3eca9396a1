//! The examples in the generated documentation are sketches, not programs.

use syn::visit_mut::VisitMut;
use syn::{Expr, ExprLit, Lit, LitStr, Meta};

/// Marks the examples as text: as programs to be ignored they would fill every test report.
pub fn show_examples_as_text(file: &mut syn::File) {
    Sketches.visit_file_mut(file);
}

struct Sketches;

impl VisitMut for Sketches {
    fn visit_attribute_mut(&mut self, attribute: &mut syn::Attribute) {
        if let Meta::NameValue(pair) = &mut attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &mut pair.value
            && text.value().contains("```ignore")
        {
            *text = LitStr::new(&text.value().replace("```ignore", "```text"), text.span());
        }
    }
}
