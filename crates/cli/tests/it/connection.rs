//! Connections: every verb but those that run something.

use serde_json::{Value, json};

use crate::support::{Sandbox, text};

const NAME: &str = "Faker to SQLite";

fn streams(connection: &Value) -> Vec<&str> {
    connection["streams"].as_array().unwrap().iter().map(|stream| text(stream, "name")).collect()
}

#[test]
fn a_connection_lives_from_creation_to_deletion() {
    let sandbox = Sandbox::demo();
    sandbox.json(&["tag", "create", "nightly"]);
    let made = sandbox.json(&[
        "connection",
        "create",
        "Second",
        "--source=faker",
        "--destination=Embedded SQLite",
        "--stream=users=incremental_append",
        "--stream=purchases",
        "--cursor=users=updated_at",
        "--prefix=second_",
        "--namespace=source",
        "--schedule=0 0 6 * * ?",
        "--schema-updates=propagate_columns",
        "--tag=nightly",
        "--disabled",
    ]);
    assert_eq!((text(&made, "name"), text(&made, "status")), ("Second", "inactive"));
    assert_eq!(streams(&made), ["users", "purchases"]);
    assert_eq!(made["streams"][0]["sync_mode"], "incremental_append");
    assert_eq!((text(&made, "prefix"), &made["tags"]), ("second_", &json!(["nightly"])));
    assert_eq!(
        (text(&made, "namespace_definition"), text(&made, "schema_updates")),
        ("source", "propagate_columns")
    );
    let tagged = sandbox.json(&["connection", "list", "--tag", "nightly"]);
    assert_eq!((tagged.as_array().unwrap().len(), &tagged[0]["connection_id"]), (1, &made["connection_id"]));
    let active = sandbox.json(&["connection", "list", "--status", "active", "--fields", "name"]);
    assert_eq!(active, json!([{ "name": NAME }]));

    let updated = sandbox.json(&[
        "connection",
        "update",
        "Second",
        "--prefix=",
        "--namespace=x_${SOURCE_NAMESPACE}",
        "--no-tags",
    ]);
    assert_eq!((text(&updated, "namespace_format"), &updated["tags"]), ("x_${SOURCE_NAMESPACE}", &json!([])));
    assert!(matches!(updated["prefix"].as_str(), None | Some("")), "{updated}");
    assert_eq!(sandbox.json(&["connection", "enable", "Second"])["status"], "active");
    assert_eq!(sandbox.json(&["connection", "disable", "Second"])["status"], "inactive");
    assert_eq!(sandbox.json(&["connection", "rename", "Second", "Third"])["name"], "Third");

    let deleted = sandbox.json(&["connection", "delete", "Third", "--yes"]);
    assert_eq!(deleted, json!({ "kind": "connection", "id": made["connection_id"], "name": "Third" }));
    assert_eq!(sandbox.json(&["connection", "list", "--fields", "name"]), json!([{ "name": NAME }]));
}

#[test]
fn all_streams_of_a_source_can_be_taken() {
    let sandbox = Sandbox::demo();
    let arguments = ["connection", "create", "All", "--source=Faker", "--destination=Embedded SQLite"];
    let error = sandbox.script(&arguments).exits(2).error();
    assert!(text(&error, "hint").contains("--all-streams"), "{error}");
    let arguments: Vec<&str> = arguments.into_iter().chain(["--all-streams"]).collect();
    let mut names = sandbox.json(&arguments);
    assert_eq!(streams(&names).len(), 3);
    names = sandbox.json(&["connection", "delete", "All", "--with-source", "--dry-run"]);
    assert!(names["effects"].to_string().contains(NAME), "{names}");
}

#[test]
fn schedules_are_shown_and_set() {
    let sandbox = Sandbox::demo();
    assert_eq!(sandbox.json(&["connection", "schedule", NAME])["schedule"], json!({ "type": "manual" }));
    let set = sandbox.json(&["connection", "schedule", NAME, "0 0 6 * * ?"]);
    assert_eq!(set["schedule"]["type"], "cron");
    let shown = sandbox.run(&["connection", "schedule", NAME]).exits(0).stdout;
    assert!(shown.starts_with("0 0 6 * * ?"), "{shown}");
    let unix = sandbox.script(&["connection", "schedule", NAME, "0 6 * * 1"]).exits(2).error();
    assert!(text(&unix, "hint").contains("0 0 6 ? * 2"), "{unix}");
    assert_eq!(
        sandbox.json(&["connection", "schedule", NAME, "manual"])["schedule"],
        json!({ "type": "manual" })
    );
}

