//! Who may do what: the roles of the caller at the objects that a request names, looked up anew for every request.

mod caller;
mod named;
mod role;
mod table;

use std::sync::Arc;

use serde_json::Value;

pub(crate) use caller::Caller;
pub use role::Role;
pub(super) use table::rule_of;

use self::named::{Named, Place, Resolved};
use super::answer::Refusal;
use crate::app::App;
use crate::model::Workspace;

/// The caller, as handlers get it.
pub(super) type TheCaller = axum::Extension<Arc<Caller>>;

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub need: Need,
    named: Named,
    form: Form,
    /// Asked for beside `need` if a member of the body has a value.
    stricter: Option<Stricter>,
    /// The feature without whose licence the operation is refused before anybody looks at roles.
    licence_first: Option<&'static str>,
    /// Whether users of somebody else's product may, whose tokens are for one workspace.
    for_embedded: bool,
}

/// What the caller has to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// Anybody, without a token.
    Nothing,
    /// Anybody who has a token.
    Token,
    /// One who has one of these roles, or a higher one, at everything that is named.
    Role(&'static [Role]),
    /// One who belongs to the organization or to one of its workspaces.
    Belonging,
    /// The user who is asked about.
    Oneself,
    /// An administrator of the instance.
    InstanceAdmin,
}

/// How a refusal looks.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// An annotation refuses: the framework's body.
    Annotation,
    /// The operation refuses: a problem body.
    Problem,
}

#[derive(Clone, Copy, Debug)]
struct Stricter {
    member: &'static str,
    value: &'static str,
    roles: &'static [Role],
}

/// The parts of a request that may name something.
pub(super) struct Request<'a> {
    /// The first id in the path, as the router has decoded it; empty if there is none.
    pub id: &'a str,
    pub query: Option<&'a str>,
    /// Null if it is not read, or no JSON.
    pub body: &'a Value,
}

impl Rule {
    /// Whether the body has to be read for it.
    pub(super) fn reads_body(&self) -> bool {
        self.named.is_in_body() || self.stricter.is_some()
    }

    /// Refuses a caller who may not do what is asked for. Whether what is named exists is for the operation to say,
    /// but not to those who have no role there.
    pub(super) fn check(&self, app: &App, caller: &Caller, request: &Request<'_>) -> Result<(), Refusal> {
        if caller.is_instance_admin()
            || self.licence_first.is_some_and(|one| app.ensure_entitled(one).is_err())
        {
            return Ok(());
        }
        if let Some(workspace) = caller.only() {
            let is_named = matches!(
                self.named.resolve(app, caller, request)?,
                Resolved::Places(places) if places.iter().all(|place| place.is_workspace(workspace))
            );
            return if self.for_embedded && is_named { Ok(()) } else { Err(Refusal::Role) };
        }
        self.require(self.need, self.form, app, caller, request)?;
        match self.stricter.filter(|one| request.has(one.member, one.value)) {
            // The code of the operation asks for it.
            Some(stricter) => self.require(Need::Role(stricter.roles), Form::Problem, app, caller, request),
            None => Ok(()),
        }
    }

    fn require(
        &self,
        need: Need,
        form: Form,
        app: &App,
        caller: &Caller,
        request: &Request<'_>,
    ) -> Result<(), Refusal> {
        let is_met = match need {
            Need::Nothing | Need::Token => true,
            Need::InstanceAdmin => false,
            Need::Role(_) | Need::Belonging | Need::Oneself => {
                match self.named.resolve(app, caller, request)? {
                    Resolved::Places(places) => need.is_met(app, caller, &places)?,
                    Resolved::Unknown => false,
                    Resolved::LeftToOperation => true,
                }
            }
        };
        if is_met { Ok(()) } else { Err(need.refusal(form, self.named.place())) }
    }
}

impl Need {
    fn is_met(self, app: &App, caller: &Caller, places: &[Place]) -> rusqlite::Result<bool> {
        Ok(match self {
            Self::Role(roles) => places.iter().all(|place| caller.has_one_of(roles, *place)),
            Self::Oneself => places.iter().all(|place| *place == Place::User(caller.user_id())),
            Self::Belonging => {
                let workspaces: Vec<Workspace> = app.store.list()?;
                let belongs = |place: &Place| matches!(place, Place::Organization(id) if caller.belongs_to(*id, &workspaces));
                places.iter().all(belongs)
            }
            Self::Nothing | Self::Token | Self::InstanceAdmin => false,
        })
    }

    fn refusal(self, form: Form, place: Option<&str>) -> Refusal {
        match (form, self, place) {
            (Form::Annotation, ..) => Refusal::Role,
            // With a choice of roles the server names none.
            (Form::Problem, Self::Role([role]), Some(place)) if !role.is_of_one_side() => {
                let role = role.word().to_uppercase();
                Refusal::forbidden(&format!(
                    "The caller has not the role that is needed there: {place}_{role}."
                ))
            }
            (Form::Problem, ..) => Refusal::forbidden("The caller has no role there that allows it."),
        }
    }
}

impl Request<'_> {
    fn has(&self, member: &str, value: &str) -> bool {
        match &self.body[member] {
            Value::String(text) => text.eq_ignore_ascii_case(value),
            Value::Bool(is_set) => is_set.to_string() == value,
            _ => false,
        }
    }
}
