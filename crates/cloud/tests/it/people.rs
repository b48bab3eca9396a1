//! Organizations, users, permissions, groups, and where the caller works.

use airbyte_cloud::{
    Client, ErrorKind, GroupId, OrganizationId, PaymentStatus, PermissionId, PermissionScope, PermissionType,
    SubscriptionStatus, UserId, WorkspaceId, WorkspaceScope,
};
use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::support::{
    Airbyte, CONFIG, WORKSPACE, config, delete, error_id, get, ok, page, patch, post, problem, status,
    workspace_id,
};

const FIRST: &str = "9d3c1f6a-5b0e-4f52-8a61-6d3f0f2b7c11";
const SECOND: &str = "9d3c1f6a-5b0e-4f52-8a61-6d3f0f2b7c22";
const USER: &str = "3b0f9c58-1d83-4d5c-9b6a-5e0f4c1a2b01";
const GROUP: &str = "6e2a7d10-8c4f-4b1e-a1d2-7f9b3c5d6e01";
const PERMISSION: &str = "8f4b2c61-3e7d-4a5f-b0c9-1d2e3f4a5b01";
const NOWHERE: &str = "00000000-0000-0000-0000-000000000000";

fn organization_id() -> OrganizationId {
    FIRST.parse().unwrap()
}

fn user_id() -> UserId {
    USER.parse().unwrap()
}

async fn mount(airbyte: &Airbyte, mock: wiremock::MockBuilder, answer: ResponseTemplate) {
    let mock: Mock = mock.respond_with(answer);
    mock.mount(&airbyte.server).await;
}

async fn organizations(airbyte: &Airbyte, all: &[(&str, &str)]) {
    let data: Vec<_> = all
        .iter()
        .map(|(id, name)| json!({ "organizationId": id, "organizationName": name, "email": "admin@example.com" }))
        .collect();
    mount(airbyte, get("/organizations"), ok(json!({ "data": data }))).await;
}

fn permission(kind: &str, scope: &str, scope_id: &str) -> Value {
    json!({
        "permissionId": PERMISSION, "permissionType": kind, "userId": USER, "scope": scope, "scopeId": scope_id,
    })
}

async fn permissions(airbyte: &Airbyte, all: &[Value]) {
    mount(airbyte, get("/permissions").and(query_param_is_missing("userId")), ok(json!({ "data": all })))
        .await;
}

fn workspace(id: &str, name: &str) -> Value {
    json!({ "workspaceId": id, "name": name, "dataResidency": "us", "notifications": {} })
}

fn config_workspace(id: &str, name: &str, organization: &str) -> Value {
    json!({
        "workspaceId": id, "name": name, "organizationId": organization, "customerId": USER, "slug": name,
        "initialSetupComplete": true,
    })
}

#[tokio::test]
async fn organizations_are_found_by_id_and_by_name() {
    let airbyte = Airbyte::start().await;
    organizations(&airbyte, &[(FIRST, "Acme"), (SECOND, "Beta")]).await;
    let client = airbyte.client();
    assert_eq!(client.organizations().await.unwrap().len(), 2);
    let info = client.organization(organization_id()).info().await.unwrap();
    assert_eq!((info.name.as_str(), info.email.as_deref()), ("Acme", Some("admin@example.com")));
    assert_eq!(client.find_organization("Beta").await.unwrap().organization_id.to_string(), SECOND);

    let error = client.find_organization("beta").await.unwrap_err();
    assert!(error.is_not_found() && error.hint().unwrap().contains("`Acme`, `Beta`"), "{error:?}");
    let error = client.organization(NOWHERE.parse().unwrap()).info().await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains(NOWHERE), "{error:?}");
}

#[tokio::test]
async fn an_ambiguous_name_is_refused_with_the_candidates() {
    let airbyte = Airbyte::start().await;
    organizations(&airbyte, &[(FIRST, "Acme"), (SECOND, "Acme")]).await;
    let error = airbyte.client().find_organization("Acme").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(FIRST) && error.to_string().contains(SECOND), "{error}");
}

