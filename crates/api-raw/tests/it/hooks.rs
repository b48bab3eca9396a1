use std::sync::{Arc, Mutex};

use airbyte_api_raw::{Error, Hooks, RequestFuture, RequestHook, public};
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{ID, http_client};

/// Notes the operations it sees, and sends each request to `/seen`.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl RequestHook for Notes {
    fn prepare(&self, request: &mut reqwest::Request, operation_id: &'static str) {
        self.0.lock().unwrap().push(format!("prepare {operation_id}"));
        request.headers_mut().insert("x-note", "yes".parse().unwrap());
    }

    fn execute<'a>(
        &'a self,
        client: &'a reqwest::Client,
        mut request: reqwest::Request,
        operation_id: &'static str,
    ) -> RequestFuture<'a> {
        self.0.lock().unwrap().push(format!("execute {operation_id}"));
        request.url_mut().set_path("/seen");
        Box::pin(client.execute(request))
    }
}

#[tokio::test]
async fn a_hook_sees_and_sends_each_request() {
    let server = MockServer::start().await;
    Mock::given(path("/seen"))
        .and(header("x-note", "yes"))
        .respond_with(ResponseTemplate::new(299))
        .mount(&server)
        .await;
    let notes = Notes::default();
    let client = public::Client::new_with_client(&server.uri(), http_client(), Hooks::new(notes.clone()));
    client.get_health_check().send().await.unwrap();
    client.clone().delete_workspace().workspace_id(ID).send().await.unwrap();
    let seen = [
        "prepare get_health_check",
        "execute get_health_check",
        "prepare delete_workspace",
        "execute delete_workspace",
    ];
    assert_eq!(*notes.0.lock().unwrap(), seen);
}

#[tokio::test]
async fn no_header_of_the_generator_is_sent() {
    let server = MockServer::start().await;
    Mock::given(path("/health")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    super::public_client(&server).get_health_check().send().await.unwrap();
    let request = server.received_requests().await.unwrap().pop().unwrap();
    assert!(!request.headers.contains_key("api-version"), "{:?}", request.headers);
}

#[test]
fn a_call_can_move_to_another_thread_and_a_hook_is_not_shown() {
    fn assert_send<T: Send>(_: T) {}
    let client = public::Client::new_with_client("http://localhost", http_client(), Hooks::none());
    assert_send(client.list_jobs().send());
    assert_eq!(format!("{:?}", Hooks::none()), "Hooks");
}

#[tokio::test]
async fn a_connection_that_fails_is_a_communication_error() {
    let client = public::Client::new_with_client("http://127.0.0.1:1", http_client(), Hooks::none());
    let error = client.get_health_check().send().await.unwrap_err();
    assert!(matches!(error, Error::CommunicationError(_)), "{error}");
}
