//! The files that the commands are given, with a secret in each secret place.

use std::path::Path;

use serde_json::{Value, json};

use crate::canary::Canaries;
use crate::{hostile, telling};

/// Every secret place, by what it is called in findings.
pub(crate) const PLACES: &[&str] = &[
    "bearer token",
    "profile secret",
    "proxy password",
    "source password",
    "source ssh key",
    "referred password",
    "database password",
    "client key",
    "client key password",
    "tunnel password",
    "tunnel key",
    "url parameter",
    "private key",
    "passphrase",
    "account password",
    "service account",
    "hmac secret",
    "motherduck token",
    "mapper key",
    "webhook",
    "literal in a file",
    "environment secret",
];

/// Where nobody listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Writes them, with databases among them that say what they were told: a PostgreSQL, and a Snowflake.
pub(crate) fn write(folder: &Path, canaries: &Canaries) {
    let telling = telling::start();
    let snowflake_told = hostile::start(3, "none").replace("/api/public/v1", "");
    let file = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let json = |name: &str, value: &Value| file(name, &value.to_string());
    let odd = |place: &str| canaries.odd(place);
    // A private key, as far as its frame goes.
    let pem = |place: &str| {
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", canaries.plain(place))
    };
    // A connector whose specification the sandbox knows: of others it cannot tell what is secret.
    let source = json!({
        "dataset_name": "d", "format": "csv", "url": "s3://bucket/d.csv", "provider": {
            "storage": "S3", "aws_access_key_id": "i", "aws_secret_access_key": odd("source password"),
        },
    });
    json("source.json", &source);
    file(
        "referring.yaml",
        "dataset_name: d\nformat: csv\nurl: gs://bucket/d.csv\nprovider: {storage: GCS, service_account_json: \"${PLANTED}\"}\n",
    );
    let secret = odd("literal in a file");
    file("broken.json", &format!("{{\"password\": {}, ", Value::from(secret.as_str())));
    file("broken.yaml", &format!("password: {}\n  - : [", Value::from(secret.as_str())));
    file(
        "misplaced.yaml",
        &format!(
            "version: 1\nsources: {{A: {{type: x, configuration: {}}}}}\n",
            Value::from(secret.as_str())
        ),
    );
    json("list.json", &json!([{ "password": secret }]));
    json("unknown.json", &json!({ "destinationType": "no-such", "configuration": { "password": secret } }));
    let house = |port: u16, more: Value| {
        let mut configuration = json!({
            "host": "127.0.0.1", "port": port, "database": "d", "schema": "public", "username": "u",
            "password": odd("database password"), "ssl_mode": { "mode": "disable" },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            configuration[name] = value.clone();
        }
        configuration
    };
    let closed = closed_port();
    json("house.json", &house(closed, json!({})));
    json("wrong.json", &house(closed, json!({ "port": odd("database password") })));
    json(
        "body.json",
        &json!({
            "name": "By hand", "workspaceId": "$WORKSPACE", "configuration": {
                "destinationType": "postgres", "host": "h", "port": 1, "database": "d", "schema": "public", "username": "u",
                "password": odd("database password"), "ssl_mode": { "mode": "disable" },
            },
        }),
    );
    let read = |name: &str, kind: &str, configuration: Value| {
        json(name, &json!({ "destinationType": kind, "configuration": configuration }));
    };
    read("postgres.json", "postgres", house(closed, json!({})));
    read("telling.json", "postgres", house(telling, json!({})));
    let tunnel = |more: Value| {
        let mut tunnel = json!({ "tunnel_host": "127.0.0.1", "tunnel_port": closed, "tunnel_user": "u" });
        for (name, value) in more.as_object().into_iter().flatten() {
            tunnel[name] = value.clone();
        }
        json!({ "tunnel_method": tunnel })
    };
    let by_key = json!({ "tunnel_method": "SSH_KEY_AUTH", "ssh_key": pem("tunnel key") });
    read("postgres-ssh-key.json", "postgres", house(closed, tunnel(by_key)));
    let by_password =
        json!({ "tunnel_method": "SSH_PASSWORD_AUTH", "tunnel_user_password": odd("tunnel password") });
    read("postgres-ssh-password.json", "postgres", house(closed, tunnel(by_password)));
    let mutual = json!({ "ssl_mode": {
        "mode": "verify-ca", "ca_certificate": "no certificate", "client_certificate": "none",
        "client_key": pem("client key"), "client_key_password": odd("client key password"),
    } });
    read("postgres-mutual.json", "postgres", house(closed, mutual));
    let parameters = format!("sslpassword={}&ssl=true&nonsense", canaries.plain("url parameter"));
    read("postgres-parameters.json", "postgres", house(closed, json!({ "jdbc_url_params": parameters })));
    read("redshift.json", "redshift", house(closed, json!({})));
    let snowflake = |credentials: Value| {
        json!({
            "host": format!("http://127.0.0.1:{closed}"), "role": "r", "warehouse": "w", "database": "d", "schema": "s",
            "username": "u", "credentials": credentials,
        })
    };
    let key = json!({
        "auth_type": "Key Pair Authentication", "private_key": include_str!("../../../crates/sql-read/tests/keys/aes256.pem"),
        "private_key_password": odd("passphrase"),
    });
    read("snowflake-key.json", "snowflake", snowflake(key));
    let key = json!({ "auth_type": "Key Pair Authentication", "private_key": pem("private key") });
    read("snowflake-wrong-key.json", "snowflake", snowflake(key));
    let password = json!({ "auth_type": "Username and Password", "password": odd("account password") });
    read("snowflake-password.json", "snowflake", snowflake(password.clone()));
    let mut told = snowflake(password);
    told["host"] = snowflake_told.into();
    read("snowflake-telling.json", "snowflake", told);
    let bigquery = |credentials: &str| {
        json!({
            "project_id": "p", "dataset_id": "d", "dataset_location": "US", "credentials_json": credentials,
            "loading_method": { "method": "GCS Staging", "credential": {
                "credential_type": "HMAC_KEY", "hmac_key_access_id": "i", "hmac_key_secret": odd("hmac secret"),
            } },
        })
    };
    let account = json!({
        "type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": pem("service account"),
        "client_email": "a@p.example", "client_id": "1", "token_uri": format!("http://127.0.0.1:{closed}/token"),
    });
    read("bigquery.json", "bigquery", bigquery(&account.to_string()));
    read("bigquery-wrong.json", "bigquery", bigquery(&format!("{{ {}", odd("service account"))));
    read(
        "motherduck.json",
        "motherduck",
        json!({
            "destination_path": "md:my_db", "motherduck_api_key": odd("motherduck token"), "schema": "s",
        }),
    );
    file(
        "manifest.yaml",
        "version: 6.1.0\ntype: DeclarativeSource\ncheck: {type: CheckStream, stream_names: [things]}\nstreams: []\nspec:\n  type: Spec\n  connection_specification: {type: object, properties: {}}\n",
    );
}