#[tokio::test]
async fn the_default_organization_comes_from_the_settings() {
    let airbyte = Airbyte::start().await;
    let chosen = airbyte.builder().organization_id(organization_id()).build().unwrap();
    assert_eq!(chosen.default_organization().unwrap().id(), organization_id());
    let error = airbyte.client().default_organization().unwrap_err();
    assert!(error.hint().unwrap().contains("AIRBYTE_ORGANIZATION_ID"), "{error:?}");
}

#[tokio::test]
async fn billing_is_told_where_there_is_any() {
    let airbyte = Airbyte::start().await;
    let plain = json!({ "organizationId": FIRST, "organizationName": "Acme", "sso": false });
    let mut paying = plain.clone();
    paying["organizationPlanId"] = json!("plan-pro");
    paying["billing"] = json!({
        "paymentStatus": "grace_period", "subscriptionStatus": "unsubscribed", "gracePeriodEndsAt": 1_700_000_000,
    });
    let asked =
        config("/organizations/get_organization_info").and(body_json(json!({ "organizationId": FIRST })));
    airbyte.in_turn(asked, vec![ok(paying.clone()), ok(plain)]).await;
    let organization = airbyte.client().organization(organization_id());
    let details = organization.details().await.unwrap();
    let billing = details.billing.unwrap();
    assert_eq!((details.plan_id.as_deref(), details.sso), (Some("plan-pro"), Some(false)));
    assert_eq!(billing.payment_status, PaymentStatus::GracePeriod);
    assert_eq!(billing.subscription_status, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(billing.grace_period_ends_at.unwrap().timestamp(), 1_700_000_000);
    assert!(billing.is_account_locked());
    assert_eq!(organization.billing().await.unwrap(), None, "self-managed installations have none");

    let of_workspace =
        config("/workspaces/get_organization_info").and(body_json(json!({ "workspaceId": WORKSPACE })));
    mount(&airbyte, of_workspace, ok(paying)).await;
    let found = airbyte.client().workspace(workspace_id()).organization().await.unwrap();
    assert_eq!((found.organization_id, found.name.as_str(), found.email), (organization_id(), "Acme", None));
}

#[tokio::test]
async fn users_are_narrowed_down_by_the_server() {
    let airbyte = Airbyte::start().await;
    let user = json!({ "id": USER, "name": "Ada", "email": "ada@example.com" });
    let asked = get("/users")
        .and(query_param("organizationId", FIRST))
        .and(query_param("ids", USER))
        .and(query_param("emails", "bob@example.com"));
    mount(&airbyte, asked, ok(json!({ "data": [user] }))).await;
    let users = airbyte.client().organization(organization_id()).users();
    let users = users.ids([user_id()]).emails(["bob@example.com"]).await.unwrap();
    assert_eq!((users[0].user_id, users[0].email.as_str()), (user_id(), "ada@example.com"));
}

#[tokio::test]
async fn permissions_are_listed_granted_changed_and_revoked() {
    let airbyte = Airbyte::start().await;
    let of_user =
        get("/permissions").and(query_param("userId", USER)).and(query_param("organizationId", FIRST));
    let listed = [
        permission("workspace_reader", "workspace", WORKSPACE),
        permission("organization_member", "organization", FIRST),
        permission("instance_admin", "none", NOWHERE),
    ];
    mount(&airbyte, of_user, ok(json!({ "data": listed }))).await;
    let answer = |kind: &str| {
        ok(
            json!({ "permissionId": PERMISSION, "permissionType": kind, "userId": USER, "workspaceId": WORKSPACE }),
        )
    };
    let body = json!({ "permissionType": "workspace_editor", "userId": USER, "workspaceId": WORKSPACE });
    // Granting twice is the same as once, so it is repeated.
    airbyte
        .in_turn(post("/permissions").and(body_json(body)), vec![status(502), answer("workspace_editor")])
        .await;
    let below = format!("/permissions/{PERMISSION}");
    mount(
        &airbyte,
        patch(&below).and(body_json(json!({ "permissionType": "workspace_admin" }))),
        answer("workspace_admin"),
    )
    .await;
    mount(&airbyte, get(&below), answer("workspace_admin")).await;
    mount(&airbyte, delete(&below), status(204)).await;

    let client = airbyte.client();
    let all = client.organization(organization_id()).permissions_of(user_id()).await.unwrap();
    assert_eq!(
        all.iter().map(|one| one.scope).collect::<Vec<_>>(),
        [workspace_id().into(), organization_id().into(), PermissionScope::Instance]
    );
    let granted = client.grant(user_id(), workspace_id(), PermissionType::WorkspaceEditor).await.unwrap();
    assert_eq!((granted.user_id, granted.scope), (user_id(), workspace_id().into()));
    let handle = client.permission(granted.permission_id);
    assert_eq!(
        handle.change(PermissionType::WorkspaceAdmin).await.unwrap().permission_type,
        PermissionType::WorkspaceAdmin
    );
    assert_eq!(handle.info().await.unwrap().permission_id, PERMISSION.parse::<PermissionId>().unwrap());
    handle.revoke().await.unwrap();
}

#[tokio::test]
async fn a_permission_that_cannot_be_is_refused_before_any_request() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.client();
    let group = client.group(GROUP.parse().unwrap());
    let outcomes = [
        client.grant(user_id(), organization_id(), PermissionType::WorkspaceAdmin).await.err(),
        client.grant(user_id(), PermissionScope::Instance, PermissionType::InstanceAdmin).await.err(),
        group.grant(workspace_id(), PermissionType::OrganizationReader).await.err(),
        client.permission(PERMISSION.parse().unwrap()).change(PermissionType::InstanceAdmin).await.err(),
    ];
    for outcome in outcomes {
        assert_eq!(outcome.unwrap().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(airbyte.server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let airbyte = Airbyte::start().await;
    let refusal = problem(409, "409-state-conflict", "Cannot delete the last admin");
    mount(&airbyte, delete(&format!("/permissions/{PERMISSION}")), refusal).await;
    let error = airbyte.client().permission(PERMISSION.parse().unwrap()).revoke().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "the permission does exist");
    assert!(error.to_string().contains("last admin"), "{error}");
}

fn group(name: &str) -> Value {
    json!({ "groupId": GROUP, "name": name, "organizationId": FIRST, "memberCount": 2 })
}

#[tokio::test]
async fn groups_are_made_changed_and_deleted() {
    let airbyte = Airbyte::start().await;
    let created = status(201).set_body_json(group("analysts"));
    let body = json!({ "name": "analysts", "organizationId": FIRST, "description": "they read" });
    mount(&airbyte, post("/groups").and(body_json(body)), created).await;
    let asked = get("/groups").and(query_param("organizationId", FIRST)).and(query_param("offset", "0"));
    mount(&airbyte, asked, ok(json!({ "data": [group("writers"), group("analysts")] }))).await;
    let below = format!("/groups/{GROUP}");
    mount(&airbyte, get(&below), ok(group("analysts"))).await;
    mount(&airbyte, patch(&below).and(body_json(json!({ "name": "readers" }))), ok(group("readers"))).await;
    mount(&airbyte, patch(&below).and(body_json(json!({ "description": "" }))), ok(group("readers"))).await;
    mount(&airbyte, delete(&below), status(204)).await;

    let organization = airbyte.client().organization(organization_id());
    let made = organization.create_group("analysts", Some("they read".into())).await.unwrap();
    assert_eq!((made.group_id, made.member_count), (GROUP.parse::<GroupId>().unwrap(), 2));
    // Both rows have one id, and an object is listed once.
    assert_eq!(organization.groups().await.unwrap().len(), 1);
    let group = airbyte.client().group(made.group_id);
    assert_eq!(group.info().await.unwrap(), made);
    assert_eq!(group.rename("readers").await.unwrap().name, "readers");
    group.describe("").await.unwrap();
    group.delete().await.unwrap();
}

#[tokio::test]
async fn members_and_permissions_of_a_group_come_and_go() {
    let airbyte = Airbyte::start().await;
    let members = format!("/groups/{GROUP}/members");
    let member = |number: usize| {
        json!({
            "memberId": NOWHERE, "groupId": GROUP, "userId": format!("00000000-0000-4000-8000-{number:012}"),
            "userEmail": format!("user{number}@example.com"),
        })
    };
    let all: Vec<_> = (0..130).map(member).collect();
    for (offset, rows) in [("0", &all[..100]), ("100", &all[100..])] {
        // Its `next` is a path of another kind than elsewhere.
        let answer = json!({ "data": rows, "next": format!("/public/v1{members}?limit=100&offset=100") });
        mount(&airbyte, get(&members).and(query_param("offset", offset)), ok(answer)).await;
    }
    let added = status(201).set_body_json(member(7));
    mount(&airbyte, post(&members).and(body_json(json!({ "userId": USER }))), added).await;
    mount(&airbyte, delete(&format!("{members}/{USER}")), status(204)).await;
    let below = format!("/groups/{GROUP}/permissions");
    let answer = json!({
        "permissionId": PERMISSION, "groupId": GROUP, "permissionType": "organization_reader",
        "organizationId": FIRST,
    });
    mount(&airbyte, get(&below), ok(json!({ "data": [answer] }))).await;
    let body = json!({ "permissionType": "organization_reader", "organizationId": FIRST });
    mount(&airbyte, post(&below).and(body_json(body)), status(201).set_body_json(answer)).await;
    mount(&airbyte, delete(&format!("{below}/{PERMISSION}")), status(204)).await;

    let group = airbyte.client().group(GROUP.parse().unwrap());
    let listed: Vec<_> = group.members().pager().try_collect().await.unwrap();
    assert_eq!((listed.len(), listed[129].email.as_str()), (130, "user129@example.com"));
    group.add_member(user_id()).await.unwrap();
    group.remove_member(user_id()).await.unwrap();
    let granted = group.grant(organization_id(), PermissionType::OrganizationReader).await.unwrap();
    assert_eq!(group.permissions().await.unwrap(), std::slice::from_ref(&granted));
    group.revoke(granted.permission_id).await.unwrap();
}

#[tokio::test]
async fn workspaces_of_an_organization_are_searched_and_paged_by_the_server() {
    let airbyte = Airbyte::start().await;
    let id = |number: usize| format!("00000000-0000-4000-8000-{number:012}");
    let all: Vec<_> = (0..150).map(|n| config_workspace(&id(n), &format!("team {n}"), FIRST)).collect();
    let below = "/workspaces/list_by_organization_id";
    for (offset, rows) in [(0, &all[..100]), (100, &all[100..])] {
        let body = json!({
            "organizationId": FIRST, "nameContains": "team",
            "pagination": { "pageSize": 100, "rowOffset": offset },
        });
        mount(&airbyte, config(below).and(body_json(body)), ok(json!({ "workspaces": rows }))).await;
    }
    let workspaces = airbyte.client().organization(organization_id()).workspaces();
    let found = workspaces.name_contains("team").await.unwrap();
    assert_eq!((found.len(), found[149].name.as_str()), (150, "team 149"));
    assert_eq!(found[0].organization_id, Some(organization_id()));
}

#[tokio::test]
async fn an_exact_name_is_not_just_a_part_of_it() {
    let airbyte = Airbyte::start().await;
    let rows = [config_workspace(WORKSPACE, "team", FIRST), config_workspace(SECOND, "team two", FIRST)];
    mount(&airbyte, config("/workspaces/list_by_organization_id"), ok(json!({ "workspaces": rows }))).await;
    let found = airbyte.client().organization(organization_id()).workspaces().name("team").await.unwrap();
    assert_eq!(found.iter().map(|one| one.workspace_id).collect::<Vec<_>>(), [workspace_id()]);
}

#[tokio::test]
async fn an_unknown_organization_has_not_just_no_workspaces() {
    let airbyte = Airbyte::start().await;
    mount(&airbyte, config("/workspaces/list_by_organization_id"), ok(json!({ "workspaces": [] }))).await;
    organizations(&airbyte, &[(SECOND, "Beta")]).await;
    let error = airbyte.client().organization(organization_id()).workspaces().await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
}

#[tokio::test]
async fn workspaces_are_listed_by_what_gives_access() {
    let airbyte = Airbyte::start().await;
    let own = [
        permission("workspace_editor", "workspace", WORKSPACE),
        permission("workspace_reader", "workspace", WORKSPACE),
        permission("organization_admin", "organization", FIRST),
        permission("organization_member", "organization", SECOND),
    ];
    permissions(&airbyte, &own).await;
    let named = get("/workspaces").and(query_param("workspaceIds", WORKSPACE));
    mount(&airbyte, named, ok(page(&[workspace(WORKSPACE, "mine")]))).await;
    let all = [workspace(WORKSPACE, "mine"), workspace(SECOND, "other")];
    let unnamed = get("/workspaces").and(query_param_is_missing("workspaceIds"));
    mount(&airbyte, unnamed, ok(page(&all))).await;
    for (organization, id, name) in [(FIRST, FIRST, "of first"), (SECOND, SECOND, "of second")] {
        let body =
            json!({ "organizationId": organization, "pagination": { "pageSize": 100, "rowOffset": 0 } });
        let rows = [config_workspace(id, name, organization)];
        let asked = config("/workspaces/list_by_organization_id").and(body_json(body));
        mount(&airbyte, asked, ok(json!({ "workspaces": rows }))).await;
    }
    let client = airbyte.client();
    let names = async |scope| -> Vec<String> {
        let found = client.workspaces_in(scope).await.unwrap();
        found.into_iter().map(|one| one.name).collect()
    };
    assert_eq!(names(WorkspaceScope::MemberOf).await, ["mine"]);
    assert_eq!(names(WorkspaceScope::OrganizationAdmin).await, ["of first", "of second"]);
    assert_eq!(names(WorkspaceScope::Any).await, ["mine", "other"]);
    let error = client.workspaces_in(WorkspaceScope::InstanceAdmin).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);

    let airbyte = Airbyte::start().await;
    permissions(&airbyte, &[permission("instance_admin", "none", NOWHERE)]).await;
    mount(&airbyte, get("/workspaces"), ok(page(&all))).await;
    assert_eq!(airbyte.client().workspaces_in(WorkspaceScope::InstanceAdmin).await.unwrap().len(), 2);
    assert!(airbyte.client().workspaces_in(WorkspaceScope::MemberOf).await.unwrap().is_empty());
}

/// A caller with one workspace and one organization, and this default workspace.
async fn caller(airbyte: &Airbyte, default: Option<&str>) -> Client {
    let own = [
        permission("workspace_editor", "workspace", WORKSPACE),
        permission("organization_member", "organization", FIRST),
    ];
    permissions(airbyte, &own).await;
    let mut user =
        json!({ "userId": USER, "name": "Ada", "email": "ada@example.com", "status": "registered" });
    if let Some(default) = default {
        user["defaultWorkspaceId"] = json!(default);
    }
    let asked = config("/users/get").and(body_json(json!({ "userId": USER })));
    mount(airbyte, asked, ok(user)).await;
    let named = get("/workspaces").and(query_param("workspaceIds", WORKSPACE));
    mount(airbyte, named, ok(page(&[workspace(WORKSPACE, "mine")]))).await;
    mount(airbyte, get(&format!("/workspaces/{WORKSPACE}")), ok(workspace(WORKSPACE, "mine"))).await;
    organizations(airbyte, &[(FIRST, "Acme"), (SECOND, "Beta")]).await;
    let organization = json!({ "organizationId": FIRST, "organizationName": "Acme" });
    mount(airbyte, config("/workspaces/get_organization_info"), ok(organization)).await;
    airbyte.client()
}

#[tokio::test]
async fn the_context_is_where_the_user_begins() {
    // The one it begins in is gone, there is none, or it is this one.
    for default in [Some(SECOND), None, Some(WORKSPACE)] {
        let airbyte = Airbyte::start().await;
        let client = caller(&airbyte, default).await;
        let gone = problem(403, "forbidden", "no");
        mount(&airbyte, get(&format!("/workspaces/{SECOND}")), gone).await;
        let context = client.default_context().await.unwrap();
        assert_eq!((context.user.user_id, context.user.email.as_str()), (user_id(), "ada@example.com"));
        assert_eq!(context.user.permissions.len(), 2);
        assert_eq!(context.workspace.unwrap().workspace_id, workspace_id(), "{default:?}");
        let organization = context.organization.unwrap();
        assert_eq!((organization.organization_id, organization.email.is_some()), (organization_id(), true));
        assert_eq!((context.member_workspaces.len(), context.member_organizations.len()), (1, 2));
    }
}

#[tokio::test]
async fn the_settings_decide_the_context_and_must_be_right() {
    let airbyte = Airbyte::start().await;
    caller(&airbyte, Some(WORKSPACE)).await;
    let elsewhere: WorkspaceId = SECOND.parse().unwrap();
    mount(&airbyte, get(&format!("/workspaces/{SECOND}")), ok(workspace(SECOND, "other"))).await;
    let client =
        airbyte.builder().workspace_id(elsewhere).organization_id(SECOND.parse().unwrap()).build().unwrap();
    let context = client.default_context().await.unwrap();
    assert_eq!(context.workspace.unwrap().workspace_id, elsewhere);
    assert_eq!(context.organization.unwrap().name, "Beta");

    let airbyte = Airbyte::start().await;
    caller(&airbyte, Some(WORKSPACE)).await;
    mount(&airbyte, get(&format!("/workspaces/{SECOND}")), problem(404, "resource-not-found", "no")).await;
    let client = airbyte.builder().workspace_id(elsewhere).build().unwrap();
    assert!(client.default_context().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn the_default_workspace_is_one_that_exists() {
    let airbyte = Airbyte::start().await;
    let client = caller(&airbyte, None).await;
    let body = json!({ "userId": USER, "defaultWorkspaceId": WORKSPACE });
    let answer = json!({ "userId": USER, "email": "ada@example.com", "defaultWorkspaceId": WORKSPACE });
    mount(&airbyte, config("/users/update").and(body_json(body)), ok(answer)).await;
    let user = client.set_default_workspace(workspace_id()).await.unwrap();
    assert_eq!(user.default_workspace_id, Some(workspace_id()));

    mount(&airbyte, get(&format!("/workspaces/{SECOND}")), problem(404, "resource-not-found", "no")).await;
    let error = client.set_default_workspace(SECOND.parse().unwrap()).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert_eq!(airbyte.count("POST", &format!("{CONFIG}/users/update")).await, 1);
}

#[tokio::test]
async fn credentials_without_permissions_or_user_say_so() {
    let airbyte = Airbyte::start().await;
    permissions(&airbyte, &[]).await;
    let error = airbyte.client().current_user().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("administrator"), "{error:?}");

    let airbyte = Airbyte::start().await;
    permissions(&airbyte, &[permission("workspace_reader", "workspace", WORKSPACE)]).await;
    mount(&airbyte, config("/users/get"), error_id(404)).await;
    let error = airbyte.client().current_user().await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains(USER), "{error:?}");
}
