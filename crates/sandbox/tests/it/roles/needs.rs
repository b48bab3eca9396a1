//! What an operation asks for, as the tables of these tests write it, and who has it.

use airbyte_sandbox::Role;
use serde_json::Value;

use super::world::{Given, ROLES};
use crate::support::Answer;

/// `workspace:reader`, `organization:admin` and the like; `any_editor` is one of either side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    roles: &'static [Role],
    of_organization: bool,
}

impl Need {
    /// `None` where nothing but a token is asked for, or not even that.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (place, role) = text.split_once(':')?;
        let roles: &[Role] = match role {
            "member" => &[Role::Member],
            "reader" => &[Role::Reader],
            "runner" => &[Role::Runner],
            "source_editor" => &[Role::SourceEditor, Role::Editor],
            "destination_editor" => &[Role::DestinationEditor, Role::Editor],
            "any_editor" => &[Role::SourceEditor, Role::DestinationEditor, Role::Editor],
            "editor" => &[Role::Editor],
            "admin" => &[Role::Admin],
            other => panic!("no role {other}"),
        };
        let of_organization = match place {
            "workspace" => false,
            "organization" => true,
            other => panic!("no place {other}"),
        };
        Some(Self { roles, of_organization })
    }

    /// Whether somebody with this may do it.
    pub(crate) fn is_met_by(self, given: Given) -> bool {
        let Some((held, for_all)) = given.role() else { return false };
        if self.of_organization && !for_all {
            return false;
        }
        let place = |role: Role| ROLES.iter().position(|one| *one == role).unwrap();
        // Beyond the listed ones every role above the last of them will do.
        self.roles.contains(&held) || place(held) > place(self.roles[self.roles.len() - 1])
    }

    /// The least that will do, of either kind.
    pub(crate) fn least(self) -> Vec<Given> {
        let mut least: Vec<Given> = Vec::new();
        for given in Given::all().into_iter().filter(|given| self.is_met_by(*given)) {
            let (held, for_all) = given.role().unwrap();
            let one_side = [Role::SourceEditor, Role::DestinationEditor].contains(&held);
            let is_least = !least.iter().any(|one| one.role().unwrap().1 == for_all);
            // Neither editor of one side is less than the other.
            if is_least || (one_side && self.roles.contains(&held)) {
                least.push(given);
            }
        }
        least
    }
}

/// Whether a request was refused for its caller's role, and if so, that it was in the right form.
#[track_caller]
pub(crate) fn is_refused(answer: &Answer, form: &str, what: &str) -> bool {
    assert_ne!(answer.status, 401, "{what}");
    if answer.status != 403 {
        return false;
    }
    let body: Value = answer.json();
    let kind = body["type"].as_str().unwrap_or_default();
    if form == "problem" {
        assert!(kind.ends_with("#forbidden") && body["data"]["message"].is_string(), "{what}: {body}");
    } else {
        assert!(body["_links"]["self"]["href"].is_string() && body.get("type").is_none(), "{what}: {body}");
    }
    true
}
