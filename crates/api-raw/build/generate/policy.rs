//! No policy in the bindings.

use syn::visit_mut::VisitMut;
use syn::{ImplItem, ItemImpl, Type};

/// Takes away the constructor that brings an HTTP client of its own, with a time limit of 15 seconds and a
/// panic where no TLS is chosen. `new_with_client` stays.
pub fn leave_the_http_client_to_the_caller(file: &mut syn::File) {
    Constructors.visit_file_mut(file);
}

struct Constructors;

impl VisitMut for Constructors {
    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        let of_client = matches!(&*block.self_ty, Type::Path(path) if path.path.is_ident("Client"));
        if of_client && block.trait_.is_none() {
            block.items.retain(|item| !matches!(item, ImplItem::Fn(method) if method.sig.ident == "new"));
        }
    }
}
