//! What a request names: the workspaces, organizations and users where its caller needs a role.

use serde_json::Value;
use uuid::Uuid;

use super::{Caller, Request};
use crate::app::App;
use crate::builder::Edition;
use crate::http::answer::Refusal;
use crate::http::page::joined;
use crate::model::{
    Actor, Connection, Dataplane, Group, Job, Permission, Record, Region, Scope, Tag, User, Workspace,
};

/// Where an operation's ids come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    /// Nothing is named.
    Nothing,
    /// The id in the path.
    Path(Kind),
    /// The same where the framework refuses what is no id (400) before anybody looks at roles.
    CheckedPath(Kind),
    /// A parameter of the query, which the framework refuses (400) if it is no id.
    Query(Kind, &'static str),
    /// One that the operation itself reads.
    TextQuery(Kind, &'static str),
    /// The values of a parameter; without any, the operation shows what its caller may see.
    QueryList(Kind, &'static str),
    /// `connectionId`, or else `workspaceIds`, of the query.
    ConnectionOrWorkspaces,
    /// `sourceId`, and `destinationId` if it is given, of the query.
    SourceAndDestination,
    /// The organization in the query, if somebody else's permissions are asked for.
    OthersPermissions,
    /// The user that a member of the body names.
    User(Kind, &'static str),
    /// A member of the body, which the operation itself reads.
    Body(Kind, &'static str),
    /// `workspaceId` or `organizationId` of the body, which the operation itself reads.
    Target,
    /// The organization of a new workspace.
    NewWorkspace,
    /// Every id of the body that an annotation knows.
    Annotated,
    /// The organizations of those.
    AnnotatedOrganization,
}

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Workspace,
    Organization,
    /// A source or a destination.
    Actor,
    Connection,
    Job,
    Permission,
    Tag,
    Group,
    Region,
    Dataplane,
    User,
    /// By the subject of the user's tokens.
    AuthUser,
    Email,
}

/// Where a role is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Workspace {
        id: Uuid,
        organization: Uuid,
    },
    Organization(Uuid),
    User(Uuid),
    /// The whole instance.
    Instance,
}

impl Place {
    pub(super) fn is_workspace(self, workspace: Uuid) -> bool {
        matches!(self, Self::Workspace { id, .. } if id == workspace)
    }
}

/// What came of looking for the places that a request names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    Places(Vec<Place>),
    /// Something is named that leads nowhere, so nobody has a role there.
    Unknown,
    /// The operation itself refuses the request, or shows what its caller may see.
    LeftToOperation,
}

impl From<Option<Place>> for Resolved {
    fn from(place: Option<Place>) -> Self {
        place.map_or(Self::Unknown, |place| Self::Places(vec![place]))
    }
}

