//! Tags of a workspace, and which of them its connections have.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::MethodFilter as M;
use axum::{Extension, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::TheCaller;
use super::answer::{Answer, Refusal, object};
use super::op;
use super::request::{Body, PathIds};
use crate::app::App;
use crate::model::{Connection, Record, Tag, Workspace};

const TYPE: &str = "TAG";
/// In characters.
const LONGEST_NAME: usize = 30;
/// In a workspace.
const MOST_TAGS: usize = 100;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/tags", op(app, M::GET, "listTags", list).merge(op(app, M::POST, "createTag", create)))
        .route(
            "/tags/{id}",
            op(app, M::GET, "getTag", get).merge(op(app, M::PATCH, "updateTag", update)).merge(op(
                app,
                M::DELETE,
                "deleteTag",
                delete,
            )),
        )
}

async fn list(State(app): State<Arc<App>>, Extension(caller): TheCaller, RawQuery(raw): RawQuery) -> Answer {
    let ids = app.listed_workspaces(&caller, raw.as_deref())?;
    let workspaces = app.store.list::<Workspace>()?.into_iter();
    let deleted: Vec<Uuid> = workspaces.filter(|one| one.deleted).map(|one| one.id).collect();
    let tags: Vec<Value> = app
        .store
        .list::<Tag>()?
        .iter()
        .filter(|tag| match &ids {
            Some(ids) => ids.contains(&tag.workspace_id),
            None => !deleted.contains(&tag.workspace_id),
        })
        .map(shown)
        .collect();
    Ok(object(json!({"data": tags})))
}

async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let (name, color) = name_and_color(&body)?;
        let workspace_id = app.workspace(body.required_id("workspaceId")?)?.id;
        check_name(name)?;
        let siblings: Vec<Tag> = app.tags_of_workspace(workspace_id)?;
        if siblings.len() >= MOST_TAGS {
            return Err(tag_problem(
                400,
                "error:tag-limit-for-workspace-reached",
                "Tag limit for workspace reached",
            ));
        }
        check_unique(name, &siblings)?;
        check_color(color)?;
        let tag = Tag { id: Uuid::new_v4(), workspace_id, name: name.to_owned(), color: color.to_owned() };
        app.store.put(&tag)?;
        Ok(object(shown(&tag)))
    })
}

async fn get(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    Ok(object(shown(&app.tag(id)?)))
}

async fn update(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        let (name, color) = name_and_color(&body)?;
        let tag = app.tag(id)?;
        check_name(name)?;
        let mut siblings = app.tags_of_workspace(tag.workspace_id)?;
        siblings.retain(|one| one.id != tag.id);
        check_unique(name, &siblings)?;
        check_color(color)?;
        let tag = Tag { name: name.to_owned(), color: color.to_owned(), ..tag };
        app.store.put(&tag)?;
        Ok(object(shown(&tag)))
    })
}

async fn delete(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    app.store.change(|| {
        let tag = app.tag(id)?;
        let all = app.store.all::<Connection>()?;
        let mut tagged: Vec<Connection> =
            all.iter().filter(|one| one.tags.contains(&tag.id)).cloned().collect();
        for connection in &mut tagged {
            connection.tags.retain(|id| *id != tag.id);
        }
        app.store.put_all(&tagged)?;
        app.store.delete::<Tag>(&tag.id())?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// The ids of the tags that a request gives a connection, `None` if it leaves them alone.
pub(in crate::http) fn requested(app: &App, body: &Body) -> Result<Option<Vec<Uuid>>, Refusal> {
    let Some(given) = body.given("tags") else { return Ok(None) };
    let Value::Array(given) = given else {
        return Err(Refusal::Framework("`tags` is not a list".to_owned()));
    };
    let mut ids = Vec::new();
    for tag in given {
        let tag = Body(tag.clone());
        let id = tag.required_id("tagId")?;
        tag.required_id("workspaceId")?;
        name_and_color(&tag)?;
        // The server leaves it to its database to find out, and fails.
        if app.store.get::<Tag>(&id.to_string())?.is_none() {
            let message = format!("There is no tag {id}.");
            return Err(if app.faithful_5xx {
                Refusal::unexpected(&message)
            } else {
                Refusal::bad_request(message)
            });
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(Some(ids))
}

/// The tags of a connection in full, of all the tags that there are.
pub(in crate::http) fn shown_of(connection: &Connection, tags: &[Tag]) -> Vec<Value> {
    connection.tags.iter().filter_map(|id| tags.iter().find(|tag| tag.id == *id)).map(shown).collect()
}

fn shown(tag: &Tag) -> Value {
    json!({"tagId": tag.id, "name": tag.name, "color": tag.color, "workspaceId": tag.workspace_id})
}

fn name_and_color(body: &Body) -> Result<(&str, &str), Refusal> {
    Ok((body.required_text("name")?, body.required_text("color")?))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() <= LONGEST_NAME {
        return Ok(());
    }
    Err(tag_problem(400, "error:tag-name-too-long", "Tag name too long"))
}

fn check_unique(name: &str, siblings: &[Tag]) -> Result<(), Refusal> {
    if siblings.iter().all(|one| one.name != name) {
        return Ok(());
    }
    Err(tag_problem(409, "error:tag-already-exists", "Tag already exists"))
}

fn check_color(color: &str) -> Result<(), Refusal> {
    if color.len() == 6 && color.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(tag_problem(400, "error:tag-invalid-hex-color", "Invalid hex color"))
}

fn tag_problem(status: u16, kind: &str, title: &'static str) -> Refusal {
    Refusal::problem(status, kind, title, "The tag was refused.", Value::Null)
}

impl App {
    /// A tag; an unknown one is 404 before anybody asks for the caller's roles.
    fn tag(&self, id: Uuid) -> Result<Tag, Refusal> {
        self.store.get(&id.to_string())?.ok_or_else(|| Refusal::not_found(TYPE, id))
    }

    fn tags_of_workspace(&self, workspace: Uuid) -> Result<Vec<Tag>, Refusal> {
        let mut tags: Vec<Tag> = self.store.list()?;
        tags.retain(|tag| tag.workspace_id == workspace);
        Ok(tags)
    }
}
