//! Debug output must not give a secret away, neither of a value nor of what builds it.

use airbyte_api_raw::config::types as config;
use airbyte_api_raw::public::types as public;
use serde_json::json;

use super::ID;

#[track_caller]
fn assert_hidden(shown: &str) {
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("<secret>"), "{shown}");
}

#[test]
fn credentials_are_hidden() {
    let read: public::ApplicationRead = serde_json::from_value(json!({
        "id": ID, "name": "mine", "clientId": "visible", "clientSecret": "hunter2", "createdAt": 1
    }))
    .unwrap();
    let shown = format!("{read:?}");
    assert_hidden(&shown);
    assert!(shown.contains("visible"), "{shown}");
    assert_hidden(&format!(
        "{:?}",
        public::ApplicationTokenRequestWithGrant::builder().client_secret("hunter2")
    ));
    let token: public::PublicAccessTokenResponse =
        serde_json::from_value(json!({ "access_token": "hunter2", "token_type": "Bearer" })).unwrap();
    assert_hidden(&format!("{token:?}"));
    let token: config::AccessToken = serde_json::from_value(json!({ "access_token": "hunter2" })).unwrap();
    assert_hidden(&format!("{token:?}"));
}

#[test]
fn configurations_are_hidden() {
    let configuration = json!({ "host": "localhost", "password": "hunter2" });
    let configuration: public::SourceConfiguration = serde_json::from_value(configuration).unwrap();
    assert_hidden(&format!("{configuration:?}"));
    let request = public::SourceCreateRequest::builder().name("n").configuration(configuration);
    assert_hidden(&format!("{request:?}"));
    let read: config::DestinationRead = serde_json::from_value(json!({
        "destinationDefinitionId": ID, "destinationId": ID, "workspaceId": ID, "name": "n", "destinationName": "d",
        "createdAt": 1, "connectionConfiguration": { "password": "hunter2" }
    }))
    .unwrap();
    assert_hidden(&format!("{read:?}"));
}

#[test]
fn keys_of_mappers_are_hidden() {
    let mapper: public::MapperConfiguration =
        serde_json::from_value(json!({ "algorithm": "AES", "key": "hunter2", "newKey": "hunter2" })).unwrap();
    assert_hidden(&format!("{mapper:?}"));
}

#[test]
fn addresses_that_let_anybody_post_are_hidden() {
    let address = "https://hooks.example.com/hunter2";
    let public: public::WebhookNotificationConfig =
        serde_json::from_value(json!({ "enabled": true, "url": address })).unwrap();
    assert_hidden(&format!("{public:?}"));
    assert_hidden(&format!("{:?}", public::WebhookNotificationConfig::builder().url(address.to_owned())));
    let config: config::WebhookNotificationConfig =
        serde_json::from_value(json!({ "url": address })).unwrap();
    assert_hidden(&format!("{config:?}"));
    let slack: config::SlackNotificationConfiguration =
        serde_json::from_value(json!({ "webhook": address })).unwrap();
    assert_hidden(&format!("{slack:?}"));
}
