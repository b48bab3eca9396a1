//! Applications: the credentials that clients take their tokens with. Each edition keeps them in another back end.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::MethodFilter as M;
use axum::{Extension, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::TheCaller;
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

/// The caller's own.
async fn list(State(app): State<Arc<App>>, Extension(caller): TheCaller) -> Answer {
    let mut applications = app.applications_of(caller.user_id())?;
    if app.edition == Edition::Community {
        // Simple authentication knows one pair of credentials, and makes up the rest at every call.
        let user: Option<User> = app.store.get(&caller.user_id().to_string())?;
        let name = format!("{} Application", user.map_or_else(String::new, |user| user.name));
        applications.truncate(1);
        for one in &mut applications {
            (one.id, one.created_at) = (Uuid::new_v4(), app.now());
            name.clone_into(&mut one.name);
        }
    }
    Ok(object(json!({"applications": applications.iter().map(shown).collect::<Vec<_>>()})))
}

async fn create(State(app): State<Arc<App>>, Extension(caller): TheCaller, body: Body) -> Answer {
    app.store.change(|| {
        let name = body.required_text("name")?;
        if app.edition == Edition::Community {
            return Err(app.server_error(400));
        }
        let present = app.applications_of(caller.user_id())?;
        if app.edition == Edition::Cloud {
            if present.len() >= MOST_ON_CLOUD {
                return Err(Refusal::Framework(format!("A user may have {MOST_ON_CLOUD} applications")));
            }
            if present.iter().any(|one| one.name == name) {
                return Err(Refusal::Framework(format!("There is an application named `{name}`")));
            }
        }
        let application = new_application(&app, caller.user_id(), name);
        app.store.put(&application)?;
        Ok(object(shown(&application)))
    })
}

async fn get(State(app): State<Arc<App>>, Extension(caller): TheCaller, Path(id): Path<String>) -> Answer {
    let application = match app.edition {
        // The ids of the list are random, so none is ever found again.
        Edition::Community => None,
        _ => app.application_of(caller.user_id(), &id)?,
    };
    Ok(object(shown(&application.ok_or_else(unknown)?)))
}

async fn delete(State(app): State<Arc<App>>, Extension(caller): TheCaller, Path(id): Path<String>) -> Answer {
    app.store.change(|| {
        if app.edition == Edition::Community {
            return Err(app.server_error(400));
        }
        let application = app.application_of(caller.user_id(), &id)?.ok_or_else(|| match app.edition {
            Edition::Cloud => unknown(),
            _ => app.server_error(404),
        })?;
        app.store.delete::<Application>(&application.id())?;
        Ok(object(shown(&application)))
    })
}

/// An application of a user, with credentials that are new.
pub(crate) fn new_application(app: &App, user: Uuid, name: &str) -> Application {
    Application {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        client_id: Uuid::new_v4().to_string(),
        client_secret: new_secret(),
        created_at: app.now(),
        user_id: Some(user),
    }
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
    /// Whose application has these credentials.
    pub(super) fn owner_of(&self, client_id: &str, client_secret: &str) -> Result<Option<Uuid>, Refusal> {
        let applications = self.store.all::<Application>()?;
        let mut known = applications.iter();
        let found = known.find(|one| one.client_id == client_id && one.client_secret == client_secret);
        Ok(found.map(|one| one.user_id.unwrap_or(self.user_id)))
    }

    /// The applications of a user.
    pub(crate) fn applications_of(&self, user: Uuid) -> rusqlite::Result<Vec<Application>> {
        let mut applications: Vec<Application> = self.store.list()?;
        applications.retain(|one| one.user_id.unwrap_or(self.user_id) == user);
        Ok(applications)
    }

    fn application_of(&self, user: Uuid, id: &str) -> rusqlite::Result<Option<Application>> {
        let application: Option<Application> = self.store.get(id)?;
        Ok(application.filter(|one| one.user_id.unwrap_or(self.user_id) == user))
    }
}
