//! Who is in a group, and what its members may do.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::MethodFilter as M;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal, object};
use super::groups::created;
use super::op;
use super::page::Page;
use super::permissions::{KINDS, check_fit, requested_scope, shown};
use super::request::{Body, Parameters, PathIds};
use crate::app::App;
use crate::model::{Grantee, Group, GroupMember, Organization, Permission, Record, Scope, User, Workspace};

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(
            "/groups/{id}/members",
            op(app, M::GET, "listGroupMembers", list).merge(op(app, M::POST, "addGroupMember", add)),
        )
        .route("/groups/{id}/members/{user}", op(app, M::DELETE, "removeGroupMember", remove))
        .route(
            "/groups/{id}/permissions",
            op(app, M::GET, "listGroupPermissions", list_permissions).merge(op(
                app,
                M::POST,
                "createGroupPermission",
                grant,
            )),
        )
        .route("/groups/{id}/permissions/{permission}", op(app, M::DELETE, "deleteGroupPermission", revoke))
}

#[derive(Deserialize)]
struct Query {
    limit: Option<i64>,
    offset: Option<i64>,
}

/// The newest member first.
async fn list(
    State(app): State<Arc<App>>,
    PathIds(id): PathIds<Uuid>,
    Parameters(query): Parameters<Query>,
) -> Answer {
    let page = Page::new(query.limit, query.offset)?;
    let group = app.licensed_group(id)?;
    let mut members = app.members_of_group(group.id)?;
    members.reverse();
    let mut shown = Vec::new();
    for member in page.of(&members) {
        let user: Option<User> = app.store.get(&member.user_id.to_string())?;
        shown.extend(user.map(|user| shown_member(member, &user)));
    }
    // The server does not look further: a full page has a next one.
    let has_more = page.is_full(shown.len());
    Ok(object(page.relative(&format!("/public/v1/groups/{id}/members?"), &shown, has_more)))
}

async fn add(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        let user_id = body.required_id("userId")?;
        let group = app.licensed_group(id)?;
        let unknown = || Refusal::not_found("user", user_id);
        let user: User = app.store.get(&user_id.to_string())?.ok_or_else(unknown)?;
        if !app.is_member(user.id, group.organization_id)? {
            let data = json!({"resourceType": "user", "resourceId": user.id.to_string()});
            return Err(Refusal::missing("The user does not belong to the group's organization.", data));
        }
        if app.members_of_group(group.id)?.iter().any(|member| member.user_id == user.id) {
            return Err(Refusal::problem(
                409,
                "error:group-member-already-exists",
                "Group member already exists",
                "The member was refused.",
                json!({"message": format!("User {user_id} is in group {id}.")}),
            ));
        }
        if user.is_disabled() {
            return Err(Refusal::state_conflict("A user who is not active cannot become a member."));
        }
        let member = GroupMember { id: Uuid::new_v4(), group_id: group.id, user_id: user.id };
        app.store.put(&member)?;
        Ok(created(shown_member(&member, &user)))
    })
}

async fn remove(State(app): State<Arc<App>>, PathIds((id, user)): PathIds<(Uuid, Uuid)>) -> Answer {
    app.store.change(|| {
        let group = app.licensed_group(id)?;
        for member in app.members_of_group(group.id)?.iter().filter(|member| member.user_id == user) {
            app.store.delete::<GroupMember>(&member.id())?;
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

async fn list_permissions(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    let group = app.licensed_group(id)?;
    let permissions = app.permissions_of(Grantee::Group(group.id))?;
    let shown: Vec<Value> = permissions.iter().map(shown).collect();
    Ok(object(json!({"data": shown})))
}

async fn grant(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        body.required_text("permissionType")?;
        let kind = body.one_of("permissionType", KINDS)?.unwrap_or_default();
        let group = app.licensed_group(id)?;
        let scope = requested_scope(&body)?;
        app.check_target(&group, scope)?;
        check_fit(kind, scope)?;
        let present = app.permissions_of(Grantee::Group(group.id))?;
        if present.iter().any(|one| one.kind == kind && one.scope == scope) {
            // The document has 409 for it.
            return Err(Refusal::bad_request(format!("Group {id} has that permission, {kind}.")));
        }
        let permission = Permission {
            id: Uuid::new_v4(),
            kind: kind.to_owned(),
            grantee: Grantee::Group(group.id),
            scope,
        };
        app.store.put(&permission)?;
        Ok(created(shown(&permission)))
    })
}

async fn revoke(State(app): State<Arc<App>>, PathIds((id, permission)): PathIds<(Uuid, Uuid)>) -> Answer {
    app.store.change(|| {
        let group = app.licensed_group(id)?;
        let mut present = app.permissions_of(Grantee::Group(group.id))?.into_iter();
        let unknown = || Refusal::not_found("permission", permission);
        let found = present.find(|one| one.id == permission).ok_or_else(unknown)?;
        app.store.delete::<Permission>(&found.id())?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

fn shown_member(member: &GroupMember, user: &User) -> Value {
    json!({
        "memberId": member.id,
        "groupId": member.group_id,
        "userId": user.id,
        "userEmail": user.email,
        "userName": user.name,
    })
}

impl App {
    /// A group's permission is for its own organization or for a workspace of it.
    fn check_target(&self, group: &Group, scope: Scope) -> Result<(), Refusal> {
        let (kind, id, organization) = match scope {
            Scope::Workspace(id) => {
                let workspace: Option<Workspace> = self.store.get(&id.to_string())?;
                ("workspace", id, workspace.filter(|one| !one.deleted).map(|one| one.organization_id))
            }
            Scope::Organization(id) => {
                ("organization", id, self.store.get::<Organization>(&id.to_string())?.map(|one| one.id))
            }
            Scope::Instance => ("organization", Uuid::nil(), None),
        };
        if organization == Some(group.organization_id) {
            return Ok(());
        }
        Err(Refusal::not_found(kind, id))
    }
}
