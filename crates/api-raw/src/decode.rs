//! Decoding of answers, with the place of a failure.

use bytes::{Bytes, BytesMut};
use progenitor_client::{Error, ResponseValue};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};

/// The most bytes of a body, unpacked. The longest answers that there are, catalogs and whole logs, are a tenth of that;
/// a body that goes on and on would take all memory.
const LONGEST_BODY: usize = 256 * 1024 * 1024;

/// Reads the body of a successful answer. A failure's text begins with its place: `data[3].jobId: ...`.
pub(crate) async fn from_response<T: DeserializeOwned, E>(
    response: reqwest::Response,
) -> Result<ResponseValue<T>, Error<E>> {
    let status = response.status();
    let headers = response.headers().clone();
    let body = body(response).await?;
    match decode(&body) {
        Ok(value) => Ok(ResponseValue::new(value, status, headers)),
        Err(error) => Err(Error::InvalidResponsePayload(body, error)),
    }
}

/// Reads the whole body of an answer, as the generated calls do: one of more than 256 MiB is an
/// [`Error::InvalidResponsePayload`].
pub async fn body<E>(response: reqwest::Response) -> Result<Bytes, Error<E>> {
    body_up_to(response, LONGEST_BODY).await
}

async fn body_up_to<E>(mut response: reqwest::Response, limit: usize) -> Result<Bytes, Error<E>> {
    let length = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = BytesMut::with_capacity(length.unwrap_or_default().min(limit));
    while let Some(chunk) = response.chunk().await.map_err(Error::ResponseBodyError)? {
        if body.len() + chunk.len() > limit {
            let error = serde_json::Error::custom(format_args!("it is longer than {limit} bytes"));
            return Err(Error::InvalidResponsePayload(Bytes::new(), error));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads a body as the generated calls do: the text of a failure begins with its place (`data[3].jobId: ...`).
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    // The plain decoder is the quick one, so the path is only tracked once it is known to be needed.
    serde_json::from_slice(body).map_err(|error| match decode_error_path::<T>(body) {
        Some(path) => serde_json::Error::custom(format_args!("{path}: {error}")),
        None => error,
    })
}

/// Reads a required list or map, for which null is as good as nothing in it.
pub(crate) fn null_as_empty<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Where in `payload` the decoding of a `T` fails, `data[3].jobId` for instance.
///
/// `None` when it does not fail, or when the payload is not JSON at all.
pub fn decode_error_path<T: DeserializeOwned>(payload: &[u8]) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    error.inner().is_data().then(|| error.path().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_taken_whole_or_refused() {
        let long = |bytes: usize| reqwest::Response::from(http::Response::new(vec![b'7'; bytes]));
        for bytes in [0, 1, 1_000] {
            let body = body_up_to::<()>(long(bytes), 1_000).await.unwrap();
            assert_eq!(body.len(), bytes);
        }
        match body_up_to::<()>(long(1_001), 1_000).await {
            Err(Error::InvalidResponsePayload(body, error)) => {
                assert_eq!((body.len(), error.to_string().as_str()), (0, "it is longer than 1000 bytes"));
            }
            other => panic!("{other:?}"),
        }
    }
}
