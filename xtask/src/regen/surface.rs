//! The surface of the bindings as a user sees it, as text short enough to review: operations with their
//! arguments and results, types with their fields. It is read off the generated source, so it cannot differ
//! from what is compiled.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Fields, GenericArgument, Item, ItemImpl, PathArguments, ReturnType, Type};

/// One operation below the other, in the order of the document.
pub fn operations(source: &str) -> Result<String> {
    let mut text = String::new();
    for operation in in_order(source)? {
        writeln!(text, "{}: {}", operation.method, operation.request)?;
        for Argument { name, of, optional } in &operation.arguments {
            writeln!(text, "    {name}{}: {of}", if *optional { "?" } else { "" })?;
        }
        writeln!(text, "    -> {}", operation.result)?;
    }
    Ok(text)
}

/// A table in Rust of how each operation is called, with the arguments it cannot do without, for tests that
/// go through all of them.
pub fn calls(api: &str, source: &str) -> Result<String> {
    let mut text =
        format!("//! The calls of the {api} API. Written by `cargo xtask regen`.\n\ncalls! {{ {api};\n");
    for operation in in_order(source)? {
        let required = operation.arguments.iter().filter(|argument| !argument.optional);
        let required: Vec<String> =
            required.map(|argument| format!("{}: {}", argument.name, argument.of)).collect();
        let answer = if operation.result == "ByteStream" { "bytes" } else { "json" };
        let (request, method, required) = (operation.request, operation.method, required.join(", "));
        writeln!(text, "    {request:?} {method}({required}) -> {answer};")?;
    }
    Ok(text + "}\n")
}

struct Operation {
    /// The name of the client's method.
    method: String,
    /// `GET /jobs`
    request: String,
    arguments: Vec<Argument>,
    result: String,
}

#[derive(Clone)]
struct Argument {
    name: String,
    of: String,
    optional: bool,
}

fn in_order(source: &str) -> Result<Vec<Operation>> {
    let file = syn::parse_file(source)?;
    let builders = module(&file.items, "builder")?;
    let arguments: BTreeMap<String, Vec<Argument>> = builders
        .iter()
        .filter_map(|item| match item {
            Item::Struct(builder) => Some((builder.ident.to_string(), arguments(&builder.fields))),
            _ => None,
        })
        .collect();
    let results: BTreeMap<String, String> = builders
        .iter()
        .filter_map(|item| match item {
            Item::Impl(block) => Some((self_name(block)?, result_of_send(block)?)),
            _ => None,
        })
        .collect();
    let mut operations = Vec::new();
    for item in &file.items {
        let Item::Impl(block) = item else { continue };
        if block.trait_.is_some() || self_name(block).as_deref() != Some("Client") {
            continue;
        }
        for item in &block.items {
            let syn::ImplItem::Fn(method) = item else { continue };
            let Some(request) = request_line(&method.attrs) else { continue };
            let builder = result_name(&method.sig.output).context("an operation returns its builder")?;
            operations.push(Operation {
                method: method.sig.ident.to_string(),
                request,
                arguments: arguments.get(&builder).context("a builder is in its module")?.clone(),
                result: results.get(&builder).context("a builder can be sent")?.clone(),
            });
        }
    }
    Ok(operations)
}

/// One type below the other, by name.
pub fn types(source: &str) -> Result<String> {
    let file = syn::parse_file(source)?;
    let mut shown = BTreeMap::new();
    for item in module(&file.items, "types")? {
        match item {
            Item::Struct(item) => {
                shown.insert(item.ident.to_string(), fields(&item.ident.to_string(), &item.fields))
            }
            Item::Enum(item) => {
                let values = item.variants.iter().filter_map(|variant| {
                    doc(&variant.attrs)?.trim().strip_prefix('`')?.strip_suffix('`').map(str::to_owned)
                });
                let values: Vec<String> = values.collect();
                shown.insert(item.ident.to_string(), format!("{}: {}\n", item.ident, values.join(" | ")))
            }
            _ => None,
        };
    }
    Ok(shown.into_values().collect())
}