impl Named {
    /// What the role is one of, if that is always the same.
    pub(super) fn place(self) -> Option<&'static str> {
        match self {
            Self::NewWorkspace | Self::OthersPermissions => Some("ORGANIZATION"),
            Self::Path(kind)
            | Self::CheckedPath(kind)
            | Self::Query(kind, _)
            | Self::TextQuery(kind, _)
            | Self::QueryList(kind, _)
            | Self::Body(kind, _) => match kind {
                Kind::Organization | Kind::Group | Kind::Region | Kind::Dataplane => Some("ORGANIZATION"),
                Kind::Workspace | Kind::Actor | Kind::Connection | Kind::Job | Kind::Tag => Some("WORKSPACE"),
                Kind::Permission | Kind::User | Kind::AuthUser | Kind::Email => None,
            },
            Self::ConnectionOrWorkspaces | Self::SourceAndDestination => Some("WORKSPACE"),
            Self::Nothing | Self::User(..) | Self::Target | Self::Annotated | Self::AnnotatedOrganization => {
                None
            }
        }
    }

    pub(super) fn is_in_body(self) -> bool {
        matches!(
            self,
            Self::User(..)
                | Self::Body(..)
                | Self::Target
                | Self::NewWorkspace
                | Self::Annotated
                | Self::AnnotatedOrganization
        )
    }

    pub(super) fn resolve(
        self,
        app: &App,
        caller: &Caller,
        request: &Request<'_>,
    ) -> Result<Resolved, Refusal> {
        let parameter = |name| joined(request.query, name);
        Ok(match self {
            Self::Nothing => Resolved::LeftToOperation,
            Self::CheckedPath(_) if request.id.parse::<Uuid>().is_err() => Resolved::LeftToOperation,
            Self::Path(kind) | Self::CheckedPath(kind) => kind.asked(app, request.id)?,
            Self::Query(kind, name) => match parameter(name) {
                Some(id) => kind.checked(app, &id)?,
                None => Resolved::LeftToOperation,
            },
            Self::TextQuery(kind, name) => match parameter(name) {
                Some(id) => kind.asked(app, &id)?,
                None => Resolved::LeftToOperation,
            },
            Self::QueryList(kind, name) => kind.asked_each(app, parameter(name))?,
            Self::ConnectionOrWorkspaces => match parameter("connectionId") {
                Some(id) => Kind::Connection.checked(app, &id)?,
                None => Kind::Workspace.asked_each(app, parameter("workspaceIds"))?,
            },
            Self::SourceAndDestination => {
                let ids = ["sourceId", "destinationId"].into_iter().filter_map(parameter);
                Kind::Actor.asked_each(app, Some(ids.collect::<Vec<_>>().join(",")))?
            }
            Self::OthersPermissions => {
                let user = parameter("userId").and_then(|id| id.parse::<Uuid>().ok());
                match (user, parameter("organizationId")) {
                    (Some(user), Some(id)) if user != caller.user_id() => {
                        Kind::Organization.asked(app, &id)?
                    }
                    _ => Resolved::LeftToOperation,
                }
            }
            Self::User(kind, member) => match request.body[member].as_str() {
                Some(id) => kind.find(app, id)?.into(),
                None => Resolved::Unknown,
            },
            Self::Body(kind, member) => match request.body[member].as_str() {
                Some(id) => kind.checked(app, id)?,
                None => Resolved::LeftToOperation,
            },
            Self::Target => {
                match (request.body["workspaceId"].as_str(), request.body["organizationId"].as_str()) {
                    (Some(id), None) => Kind::Workspace.checked(app, id)?,
                    (None, Some(id)) => Kind::Organization.checked(app, id)?,
                    _ => Resolved::LeftToOperation,
                }
            }
            Self::NewWorkspace => match request.body["organizationId"].as_str() {
                Some(id) if app.edition == Edition::Cloud => Kind::Organization.checked(app, id)?,
                // Outside of Cloud the organization that is asked for is ignored.
                _ => Some(Place::Organization(app.organization_id)).into(),
            },
            Self::Annotated => annotated(app, request.body)?,
            Self::AnnotatedOrganization => match annotated(app, request.body)? {
                Resolved::Places(places) => {
                    Resolved::Places(places.into_iter().map(in_organization).collect())
                }
                other => other,
            },
        })
    }
}

fn in_organization(place: Place) -> Place {
    match place {
        Place::Workspace { organization, .. } => Place::Organization(organization),
        other => other,
    }
}

/// The members of a body that an annotation knows, with what they are of.
const ANNOTATED: [(&str, Kind); 11] = [
    ("workspaceId", Kind::Workspace),
    ("connectionId", Kind::Connection),
    ("connectionIds", Kind::Connection),
    ("destinationId", Kind::Actor),
    ("id", Kind::Job),
    ("jobId", Kind::Job),
    ("sourceId", Kind::Actor),
    ("configId", Kind::Connection),
    ("workspaceIds", Kind::Workspace),
    ("organizationId", Kind::Organization),
    ("permissionId", Kind::Permission),
];

/// The places of all ids of the body, each alone or in a list: which of them the operation will read is its own affair.
fn annotated(app: &App, body: &Value) -> rusqlite::Result<Resolved> {
    let mut places = Vec::new();
    for (member, kind) in ANNOTATED {
        let ids = match body.get(member) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(ids)) => ids.as_slice(),
            Some(id) => std::slice::from_ref(id),
        };
        match kind.find_each(app, ids.iter().map(text))? {
            Resolved::Places(found) => places.extend(found),
            other => return Ok(other),
        }
    }
    // A source and a destination that are to be connected lead to the same workspace, or nowhere.
    let actor = |member: &str| match body.get(member) {
        Some(id @ Value::String(_)) => Kind::Actor.find(app, &text(id)),
        _ => Ok(None),
    };
    if let (Some(source), Some(destination)) = (actor("sourceId")?, actor("destinationId")?)
        && source != destination
    {
        return Ok(Resolved::Unknown);
    }
    Ok(if places.is_empty() { Resolved::Unknown } else { Resolved::Places(places) })
}

/// An id as text: those of jobs are numbers.
fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

