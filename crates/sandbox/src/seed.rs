//! What a new sandbox holds.

use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::builder::Edition;
use crate::error::Error;
use crate::model::{
    Actor, Application, ConfiguredStream, Connection, Grantee, Organization, Permission, Record, Region,
    Schedule, Scope, Side, User, Workspace,
};
use crate::sources::Stream;

/// The rows of the demo's sample file.
const SAMPLE: &str = "\
city,country,founded,area_km2,has_harbour
Aarhus,DK,770,468.9,true
Bremen,DE,782,326.7,true
Kyoto,JP,794,827.8,false
Porto,PT,1123,41.4,true
Recife,BR,1537,218.8,true
Turku,FI,1229,306.4,true
";

/// An id that is the same in every sandbox, so that commands can be repeated.
fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("airbyte-sandbox:{name}").as_bytes())
}

pub(crate) fn organization_id() -> Uuid {
    // The default organization of every self-managed instance.
    Uuid::nil()
}

pub(crate) fn workspace_id() -> Uuid {
    id("workspace")
}

/// The user of the application that is there from the start.
pub(crate) fn user_id(edition: Edition) -> Uuid {
    match edition {
        Edition::Cloud => id("user"),
        // The default user of every self-managed instance.
        _ => Uuid::nil(),
    }
}

pub(crate) fn region_id() -> Uuid {
    id("region")
}

/// The sandbox's own application. It is there at every start, whatever was deleted: its credentials are handed out.
pub(crate) fn application(app: &App, client_id: String, client_secret: String) -> Result<(), Error> {
    let application = Application {
        id: id("application"),
        name: "Sandbox".to_owned(),
        client_id,
        client_secret,
        created_at: app.now(),
        user_id: Some(app.user_id),
    };
    let is_stored = app.store.get::<Application>(&application.id())?.is_some_and(|stored| {
        // In another edition it was another user's.
        stored.client_secret == application.client_secret && stored.user_id == application.user_id
    });
    if !is_stored {
        app.store.put(&application)?;
    }
    Ok(())
}

/// One organization with one user, one workspace and one region.
pub(crate) fn empty(app: &App) -> Result<(), Error> {
    people(app)?;
    put_new(
        app,
        &Region {
            id: region_id(),
            organization_id: app.organization_id,
            name: "auto".to_owned(),
            enabled: true,
            deleted: false,
            created_at: app.now(),
            updated_at: app.now(),
        },
    )?;
    put_new(
        app,
        &Workspace {
            id: workspace_id(),
            organization_id: app.organization_id,
            name: "Sandbox".to_owned(),
            deleted: false,
            region_id: None,
            notifications: serde_json::Value::Null,
        },
    )
}

/// The organization, its user, and what this one may do.
fn people(app: &App) -> Result<(), Error> {
    if app.store.get::<User>(&app.user_id.to_string())?.is_some() {
        // Permissions that were taken away stay away.
        return Ok(());
    }
    let organization = Organization {
        id: app.organization_id,
        name: "Sandbox".to_owned(),
        email: "sandbox@example.com".to_owned(),
    };
    let user = User {
        id: app.user_id,
        auth_id: match app.edition {
            Edition::Cloud => id("auth-user"),
            _ => Uuid::nil(),
        }
        .to_string(),
        name: "Sandbox User".to_owned(),
        email: "sandbox@example.com".to_owned(),
        status: "registered".to_owned(),
        default_workspace_id: Some(workspace_id()),
    };
    let permission = |name: &str, scope: Scope| Permission {
        // A folder that was of another edition has that one's user, too.
        id: id(&format!("{name} of {}", user.id)),
        kind: name.to_owned(),
        grantee: Grantee::User(user.id),
        scope,
    };
    put_new(app, &organization)?;
    put_new(app, &permission("organization_admin", Scope::Organization(organization.id)))?;
    if app.edition != Edition::Cloud {
        put_new(app, &permission("instance_admin", Scope::Instance))?;
    }
    put_new(app, &user)
}