#[test]
fn streams_are_shown_and_chosen() {
    let sandbox = Sandbox::demo();
    let offered = sandbox.json(&["connection", "streams", NAME, "--available"]);
    assert!(
        offered.as_array().unwrap().iter().any(|it| it["name"] == "users" && it["selected"] == true),
        "{offered}"
    );
    let changed = sandbox.json(&["connection", "streams", NAME, "--only", "users=full_refresh_append"]);
    assert_eq!(
        (streams(&changed), text(&changed["streams"][0], "sync_mode")),
        (vec!["users"], "full_refresh_append")
    );
    let changed =
        sandbox.json(&["connection", "streams", NAME, "--add", "products", "--columns", "products=id,make"]);
    assert_eq!(streams(&changed), ["users", "products"]);
    let listed = sandbox.json(&["connection", "streams", NAME]);
    assert_eq!(listed, changed["streams"]);
    let changed = sandbox.json(&["connection", "streams", NAME, "--remove", "users"]);
    assert_eq!(streams(&changed), ["products"]);
    let none = sandbox.script(&["connection", "streams", NAME, "--remove", "products"]).exits(2).error();
    assert!(text(&none, "message").contains("no stream is left"), "{none}");
    sandbox.script(&["connection", "streams", NAME, "--add", "users=now and then"]).exits(2);
    sandbox.script(&["connection", "streams", NAME, "--remove", "carts"]).exits(2);
}

#[test]
fn states_and_catalogs_go_out_and_come_back() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let state = sandbox.json(&["connection", "state", &connection]);
    let file = sandbox.folder().join("state.json");
    let with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let digits = r#"{"cursor":1234567890123456789,"f":1.0}"#;
    let written = format!(
        r#"{{"stateType":"stream","streamState":[{{"streamDescriptor":{{"name":"users"}},"streamState":{digits}}}]}}"#
    );
    sandbox.json(&["connection", "state", &connection, "--set", &with(&written)]);
    let one =
        sandbox.run(&["connection", "state", &connection, "--stream", "users", "--output", "jsonl"]).exits(0);
    assert_eq!(one.stdout.trim(), digits);
    // No sync would ever look at the state of a stream that there is not.
    let shown = sandbox.json(&["connection", "state", &connection]);
    for (stream, exit) in [("public.users", 2), ("carts", 2), ("products", 0)] {
        sandbox.script(&["connection", "state", &connection, "--stream", stream]).exits(exit);
    }
    let blob = with(digits);
    sandbox
        .script(&["connection", "state", &connection, "--stream", "public.users", "--set", &blob])
        .exits(2);
    assert_eq!(sandbox.json(&["connection", "state", &connection]), shown);
    // It was not set, which cannot be written.
    sandbox.script(&["connection", "state", &connection, "--set", &with(&state.to_string())]).exits(2);
    let wrong = sandbox.script(&["connection", "state", &connection, "--set", &with("[]")]).exits(2).error();
    assert!(text(&wrong, "message").contains("state"), "{wrong}");

    let catalog = sandbox.json(&["connection", "catalog", &connection]);
    assert!(catalog["streams"].as_array().unwrap().len() > 1, "{catalog}");
    let set = sandbox.json(&["connection", "catalog", &connection, "--set", &with(&catalog.to_string())]);
    assert_eq!(set, catalog);
    assert_eq!(sandbox.json(&["connection", "catalog", &connection, "--refresh-schema"]), json!([]));
}

#[test]
fn people_see_the_difference() {
    let sandbox = Sandbox::demo();
    let changed = sandbox.run(&["connection", "update", NAME, "--prefix", "x_"]).exits(0);
    assert!(changed.stderr.contains("prefix"), "{}", changed.stderr);
    assert!(changed.stdout.contains("x_"), "{}", changed.stdout);
    let same = sandbox.run(&["connection", "update", NAME, "--prefix", "x_"]).exits(0);
    assert!(same.stderr.contains("nothing differs"), "{}", same.stderr);
}

/// Streams of a file are called what the user calls them, dots and all.
#[test]
fn a_dot_in_the_name_of_a_stream_does_not_end_a_namespace() {
    let sandbox = Sandbox::demo();
    std::fs::write(sandbox.folder().join("orders.csv"), "id\n1\n2\n").unwrap();
    sandbox.json(&[
        "source",
        "create",
        "Orders",
        "--type=file",
        "-fdataset_name=orders.v1",
        "-fformat=csv",
        "-furl=orders.csv",
        "-Fprovider={\"storage\":\"local\"}",
    ]);
    let create = ["connection", "create", "Orders", "--source=Orders", "--destination=Embedded SQLite"];
    let made = sandbox.json(&[&create[..], &["--stream=orders.v1=full_refresh_append"]].concat());
    assert_eq!(streams(&made), ["orders.v1"]);
    assert_eq!(made["streams"][0]["namespace"], Value::Null);
    let edited =
        sandbox.json(&["connection", "streams", "Orders", "--only=orders.v1=full_refresh_overwrite"]);
    assert_eq!((streams(&edited), &edited["streams"][0]["namespace"]), (vec!["orders.v1"], &Value::Null));
    sandbox.script(&["connection", "streams", "Orders", "--add=orders.v2"]).exits(2);
}
