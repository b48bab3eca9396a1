//! Decoding of answers, with the place of a failure.

use progenitor_client::{Error, ResponseValue};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};

/// Reads the body of a successful answer. A failure's text begins with its place: `data[3].jobId: ...`.
pub(crate) async fn from_response<T: DeserializeOwned, E>(
    response: reqwest::Response,
) -> Result<ResponseValue<T>, Error<E>> {
    let status = response.status();
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(Error::ResponseBodyError)?;
    match decode(&body) {
        Ok(value) => Ok(ResponseValue::new(value, status, headers)),
        Err(error) => Err(Error::InvalidResponsePayload(body, error)),
    }
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
