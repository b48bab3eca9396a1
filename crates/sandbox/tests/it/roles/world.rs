//! One of each object, and a user of each role.

use std::collections::BTreeMap;

use airbyte_sandbox::{Edition, NewUser, Role, Sandbox, Seed, UserCredentials};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, FAST, answer, id};

/// Every role, least first.
pub(crate) const ROLES: [Role; 7] = [
    Role::Member,
    Role::Reader,
    Role::Runner,
    Role::SourceEditor,
    Role::DestinationEditor,
    Role::Editor,
    Role::Admin,
];

/// What a user of these tests has been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Given {
    Nothing,
    /// Everything, but in another organization.
    Elsewhere,
    Workspace(usize),
    Organization(usize),
}

impl Given {
    /// The role and whether it is for the whole organization.
    pub(crate) fn role(self) -> Option<(Role, bool)> {
        match self {
            Self::Nothing | Self::Elsewhere => None,
            Self::Workspace(at) => Some((ROLES[at], false)),
            Self::Organization(at) => Some((ROLES[at], true)),
        }
    }

    /// Everything that can be given, least first.
    pub(crate) fn all() -> Vec<Self> {
        let workspace = (1..ROLES.len()).map(Self::Workspace);
        // Editors of one side are of workspaces only.
        let organization = [0, 1, 2, 5, 6].map(Self::Organization);
        [Self::Nothing, Self::Elsewhere].into_iter().chain(workspace).chain(organization).collect()
    }
}

/// A sandbox with one of each object.
pub(crate) struct World {
    /// Of an administrator of the instance.
    pub(crate) api: Api,
    /// What a path, a query or a body may name.
    pub(crate) names: BTreeMap<&'static str, Value>,
    tokens: BTreeMap<Given, String>,
}

impl World {
    pub(crate) async fn make() -> Self {
        let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
        let elsewhere = api.sandbox.add_organization("Elsewhere").unwrap();
        let (organization, workspace) = own(&api);
        let mut tokens = BTreeMap::new();
        for given in Given::all() {
            let user = NewUser::named(format!("{given:?}"));
            let user = match given {
                Given::Nothing => user,
                Given::Elsewhere => user
                    .in_organization(&elsewhere.organization_id, Role::Admin)
                    .in_workspace(&elsewhere.workspace_id, Role::Admin),
                Given::Workspace(at) => user.in_workspace(&workspace, ROLES[at]),
                Given::Organization(at) => user.in_organization(&organization, ROLES[at]),
            };
            let credentials = api.sandbox.add_user(user).unwrap();
            tokens.insert(given, token(&api, &credentials).await);
        }
        let names = objects(&api).await;
        Self { api, names, tokens }
    }

    /// A request of one of the users.
    pub(crate) async fn ask(&self, given: Given, method: Method, url: &str, body: &Value) -> Answer {
        let request = self.api.http.request(method.clone(), url).bearer_auth(&self.tokens[&given]);
        answer(if method == Method::GET { request } else { request.json(body) }).await
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let value = self.names.get(name).unwrap_or_else(|| panic!("nothing is named {name}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// A body with these members.
    pub(crate) fn body(&self, members: &str) -> Value {
        members.split_whitespace().map(|name| (name.to_owned(), self.names[name].clone())).collect()
    }
}

/// The ids of the sandbox's own organization and workspace.
pub(crate) fn own(api: &Api) -> (String, String) {
    let ready = api.sandbox.ready();
    (ready.organization_id.clone(), ready.workspace_id.clone())
}

/// A token for a user's credentials.
pub(crate) async fn token(api: &Api, credentials: &UserCredentials) -> String {
    let body = json!({"client_id": credentials.client_id, "client_secret": credentials.client_secret});
    id(&api.post("/applications/token", &body).await.expect(200), "access_token")
}

/// The sandbox as another user has it.
pub(crate) async fn as_user(api: &mut Api, user: NewUser) -> UserCredentials {
    let credentials = api.sandbox.add_user(user).unwrap();
    api.token = Some(token(api, &credentials).await);
    credentials
}

/// A sandbox of an edition.
pub(crate) async fn of(edition: Edition) -> Api {
    Api::of(Sandbox::builder().seed(Seed::Demo).edition(edition).time_scale(FAST)).await
}

async fn objects(api: &Api) -> BTreeMap<&'static str, Value> {
    let (organization, workspace) = own(api);
    let connection = api.small_connection().await;
    let job = api.start_sync(&connection).await;
    let read = api.get(&format!("/connections/{connection}")).await.expect(200);
    let made = async |path: &str, member: &str, status: u16, body: Value| {
        api.post(path, &body).await.expect(status)[member].clone()
    };
    let user = api.sandbox.add_user(NewUser::named("Somebody")).unwrap().user_id;
    let permission = json!({"userId": user, "workspaceId": workspace, "permissionType": "workspace_reader"});
    let region =
        made("/regions", "regionId", 200, json!({"name": "r", "organizationId": organization})).await;
    let image = json!({"name": "n", "dockerRepository": "me/mine", "dockerImageTag": "1"});
    let definitions = format!("/workspaces/{workspace}/definitions");
    let manifest = json!({
        "name": "n", "workspaceId": workspace,
        "manifest": {"spec": {"connection_specification": {"type": "object"}}},
    });
    BTreeMap::from([
        ("workspaceId", json!(workspace)),
        ("organizationId", json!(organization)),
        ("connectionId", json!(connection)),
        ("configId", json!(connection)),
        ("connectionIds", json!([connection])),
        ("workspaceIds", json!([workspace])),
        ("sourceId", read["sourceId"].clone()),
        ("destinationId", read["destinationId"].clone()),
        ("jobId", json!(job)),
        ("id", json!(job)),
        ("userId", json!(user)),
        ("permissionId", made("/permissions", "permissionId", 200, permission).await),
        (
            "tagId",
            made("/tags", "tagId", 200, json!({"name": "t", "color": "000000", "workspaceId": workspace}))
                .await,
        ),
        (
            "groupId",
            made("/groups", "groupId", 201, json!({"name": "g", "organizationId": organization})).await,
        ),
        (
            "dataplaneId",
            made("/dataplanes", "dataplaneId", 200, json!({"name": "d", "regionId": region})).await,
        ),
        ("regionId", region),
        ("sources", made(&format!("{definitions}/sources"), "id", 200, image.clone()).await),
        ("destinations", made(&format!("{definitions}/destinations"), "id", 200, image).await),
        (
            "declarative_sources",
            made(&format!("{definitions}/declarative_sources"), "id", 200, manifest).await,
        ),
        ("actorType", json!("source")),
        ("name", json!("google-ads")),
    ])
}
