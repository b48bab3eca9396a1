//! Groups of an organization's users.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter as M;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal, object, present};
use super::op;
use super::page::Page;
use super::request::{Body, Parameters, PathIds};
use crate::app::App;
use crate::model::{Grantee, Group, GroupMember, Organization, Permission, Record};

/// What an installation needs a licence for, by the server's own name.
const FEATURE: &str = "feature-scim";

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/groups", op(app, M::GET, "listGroups", list).merge(op(app, M::POST, "createGroup", create)))
        .route(
            "/groups/{id}",
            op(app, M::GET, "getGroup", get).merge(op(app, M::PATCH, "updateGroup", update)).merge(op(
                app,
                M::DELETE,
                "deleteGroup",
                delete,
            )),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    organization_id: Option<Uuid>,
    limit: Option<i64>,
    offset: Option<i64>,
}

async fn list(State(app): State<Arc<App>>, Parameters(query): Parameters<Query>) -> Answer {
    let page = Page::new(query.limit, query.offset)?;
    let Some(organization) = query.organization_id else {
        return Err(Refusal::bad_request("The query names no organizationId."));
    };
    app.ensure_entitled(FEATURE)?;
    let groups = app.groups_of(organization)?;
    let mut shown = Vec::new();
    for group in page.of(&groups) {
        shown.push(app.shown_group(group)?);
    }
    let has_more = page.end() < groups.len();
    let path = format!("/public/v1/groups?organizationId={organization}&");
    Ok(object(page.relative(&path, &shown, has_more)))
}

async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let (name, organization_id) = (body.required_text("name")?, body.required_id("organizationId")?);
        app.ensure_entitled(FEATURE)?;
        if app.store.get::<Organization>(&organization_id.to_string())?.is_none() {
            return Err(Refusal::not_found("organization", organization_id));
        }
        app.check_group_name(organization_id, name, None)?;
        let group = Group {
            id: Uuid::new_v4(),
            organization_id,
            name: name.to_owned(),
            description: body.text("description")?.map(str::to_owned),
        };
        app.store.put(&group)?;
        Ok(created(app.shown_group(&group)?))
    })
}

async fn get(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    let group = app.group(id)?;
    app.ensure_entitled(FEATURE)?;
    Ok(object(app.shown_group(&group)?))
}

async fn update(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        let mut group = app.group(id)?;
        if let Some(name) = body.text("name")? {
            app.check_group_name(group.organization_id, name, Some(id))?;
            name.clone_into(&mut group.name);
        }
        group.description = body.text("description")?.map(str::to_owned).or(group.description);
        app.store.put(&group)?;
        Ok(object(app.shown_group(&group)?))
    })
}

async fn delete(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    app.store.change(|| {
        let group = app.group(id)?;
        for member in app.members_of_group(id)? {
            app.store.delete::<GroupMember>(&member.id())?;
        }
        for permission in app.permissions_of(Grantee::Group(id))? {
            app.store.delete::<Permission>(&permission.id())?;
        }
        app.store.delete::<Group>(&group.id())?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// The answer 201 with what was made.
pub(super) fn created(value: Value) -> Response {
    (StatusCode::CREATED, object(value)).into_response()
}

impl App {
    /// A group; an unknown one is 404 before anybody asks for the caller's roles.
    fn group(&self, id: Uuid) -> Result<Group, Refusal> {
        self.store.get(&id.to_string())?.ok_or_else(|| Refusal::not_found("group", id))
    }

    /// A group for the operations on its members and permissions, which need the licence.
    pub(super) fn licensed_group(&self, id: Uuid) -> Result<Group, Refusal> {
        let group = self.group(id)?;
        self.ensure_entitled(FEATURE)?;
        Ok(group)
    }

    /// The members of a group, in the order in which they came.
    pub(super) fn members_of_group(&self, group: Uuid) -> rusqlite::Result<Vec<GroupMember>> {
        let mut members: Vec<GroupMember> = self.store.list()?;
        members.retain(|member| member.group_id == group);
        Ok(members)
    }

    fn groups_of(&self, organization: Uuid) -> rusqlite::Result<Vec<Group>> {
        let mut groups: Vec<Group> = self.store.list()?;
        groups.retain(|group| group.organization_id == organization);
        Ok(groups)
    }

    fn check_group_name(&self, organization: Uuid, name: &str, own: Option<Uuid>) -> Result<(), Refusal> {
        let groups = self.groups_of(organization)?;
        if groups.iter().all(|group| group.name != name || Some(group.id) == own) {
            return Ok(());
        }
        let data = json!({"message": format!("There is a group named `{name}` in the organization.")});
        Err(Refusal::problem(
            409,
            "error:group-already-exists",
            "Group already exists",
            "The group was refused.",
            data,
        ))
    }

    fn shown_group(&self, group: &Group) -> Result<Value, Refusal> {
        Ok(present(json!({
            "groupId": group.id,
            "name": group.name,
            "description": group.description,
            "organizationId": group.organization_id,
            "memberCount": self.members_of_group(group.id)?.len(),
        })))
    }
}
