//! Every way of signing in, as the service would see it.

use airbyte_sql_read::ErrorKind;
use serde_json::{Value, json};

use super::double::Behaviour;
use super::{Lake, all};
use crate::support::destination;

/// What the service is told when these credentials are used, and the outcome.
async fn signed_in(lake: &Lake, credentials: Value) -> (Value, Result<(), airbyte_sql_read::Error>) {
    let mut configuration = lake.configuration();
    configuration["credentials"] = credentials;
    let connected = destination("snowflake", &configuration).connect().await.map(drop);
    (lake.double.seen("/session/v1/login-request").pop().unwrap_or_default(), connected)
}

#[tokio::test]
async fn the_service_is_told_who_reads_and_how() {
    let Some(lake) = Lake::new("told", Behaviour::default()).await else { return };
    let (login, connected) = signed_in(&lake, json!({"password": "hidden"})).await;
    connected.unwrap();
    let data = &login["data"];
    assert_eq!(data["LOGIN_NAME"], "reader");
    assert_eq!(data["PASSWORD"], "hidden");
    assert_eq!(data["SESSION_PARAMETERS"]["QUOTED_IDENTIFIERS_IGNORE_CASE"], false);
    assert_eq!(data["SESSION_PARAMETERS"]["TIMEZONE"], "UTC");
    assert_eq!(data["SESSION_PARAMETERS"]["CLIENT_RESULT_CHUNK_SIZE"], 16);
    assert_eq!(data["SESSION_PARAMETERS"]["MULTI_STATEMENT_COUNT"], 1);
}

#[tokio::test]
async fn a_key_signs_what_names_it() {
    let Some(lake) = Lake::new("key", Behaviour::default()).await else { return };
    let key = include_str!("../../keys/aes256.pem");
    let (login, connected) = signed_in(
        &lake,
        json!({"auth_type": "Key Pair Authentication", "private_key": key, "private_key_password": "opening"}),
    )
    .await;
    connected.unwrap();
    assert_eq!(login["data"]["AUTHENTICATOR"], "SNOWFLAKE_JWT");
    assert_eq!(login["data"]["TOKEN"].as_str().unwrap().split('.').count(), 3);
    assert!(login["data"]["PASSWORD"].is_null());
    let (_, refused) =
        signed_in(&lake, json!({"private_key": key, "private_key_password": "wrong one"})).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!format!("{error:?}").contains("wrong one"), "{error:?}");
}

#[tokio::test]
async fn an_access_token_is_renewed_when_it_is_refused() {
    let good = Behaviour { access_token: Some("good".to_owned()), ..Behaviour::default() };
    let Some(lake) = Lake::new("oauth", good).await else { return };
    let (_, refused) = signed_in(&lake, json!({"access_token": "old"})).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("390318"), "{error}");
    let client = json!({"client_id": "client", "client_secret": "word", "refresh_token": "refresh"});
    for access_token in [Some("old"), None] {
        let mut credentials = client.clone();
        credentials["access_token"] = json!(access_token);
        let (login, connected) = signed_in(&lake, credentials).await;
        connected.unwrap();
        assert_eq!(login["data"]["AUTHENTICATOR"], "OAUTH");
        assert_eq!(login["data"]["TOKEN"], "good");
    }
    let mut credentials = client;
    credentials["client_secret"] = json!("secret word");
    let (_, refused) = signed_in(&lake, credentials).await;
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("no such grant"), "{error}");
    assert!(!format!("{error:?}").contains("secret word"), "{error:?}");
}

#[tokio::test]
async fn a_refusal_says_why_and_shows_no_secret() {
    let refusal = Some(("390100".to_owned(), "Incorrect username or password was specified.".to_owned()));
    let Some(lake) = Lake::new("refused", Behaviour { refusal, ..Behaviour::default() }).await else {
        return;
    };
    let (_, refused) = signed_in(&lake, json!({"password": "hidden"})).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("Incorrect username"), "{error}");
    assert!(error.hint().unwrap().contains("password"), "{error:?}");
    assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
}

#[tokio::test]
async fn a_host_where_nobody_answers_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let configuration = json!({
        "host": nobody, "database": "D", "username": "reader", "credentials": {"password": "hidden"},
    });
    let error = destination("snowflake", &configuration).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    assert!(error.hint().unwrap().contains("`host`"), "{error:?}");
}

#[tokio::test]
async fn one_session_serves_all_reads_and_is_closed() {
    let Some(lake) = Lake::new("one_session", Behaviour::default()).await else { return };
    lake.numbers(5).await;
    let warehouse = lake.destination().connect().await.unwrap();
    let dataset = warehouse.dataset(&airbyte_sql_read::StreamSpec::new("numbers")).await.unwrap();
    futures::future::join_all((0..3).map(|_| all(&dataset))).await;
    assert_eq!(lake.double.seen("/session/v1/login-request").len(), 1);
    drop((warehouse, dataset));
    let closed = async {
        while lake.double.seen("/session").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), closed).await.expect("the session is closed");
}
