//! Each operation of the bindings as a function of JSON, in a table that `cargo xtask regen` writes.

use std::future::{Ready, ready};

use airbyte_api_raw::{ByteStream, Error, ResponseValue};
use futures::TryStreamExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ID;

/// What was decoded, written as JSON again.
pub(crate) type Outcome = Result<Value, Error<()>>;

/// An operation, whose client is of type `C`.
pub(crate) struct Call<C: 'static> {
    /// `GET /jobs/{jobId}`
    pub(crate) request: &'static str,
    /// Makes the call with this body, and any values of the other required arguments.
    pub(crate) send: fn(C, Value) -> BoxFuture<'static, Outcome>,
}

macro_rules! calls {
    ($api:ident; $($request:literal $method:ident($($name:ident: $of:ty),*) -> $answer:ident;)*) => {
        use airbyte_api_raw::$api::{Client, types::*};
        #[allow(unused_imports, reason = "ids are arguments of the public API only")]
        use uuid::Uuid;

        use super::{Call, argument};

        pub(crate) const CALLS: &[Call<Client>] = &[$(Call {
            request: $request,
            send: |client, body| Box::pin(async move {
                let _ = &body;
                super::$answer(client.$method()$(.$name(argument::<$of>(stringify!($name), &body)))*.send().await?).await
            }),
        }),*];
    };
}

pub(crate) mod config;
pub(crate) mod public;

/// The body, or whatever fits.
fn argument<T: DeserializeOwned>(name: &str, body: &Value) -> T {
    if name == "body" {
        return serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{error}: {body}"));
    }
    serde_json::from_value(json!(ID)).or_else(|_| serde_json::from_value(json!(7))).unwrap()
}

fn json<T: serde::Serialize>(answer: ResponseValue<T>) -> Ready<Outcome> {
    ready(Ok(serde_json::to_value(answer.into_inner()).unwrap()))
}

async fn bytes(answer: ResponseValue<ByteStream>) -> Outcome {
    let read: Vec<_> = answer.into_inner().into_inner().try_collect().await.unwrap();
    Ok(json!(String::from_utf8(read.concat()).unwrap()))
}