impl Kind {
    /// The place of an id that the operation itself reads. Some operations look for what is named, and refuse the
    /// request, before they look at roles.
    fn asked(self, app: &App, id: &str) -> rusqlite::Result<Resolved> {
        let looks_first =
            [Self::Permission, Self::Tag, Self::Group, Self::Region, Self::Dataplane].contains(&self);
        match self.find(app, id)? {
            None if looks_first || (self == Self::Job && id.parse::<i64>().is_err()) => {
                Ok(Resolved::LeftToOperation)
            }
            place => Ok(place.into()),
        }
    }

    /// The same where the framework has refused what is no id.
    fn checked(self, app: &App, id: &str) -> rusqlite::Result<Resolved> {
        if id.parse::<Uuid>().is_err() { Ok(Resolved::LeftToOperation) } else { self.asked(app, id) }
    }

    /// The places of several ids, joined by commas; what is no id among them is the framework's to refuse.
    fn asked_each(self, app: &App, ids: Option<String>) -> rusqlite::Result<Resolved> {
        let ids = ids.unwrap_or_default();
        let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() || ids.iter().any(|id| id.parse::<Uuid>().is_err()) {
            return Ok(Resolved::LeftToOperation);
        }
        self.find_each(app, ids.into_iter().map(str::to_owned))
    }

    /// The places of several ids; if one leads nowhere, so do they all.
    fn find_each(self, app: &App, ids: impl Iterator<Item = String>) -> rusqlite::Result<Resolved> {
        let mut places = Vec::new();
        for id in ids {
            match self.find(app, &id)? {
                Some(place) => places.push(place),
                None => return Ok(Resolved::Unknown),
            }
        }
        Ok(Resolved::Places(places))
    }

    /// The place of an id, if it leads somewhere.
    fn find(self, app: &App, id: &str) -> rusqlite::Result<Option<Place>> {
        let workspace = |id: Option<Uuid>| match id {
            Some(id) => place_of_workspace(app, id),
            None => Ok(None),
        };
        Ok(match self {
            Self::Workspace => workspace(id.parse().ok())?,
            Self::Organization => id.parse().ok().map(Place::Organization),
            Self::Actor => workspace(get(app, id)?.map(|one: Actor| one.workspace_id))?,
            Self::Connection => workspace(get(app, id)?.map(|one: Connection| one.workspace_id))?,
            Self::Tag => workspace(get(app, id)?.map(|one: Tag| one.workspace_id))?,
            Self::Job => {
                let job: Option<Job> = match id.parse::<i64>() {
                    Ok(number) => app.store.get(&number.to_string())?,
                    Err(_) => None,
                };
                workspace(job.map(|job| job.workspace_id))?
            }
            Self::Permission => match get(app, id)?.map(|one: Permission| one.scope) {
                Some(Scope::Workspace(id)) => workspace(Some(id))?,
                Some(Scope::Organization(id)) => Some(Place::Organization(id)),
                Some(Scope::Instance) => Some(Place::Instance),
                None => None,
            },
            Self::Group => get(app, id)?.map(|one: Group| Place::Organization(one.organization_id)),
            Self::Region => get(app, id)?.map(|one: Region| Place::Organization(one.organization_id)),
            Self::Dataplane => {
                let dataplane: Option<Dataplane> = get(app, id)?;
                match dataplane {
                    Some(dataplane) => Self::Region.find(app, &dataplane.region_id.to_string())?,
                    None => None,
                }
            }
            Self::User => id.parse().ok().map(Place::User),
            Self::AuthUser => user(app, |user| user.auth_id == id)?,
            Self::Email => user(app, |user| user.email.eq_ignore_ascii_case(id))?,
        })
    }
}

fn place_of_workspace(app: &App, id: Uuid) -> rusqlite::Result<Option<Place>> {
    let workspace: Option<Workspace> = get(app, &id.to_string())?;
    Ok(workspace.map(|one| Place::Workspace { id, organization: one.organization_id }))
}

fn user(app: &App, is_meant: impl Fn(&User) -> bool) -> rusqlite::Result<Option<Place>> {
    let users = app.store.all::<User>()?;
    Ok(users.iter().find(|user| is_meant(user)).map(|user| Place::User(user.id)))
}

/// The object with this id, in whatever form of a UUID it is written.
fn get<T: Record>(app: &App, id: &str) -> rusqlite::Result<Option<T>> {
    match id.parse::<Uuid>() {
        Ok(id) => app.store.get(&id.to_string()),
        Err(_) => Ok(None),
    }
}