fn module<'a>(items: &'a [Item], name: &str) -> Result<&'a [Item]> {
    items
        .iter()
        .find_map(|item| match item {
            Item::Mod(module) if module.ident == name => Some(module.content.as_ref()?.1.as_slice()),
            _ => None,
        })
        .with_context(|| format!("the generated source has no module `{name}`"))
}

/// `GET /jobs`, out of the documentation of the method.
fn request_line(attributes: &[Attribute]) -> Option<String> {
    let doc = doc(attributes)?;
    let (_, rest) = doc.split_once("Sends a `")?;
    let (method, rest) = rest.split_once('`')?;
    let (_, rest) = rest.split_once('`')?;
    let (path, _) = rest.split_once('`')?;
    Some(format!("{method} {path}"))
}

fn doc(attributes: &[Attribute]) -> Option<String> {
    let text: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    (!text.is_empty()).then(|| text.join("\n"))
}

fn self_name(block: &ItemImpl) -> Option<String> {
    match &*block.self_ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

fn result_name(output: &ReturnType) -> Option<String> {
    match output {
        ReturnType::Type(_, of) => match &**of {
            Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
            _ => None,
        },
        ReturnType::Default => None,
    }
}

/// What `send` gives: the `T` of `Result<ResponseValue<T>, Error<()>>`.
fn result_of_send(block: &ItemImpl) -> Option<String> {
    block.items.iter().find_map(|item| match item {
        syn::ImplItem::Fn(method) if method.sig.ident == "send" => match &method.sig.output {
            ReturnType::Type(_, of) => Some(show(argument(argument(of)?)?)),
            ReturnType::Default => None,
        },
        _ => None,
    })
}

/// The `T` of `Result<T, E>` or `Option<T>`.
fn argument(of: &Type) -> Option<&Type> {
    let Type::Path(path) = of else { return None };
    match &path.path.segments.last()?.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(of) => Some(of),
                _ => None,
            })
        }
        _ => None,
    }
}

fn arguments(of: &Fields) -> Vec<Argument> {
    let field = |field: &syn::Field| {
        let name = field.ident.as_ref().filter(|name| *name != "client")?.to_string();
        let shown = show(argument(&field.ty)?);
        // A builder holds each argument as a result, and an optional one as an option in it.
        Some(match shown.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
            Some(of) => Argument { name, of: of.to_owned(), optional: true },
            None => Argument { name, of: shown, optional: false },
        })
    };
    of.iter().filter_map(field).collect()
}

fn fields(name: &str, of: &Fields) -> String {
    match of {
        Fields::Unnamed(fields) => {
            let shown: Vec<String> = fields.unnamed.iter().map(|field| show(&field.ty)).collect();
            format!("{name}({})\n", shown.join(", "))
        }
        Fields::Unit => format!("{name}\n"),
        Fields::Named(fields) => {
            let mut text = format!("{name}\n");
            for field in &fields.named {
                let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                let wire = serde_rename(&field.attrs).map(|wire| format!(" ({wire})")).unwrap_or_default();
                text.extend(["    ", &name, &wire, ": ", &show(&field.ty), "\n"]);
            }
            text
        }
    }
}

fn serde_rename(attributes: &[Attribute]) -> Option<String> {
    let mut renamed = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Other keys of the attribute end the parsing, which is of no interest here.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                renamed = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            } else if let Ok(value) = meta.value() {
                value.parse::<syn::LitStr>()?;
            }
            Ok(())
        });
    }
    renamed
}

/// The type without the paths that lead to it.
fn show(of: &Type) -> String {
    let mut of = of.clone();
    LastSegments.visit_type_mut(&mut of);
    of.to_token_stream()
        .to_string()
        .replace(" < ", "<")
        .replace(" >", ">")
        .replace(" ,", ",")
        .replace(",>", ">")
        .replace("( )", "()")
}

struct LastSegments;

impl VisitMut for LastSegments {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        path.leading_colon = None;
        if let Some(last) = path.segments.pop() {
            path.segments.clear();
            path.segments.push(last);
        }
        visit_mut::visit_path_mut(self, path);
    }
}
