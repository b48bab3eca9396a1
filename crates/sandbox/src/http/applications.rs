//! Applications: the credentials that clients take their tokens with. Each edition keeps them in another back end.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::MethodFilter as M;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal, object};
use super::op;
use super::request::Body;
use crate::app::App;
use crate::builder::Edition;
use crate::model::{Application, Record, User};

/// How many applications a user of Cloud may have.
const MOST_ON_CLOUD: usize = 2;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(
            "/applications",
            op(app, M::GET, "listApplications", list).merge(op(app, M::POST, "createApplication", create)),
        )
        .route(
            "/applications/{id}",
            op(app, M::GET, "getApplication", get).merge(op(app, M::DELETE, "deleteApplication", delete)),
        )
}

async fn list(State(app): State<Arc<App>>) -> Answer {
    let mut applications: Vec<Application> = app.store.list()?;
    if app.edition == Edition::Community {
        // Simple authentication knows one pair of credentials, and makes up the rest at every call.
        let user: Option<User> = app.store.get(&app.user_id.to_string())?;
        let name = format!("{} Application", user.map_or_else(String::new, |user| user.name));
        applications.truncate(1);
        for one in &mut applications {
            (one.id, one.created_at) = (Uuid::new_v4(), app.now());
            name.clone_into(&mut one.name);
        }
    }
    Ok(object(json!({"applications": applications.iter().map(shown).collect::<Vec<_>>()})))
}

async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    let name = body.required_text("name")?;
    if app.edition == Edition::Community {
        return Err(app.server_error(400));
    }
    let present: Vec<Application> = app.store.list()?;
    if app.edition == Edition::Cloud {
        if present.len() >= MOST_ON_CLOUD {
            return Err(Refusal::Framework(format!("A user may have {MOST_ON_CLOUD} applications")));
        }
        if present.iter().any(|one| one.name == name) {
            return Err(Refusal::Framework(format!("There is an application named `{name}`")));
        }
    }
    let application = Application {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        client_id: Uuid::new_v4().to_string(),
        client_secret: new_secret(),
        created_at: app.now(),
    };
    app.store.put(&application)?;
    Ok(object(shown(&application)))
}

async fn get(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    let application = match app.edition {
        // The ids of the list are random, so none is ever found again.
        Edition::Community => None,
        _ => app.store.get::<Application>(&id)?,
    };
    Ok(object(shown(&application.ok_or_else(unknown)?)))
}

async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    if app.edition == Edition::Community {
        return Err(app.server_error(400));
    }
    let application: Application = app.store.get(&id)?.ok_or_else(|| match app.edition {
        Edition::Cloud => unknown(),
        _ => app.server_error(404),
    })?;
    app.store.delete::<Application>(&application.id())?;
    Ok(object(shown(&application)))
}

/// A secret that nobody can guess, for an application or a data plane.
pub(crate) fn new_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>())
}

fn unknown() -> Refusal {
    Refusal::missing("No such application.", Value::Null)
}

/// The secret is shown every time, as the server does.
fn shown(application: &Application) -> Value {
    json!({
        "id": application.id,
        "name": application.name,
        "clientId": application.client_id,
        "clientSecret": application.client_secret,
        "createdAt": application.created_at,
    })
}

impl App {
    /// Whether an application has these credentials.
    pub(super) fn knows(&self, client_id: &str, client_secret: &str) -> Result<bool, Refusal> {
        let applications: Vec<Application> = self.store.list()?;
        Ok(applications.iter().any(|one| one.client_id == client_id && one.client_secret == client_secret))
    }
}
