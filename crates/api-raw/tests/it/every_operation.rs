//! Every operation of both documents, with answers as hostile as the documents allow and a little more.
//!
//! What comes out of a call is compared with what went in, so that a member which is dropped or renamed on the
//! way is found, too.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use airbyte_api_raw::{Error, Hooks, RequestFuture, RequestHook, config, public};
use serde_json::{Value, json};

use super::calls::{self, Call};
use super::document::{Document, NEW_MEMBER, Operation, Shape};
use super::http_client;

trait Api: Sized + 'static {
    const NAME: &'static str;
    const CALLS: &'static [Call<Self>];
    fn client(http: &reqwest::Client, hooks: Hooks) -> Self;
}

impl Api for public::Client {
    const NAME: &'static str = "public";
    const CALLS: &'static [Call<Self>] = calls::public::CALLS;
    fn client(http: &reqwest::Client, hooks: Hooks) -> Self {
        Self::new_with_client("http://airbyte.invalid", http.clone(), hooks)
    }
}

impl Api for config::Client {
    const NAME: &'static str = "config";
    const CALLS: &'static [Call<Self>] = calls::config::CALLS;
    fn client(http: &reqwest::Client, hooks: Hooks) -> Self {
        Self::new_with_client("http://airbyte.invalid", http.clone(), hooks)
    }
}

/// Answers without a network, and notes what was asked: method and path, and the body.
#[derive(Clone, Default)]
struct Canned {
    answer: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl RequestHook for Canned {
    fn execute<'a>(
        &'a self,
        _: &'a reqwest::Client,
        request: reqwest::Request,
        _: &'static str,
    ) -> RequestFuture<'a> {
        let bytes = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(bytes).unwrap() };
        let what = format!("{} {}", request.method(), request.url().path());
        self.asked.lock().unwrap().push((what, body));
        let answer = http::Response::new(self.answer.clone());
        Box::pin(async move { Ok(reqwest::Response::from(answer)) })
    }
}

