//! Any operation of the API.

use airbyte_cloud::{ApiRequest, Client, Method};
use clap::Args;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{Failure, exit};
use crate::input;

/// Entries of a page; the server's own limit.
const PAGE: usize = 100;

/// Call any operation of the API
///
/// Examples:
///   airbyte api GET /tags -f workspaceIds=9b0a7c1e-7f0e-4a53-8b19-1d5f6a3c2b10
///   airbyte api POST /connections --input connection.json
///   airbyte api POST /state/get --config-api -f connectionId=5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct ApiArgs {
    /// The HTTP method
    #[arg(value_parser = method)]
    method: Method,
    /// The path below the API's root
    path: String,
    /// A text: in the query of a GET, HEAD or DELETE, else in the body
    #[arg(short = 'f', long = "field", value_name = "KEY=VALUE")]
    texts: Vec<String>,
    /// A JSON value in the body: a number, true, null, a list, an object
    #[arg(short = 'F', long = "json-field", value_name = "KEY=JSON")]
    values: Vec<String>,
    /// The body: a JSON file, or - for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<String>,
    /// Read all pages of a list and print them as one array
    #[arg(long)]
    paginate: bool,
    /// Call the Config API instead
    #[arg(long)]
    config_api: bool,
}

fn method(text: &str) -> Result<Method, String> {
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => {
            upper.parse().map_err(|_| "not a method".to_owned())
        }
        _ => Err("known are GET, POST, PUT, PATCH, DELETE".to_owned()),
    }
}

pub(crate) async fn run(args: ApiArgs, context: &Context) -> Result<u8, Failure> {
    let request = request(&args)?;
    if args.paginate && args.method != Method::GET {
        return Err(Failure::usage("--paginate is for GET"));
    }
    let client = context.client()?;
    let answer =
        if args.paginate { all_pages(&client, request).await? } else { client.request(request).await?.body };
    context.output().value(&answer)?;
    Ok(exit::OK)
}

fn request(args: &ApiArgs) -> Result<ApiRequest, Failure> {
    let mut request = ApiRequest::new(args.method.clone(), &args.path);
    if args.config_api {
        request = request.config_api();
    }
    let mut body = match &args.input {
        Some(file) => Some(input::read_json(file)?),
        None => None,
    };
    let in_query = matches!(args.method, Method::GET | Method::HEAD | Method::DELETE) && body.is_none();
    let mut members = Map::new();
    for text in &args.texts {
        let (key, value) = input::pair(text)?;
        if args.paginate && ["limit", "offset"].contains(&key) {
            return Err(Failure::usage(format!("--paginate reads all pages, so `{key}` has no place"))
                .with_hint(format!("leave out `{key}` or --paginate")));
        }
        if in_query {
            request = request.query(key, value);
        } else {
            members.insert(key.to_owned(), Value::from(value));
        }
    }
    if in_query && !args.values.is_empty() {
        return Err(Failure::usage(format!("-F is for a body, and {} has none", args.method))
            .with_hint("give what belongs into the query with -f"));
    }
    for text in &args.values {
        let (key, value) = input::json_pair(text)?;
        members.insert(key.to_owned(), value);
    }
    if !members.is_empty() {
        match body.get_or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(body) => body.extend(members),
            _ => return Err(Failure::usage("-f and -F add to an object, and the input is none")),
        }
    }
    Ok(match body {
        Some(body) => request.body(body),
        None => request,
    })
}

/// Reads page by page with offsets of our own: the server's links lose filters and may name another host.
///
/// Some lists know no pages and come whole each time: those are longer than a page, or the same once more.
pub(crate) async fn all_pages(client: &Client, request: ApiRequest) -> Result<Value, Failure> {
    let mut all = Vec::new();
    loop {
        let page = request.clone().query("limit", PAGE.to_string()).query("offset", all.len().to_string());
        let answer = client.request(page).await?.body;
        let Some(data) = answer.get("data").and_then(Value::as_array) else {
            return Err(Failure::usage("the answer is not a page: it has no `data`")
                .with_hint("leave out --paginate"));
        };
        if all.ends_with(data) {
            return Ok(Value::from(all));
        }
        all.extend(data.iter().cloned());
        if data.len() != PAGE {
            return Ok(Value::from(all));
        }
    }
}
