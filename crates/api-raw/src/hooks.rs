//! The one seam through which every request of the generated clients goes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// What [`RequestHook::execute`] gives back.
pub type RequestFuture<'a> = Pin<Box<dyn Future<Output = reqwest::Result<reqwest::Response>> + Send + 'a>>;

/// Sees each request before it is sent, and sends it.
///
/// `operation_id` is the operation's method name on the client, `list_jobs` for instance.
pub trait RequestHook: Send + Sync {
    /// Changes the request before it is sent: a header, an identifier. Does nothing unless implemented.
    fn prepare(&self, request: &mut reqwest::Request, operation_id: &'static str) {
        let _ = (request, operation_id);
    }

    /// Sends the request. Unless implemented, `client` sends it as it is.
    fn execute<'a>(
        &'a self,
        client: &'a reqwest::Client,
        request: reqwest::Request,
        operation_id: &'static str,
    ) -> RequestFuture<'a> {
        let _ = operation_id;
        Box::pin(client.execute(request))
    }
}

/// A hook that changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl RequestHook for NoHooks {}

/// The hook of a client, shared by its clones.
#[derive(Clone)]
pub struct Hooks(pub Arc<dyn RequestHook>);

impl Hooks {
    /// Wraps a hook.
    pub fn new(hook: impl RequestHook + 'static) -> Self {
        Self(Arc::new(hook))
    }

    /// Requests go out as they are.
    pub fn none() -> Self {
        Self::new(NoHooks)
    }
}

impl fmt::Debug for Hooks {
    // A hook may hold credentials, so nothing of it is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// Hands the generated client's hooks to its [`Hooks`]. The implementation has to be in this crate, and the
/// generator's own trait cannot be made into an object, hence the small trait of our own.
macro_rules! delegate {
    ($client:ty) => {
        impl progenitor_client::ClientHooks<crate::Hooks> for $client {
            async fn pre<E>(
                &self,
                request: &mut reqwest::Request,
                info: &progenitor_client::OperationInfo,
            ) -> Result<(), progenitor_client::Error<E>> {
                // The generator sends the document's version with each request; Airbyte knows no such header.
                request.headers_mut().remove("api-version");
                self.inner.0.prepare(request, info.operation_id);
                Ok(())
            }

            async fn exec(
                &self,
                request: reqwest::Request,
                info: &progenitor_client::OperationInfo,
            ) -> reqwest::Result<reqwest::Response> {
                self.inner.0.execute(&self.client, request, info.operation_id).await
            }
        }
    };
}
pub(crate) use delegate;