/// Sources, destinations, and connections that are ready to sync.
pub(crate) fn demo(app: &App, postgres: Option<&url::Url>, duckdb: bool) -> Result<(), Error> {
    empty(app)?;
    let sample = app.files_roots[1].join("cities.csv");
    std::fs::write(&sample, SAMPLE).map_err(|source| Error::Folder { path: sample.clone(), source })?;
    let faker = actor(app, Side::Source, "Faker", "faker", json!({"count": 1000, "seed": 1}));
    let embedded_path = app.local_root.join("demo.sqlite");
    let embedded = actor(
        app,
        Side::Destination,
        "Embedded SQLite",
        "sqlite",
        json!({"destination_path": embedded_path}),
    );
    put_new(app, &faker)?;
    put_new(app, &embedded)?;
    let file = actor(
        app,
        Side::Source,
        "File",
        "file",
        json!({"dataset_name": "cities", "format": "csv", "url": sample, "provider": {"storage": "local"}}),
    );
    put_new(app, &file)?;
    put_new(app, &connection(app, "Faker to SQLite", &faker, &embedded))?;
    if duckdb {
        let path = json!({"destination_path": app.local_root.join("demo.duckdb")});
        let embedded = actor(app, Side::Destination, "Embedded DuckDB", "duckdb", path);
        put_new(app, &embedded)?;
        put_new(app, &connection(app, "Faker to DuckDB", &faker, &embedded))?;
    }
    if let Some(url) = postgres {
        let server = actor(app, Side::Destination, "PostgreSQL", "postgres", postgres_configuration(url)?);
        put_new(app, &server)?;
        put_new(app, &connection(app, "Faker to PostgreSQL", &faker, &server))?;
    }
    Ok(())
}

/// Stores an object unless the data folder has it already.
fn put_new<T: Record>(app: &App, object: &T) -> Result<(), Error> {
    if app.store.get::<T>(&object.id())?.is_none() {
        app.store.put(object)?;
    }
    Ok(())
}

fn actor(app: &App, side: Side, name: &str, slug: &str, configuration: serde_json::Value) -> Actor {
    let definition_id = crate::connectors::by_slug(side, slug).map(|connector| connector.definition_id);
    Actor {
        id: id(name),
        side,
        workspace_id: workspace_id(),
        definition_id: definition_id.unwrap_or_default(),
        name: name.to_owned(),
        configuration: Some(configuration),
        created_at: app.now(),
        is_draft: false,
    }
}

fn connection(app: &App, name: &str, source: &Actor, destination: &Actor) -> Connection {
    let discovered: Vec<Stream> =
        app.open_source(source).and_then(|source| source.discover()).unwrap_or_default();
    Connection {
        id: id(name),
        workspace_id: workspace_id(),
        source_id: source.id,
        destination_id: destination.id,
        name: name.to_owned(),
        status: "active".to_owned(),
        schedule: Schedule::Manual,
        streams: discovered
            .into_iter()
            .map(|stream| ConfiguredStream::of(&stream, "full_refresh_overwrite"))
            .collect(),
        namespace_definition: "destination".to_owned(),
        namespace_format: None,
        prefix: Some(String::new()),
        non_breaking_schema_updates: "ignore".to_owned(),
        tags: Vec::new(),
        created_at: app.now(),
        is_deleted: false,
        catalog_id: None,
        is_broken: false,
    }
}

fn postgres_configuration(url: &url::Url) -> Result<serde_json::Value, Error> {
    let wrong = || Error::PostgresUrl;
    let text = |encoded: &str| {
        url::form_urlencoded::parse(format!("x={}", encoded.replace('+', "%2B")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    Ok(json!({
        "host": url.host_str().ok_or_else(wrong)?,
        "port": url.port().unwrap_or(5432),
        "database": Some(url.path().trim_start_matches('/')).filter(|name| !name.is_empty()).unwrap_or("postgres"),
        "schema": "public",
        "username": text(url.username()),
        "password": text(url.password().unwrap_or_default()),
        "ssl_mode": {"mode": "disable"},
        "tunnel_method": {"tunnel_method": "NO_TUNNEL"},
    }))
}