fn call_of<C: Api>(operation: &Operation<'_>) -> &'static Call<C> {
    let found = C::CALLS.iter().find(|call| call.request == operation.request);
    found.unwrap_or_else(|| panic!("{} has no call: run `cargo xtask regen`", operation.request))
}

/// Makes each call that has an answer of this shape; `expected` makes out of the answer and the document what
/// has to come out.
async fn answers_come_out<C: Api>(shape: Shape, expected: impl Fn(&Document, &Value, Value) -> Value) {
    let (document, http) = (Document::read(C::NAME), http_client());
    let mut failures = Vec::new();
    for operation in document.operations() {
        let Some(schema) = operation.answer else { continue };
        let answer = document.sample(schema, shape);
        let expected = expected(&document, schema, answer.clone());
        let canned = Canned { answer: answer.to_string(), ..Canned::default() };
        let body = operation.body.map_or(Value::Null, |schema| document.sample(schema, Shape::Full));
        match (call_of::<C>(&operation).send)(C::client(&http, Hooks::new(canned)), body).await {
            Ok(decoded) => {
                let place = difference(&without_new_members(decoded), &expected, "");
                failures.extend(place.map(|place| format!("{}: differs at {place}", operation.request)));
            }
            Err(error) => failures.push(format!("{}: {error}\n  {answer}", operation.request)),
        }
    }
    assert!(failures.is_empty(), "{} {shape:?}:\n{}", C::NAME, failures.join("\n"));
}

/// The first place where two values differ.
fn difference(one: &Value, other: &Value, place: &str) -> Option<String> {
    let deeper = |key: &str| difference(&one[key], &other[key], &format!("{place}/{key}"));
    match (one, other) {
        _ if one == other => None,
        (Value::Object(ones), Value::Object(others)) => {
            ones.keys().chain(others.keys()).find_map(|key| deeper(key)).or_else(|| Some(place.to_owned()))
        }
        (Value::Array(ones), Value::Array(others)) if ones.len() == others.len() => {
            ones.iter().zip(others).find_map(|(a, b)| difference(a, b, &format!("{place}/*")))
        }
        _ => Some(format!("{place}: {one} and not {other}")),
    }
}

async fn same<C: Api>(shape: Shape) {
    answers_come_out::<C>(shape, |_, _, answer| answer).await;
}

async fn as_if<C: Api>(shape: Shape, other: Shape) {
    answers_come_out::<C>(shape, |document, schema, _| document.sample(schema, other)).await;
}

async fn every_operation_can_be_called<C: Api>() -> usize {
    let (document, http) = (Document::read(C::NAME), http_client());
    let operations = document.operations();
    for operation in &operations {
        let call = call_of::<C>(operation);
        for shape in [Shape::Full, Shape::Sparse] {
            let canned = Canned::default();
            let body = operation.body.map_or(Value::Null, |schema| document.sample(schema, shape));
            // The answer is none, which only some of them take.
            let _ = (call.send)(C::client(&http, Hooks::new(canned.clone())), body.clone()).await;
            let asked = canned.asked.lock().unwrap().clone();
            let [(what, sent)] = asked.as_slice() else { panic!("{}: asked {asked:?}", operation.request) };
            assert_eq!(what, &operation.sent);
            assert_eq!(difference(sent, &body, ""), None, "{} {shape:?}", operation.request);
        }
    }
    let known: BTreeSet<&str> = operations.iter().map(|operation| operation.request.as_str()).collect();
    let called: BTreeSet<&str> = C::CALLS.iter().map(|call| call.request).collect();
    assert_eq!(called, known);
    known.len()
}

#[tokio::test]
async fn each_sends_what_the_document_says() {
    assert_eq!(every_operation_can_be_called::<public::Client>().await, 92);
    assert!(every_operation_can_be_called::<config::Client>().await >= 90);
}

#[tokio::test]
async fn full_answers_lose_nothing() {
    same::<public::Client>(Shape::Full).await;
    same::<config::Client>(Shape::Full).await;
}

#[tokio::test]
async fn answers_with_nothing_optional_in_them() {
    same::<public::Client>(Shape::Sparse).await;
    same::<config::Client>(Shape::Sparse).await;
}

#[tokio::test]
async fn null_is_as_good_as_absent() {
    as_if::<public::Client>(Shape::Nulls, Shape::Sparse).await;
    as_if::<config::Client>(Shape::Nulls, Shape::Sparse).await;
}

#[tokio::test]
async fn words_of_a_newer_server_are_kept() {
    same::<public::Client>(Shape::NewWords).await;
    same::<config::Client>(Shape::NewWords).await;
}

#[tokio::test]
async fn members_of_a_newer_server_do_no_harm() {
    answers_come_out::<public::Client>(Shape::NewMembers, |_, _, answer| without_new_members(answer)).await;
    answers_come_out::<config::Client>(Shape::NewMembers, |_, _, answer| without_new_members(answer)).await;
}

#[tokio::test]
async fn null_in_place_of_a_list_is_an_empty_one() {
    as_if::<public::Client>(Shape::NullLists, Shape::EmptyLists).await;
    as_if::<config::Client>(Shape::NullLists, Shape::EmptyLists).await;
}

#[tokio::test]
async fn an_operation_without_an_answer_takes_any() {
    async fn check<C: Api>() -> usize {
        let (document, http, mut count) = (Document::read(C::NAME), http_client(), 0);
        for operation in document.operations().iter().filter(|operation| operation.answer.is_none()) {
            for answer in ["", "Successful operation", "{\"deleted\":true}", "null", "<html></html>"] {
                let canned = Canned { answer: answer.to_owned(), ..Canned::default() };
                let body = operation.body.map_or(Value::Null, |schema| document.sample(schema, Shape::Full));
                let call = call_of::<C>(operation);
                let taken = (call.send)(C::client(&http, Hooks::new(canned)), body).await;
                let taken = taken.unwrap_or_else(|error| panic!("{}: {error}", operation.request));
                assert!(taken.is_null() || taken == json!(answer), "{}: {taken}", operation.request);
            }
            count += 1;
        }
        count
    }
    assert!(check::<public::Client>().await >= 15);
    assert!(check::<config::Client>().await >= 10);
}

/// The places in a value, as a decoding failure names them, each with the value that has something else there.
fn with_one_wrong(
    value: &Value,
    place: &str,
    put: &dyn Fn(Value) -> Value,
    found: &mut Vec<(String, Value)>,
) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                let put = |wrong| {
                    let mut members = members.clone();
                    members.insert(name.clone(), wrong);
                    put(Value::Object(members))
                };
                with_one_wrong(member, &place, &put, found);
            }
            found.push((place.to_owned(), put(json!("wrong"))));
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                let put = |wrong| {
                    let mut items = items.clone();
                    items[number] = wrong;
                    put(Value::Array(items))
                };
                with_one_wrong(item, &format!("{place}[{number}]"), &put, found);
            }
            found.push((place.to_owned(), put(json!(true))));
        }
        _ => found.push((place.to_owned(), put(json!({ "wrong": [] })))),
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place() {
    async fn check<C: Api>() -> usize {
        let (document, http, mut count) = (Document::read(C::NAME), http_client(), 0);
        let mut seen = BTreeSet::new();
        for operation in document.operations() {
            let Some(schema) = operation.answer else { continue };
            // Many operations have the same answer.
            if !seen.insert(schema.to_string()) {
                continue;
            }
            let mut wrong = Vec::new();
            with_one_wrong(&document.sample(schema, Shape::Full), "", &|value| value, &mut wrong);
            for (place, answer) in wrong {
                let canned = Canned { answer: answer.to_string(), ..Canned::default() };
                let body =
                    operation.body.map_or(Value::Null, |schema| document.sample(schema, Shape::Sparse));
                let call = call_of::<C>(&operation);
                match (call.send)(C::client(&http, Hooks::new(canned)), body).await {
                    // Any JSON is right there.
                    Ok(_) => {}
                    Err(Error::InvalidResponsePayload(_, error)) => {
                        let text = error.to_string();
                        let named = text.split(": ").next().unwrap();
                        // What is inside of a union is read as a whole.
                        let fits = place.is_empty() || (!named.is_empty() && place.starts_with(named));
                        assert!(fits, "{} {place}: {error}", operation.request);
                        count += 1;
                    }
                    Err(error) => panic!("{} {place}: {error}", operation.request),
                }
            }
        }
        count
    }
    assert!(check::<public::Client>().await > 300);
    assert!(check::<config::Client>().await > 1_000);
}

fn without_new_members(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| name != NEW_MEMBER)
            .map(|(name, value)| (name, without_new_members(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_new_members).collect(),
        other => other,
    }
}
