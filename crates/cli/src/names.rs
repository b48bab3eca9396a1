//! What people call things by: an id, or a name that only one object has.

use airbyte_cloud::{
    Client, Connection, ConnectionId, CustomSourceDefinition, CustomSourceKind, Destination, Organization,
    Source, Tag, TagInfo, Workspace, WorkspaceId,
};
use strsim::jaro_winkler;

use crate::context::Context;
use crate::error::{Failure, Kind, exit};

/// How alike a name has to be to what was typed for being suggested.
const ALIKE: f64 = 0.8;

/// How many names are suggested.
const SUGGESTIONS: usize = 3;

/// Whether a text is meant as an id. One with a slip in it is taken for an id, too, so that it is told so.
pub(crate) fn is_id(text: &str) -> bool {
    let text = text.trim();
    text.len() >= 30 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// The one of `objects`, each an id and a name, that has the name: exactly, or else but for upper and lower case.
pub(crate) fn choose<I: ToString>(
    noun: &str,
    name: &str,
    objects: impl IntoIterator<Item = (I, String)>,
) -> Result<I, Failure> {
    let mut objects: Vec<(I, String)> = objects.into_iter().collect();
    let lower = name.to_lowercase();
    let same: [&dyn Fn(&str) -> bool; 2] = [&|other| other == name, &|other| other.to_lowercase() == lower];
    for matches in same {
        let found: Vec<usize> =
            objects.iter().enumerate().filter(|(_, it)| matches(&it.1)).map(|(at, _)| at).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok(objects.swap_remove(*only).0),
            several => {
                let mut failure = Failure::usage(format!("{} {noun}s have the name `{name}`", several.len()))
                    .with_hint("give the id of the one that is meant");
                failure.details = several
                    .iter()
                    .map(|at| format!("{}  {}", objects[*at].0.to_string(), objects[*at].1))
                    .collect();
                return Err(failure);
            }
        }
    }
    let failure = Failure::new(Kind::NotFound, format!("there is no {noun} named `{name}`"));
    Err(failure.with_hint(match suggestions(&lower, objects.iter().map(|(_, name)| name.as_str())) {
        names if !names.is_empty() => format!("did you mean {}?", names.join(" or ")),
        _ if objects.is_empty() => format!("there is no {noun} at all; is it the right workspace?"),
        _ => format!("see `airbyte {noun} list`, or give an id"),
    }))
}

/// What can be done about a name that another one has.
pub(crate) const SAME_NAME: &str = "choose another name, or say --allow-same-name";

/// Refuses a name that another one of `objects`, each an id and a name, has: neither could be called by it afterwards.
pub(crate) fn refuse_taken<I: PartialEq + ToString>(
    noun: &str,
    name: &str,
    own: Option<&I>,
    objects: impl IntoIterator<Item = (I, String)>,
) -> Result<(), Failure> {
    let taken = |(id, other): &(I, String)| other == name && own != Some(id);
    match objects.into_iter().find(taken) {
        None => Ok(()),
        Some((id, _)) => Err(Failure::new(
            Kind::Library("conflict", exit::CONFLICT),
            format!("the workspace has a {noun} named `{name}` already: {}", id.to_string()),
        )),
    }
}

/// The names that come closest to a name in lower case, the closest first.
pub(crate) fn suggestions<'a>(lower: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let within = lower.chars().count() > 2 && name.contains(lower);
        if within { 1.0 } else { jaro_winkler(lower, &name) }
    };
    let mut alike: Vec<(f64, &str)> =
        names.map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= ALIKE).collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    alike.dedup_by(|a, b| a.1 == b.1);
    alike.into_iter().take(SUGGESTIONS).map(|(_, name)| format!("`{name}`")).collect()
}

/// The workspace that is meant.
pub(crate) async fn workspace(client: &Client, given: &str) -> Result<Workspace, Failure> {
    let id: WorkspaceId = if is_id(given) {
        given.parse()?
    } else {
        let all = client.workspaces().await?;
        choose("workspace", given, all.into_iter().map(|one| (one.workspace_id, one.name)))?
    };
    Ok(client.workspace(id))
}

/// The organization that is meant.
pub(crate) async fn organization(client: &Client, given: &str) -> Result<Organization, Failure> {
    let id = if is_id(given) {
        given.parse()?
    } else {
        let all = client.organizations().await?;
        choose("organization", given, all.into_iter().map(|one| (one.organization_id, one.name)))?
    };
    Ok(client.organization(id))
}

/// The source that is meant. What is given by its id has to be in the workspace that `--workspace` names.
pub(crate) async fn source(context: &Context, client: &Client, given: &str) -> Result<Source, Failure> {
    let id = if is_id(given) {
        let id = given.parse()?;
        let owner = async { Ok(client.source(id).info().await?.workspace_id) };
        context.check_workspace(client, &format!("source {id}"), owner).await?;
        id
    } else {
        let all = context.workspace(client).await?.sources().await?;
        choose("source", given, all.into_iter().map(|one| (one.source_id, one.name)))?
    };
    Ok(client.source(id))
}

/// The destination that is meant.
pub(crate) async fn destination(
    context: &Context,
    client: &Client,
    given: &str,
) -> Result<Destination, Failure> {
    let id = if is_id(given) {
        let id = given.parse()?;
        let owner = async { Ok(client.destination(id).info().await?.workspace_id) };
        context.check_workspace(client, &format!("destination {id}"), owner).await?;
        id
    } else {
        let all = context.workspace(client).await?.destinations().await?;
        choose("destination", given, all.into_iter().map(|one| (one.destination_id, one.name)))?
    };
    Ok(client.destination(id))
}

/// The connection that is meant.
pub(crate) async fn connection(
    context: &Context,
    client: &Client,
    given: &str,
) -> Result<Connection, Failure> {
    Ok(client.connection(connections(context, client, std::slice::from_ref(&given)).await?[0]))
}

/// The connections that are meant, each once, in their order; names are looked up in one list.
pub(crate) async fn connections<S: AsRef<str>>(
    context: &Context,
    client: &Client,
    given: &[S],
) -> Result<Vec<ConnectionId>, Failure> {
    let given: Vec<&str> = given.iter().map(AsRef::as_ref).collect();
    let listed = if given.iter().all(|one| is_id(one)) {
        Vec::new()
    } else {
        context.workspace(client).await?.connections().await?
    };
    let mut found = Vec::with_capacity(given.len());
    for one in given {
        let id = if is_id(one) {
            let id = one.parse()?;
            // One that is not there is refused before anything is done with the others.
            let owner = client.connection(id).info().await?.workspace_id;
            context.check_workspace(client, &format!("connection {id}"), async { Ok(owner) }).await?;
            id
        } else {
            choose("connection", one, listed.iter().map(|it| (it.connection_id, it.name.clone())))?
        };
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

/// The custom connector that is meant, of either kind.
pub(crate) async fn definition(
    context: &Context,
    client: &Client,
    given: &str,
) -> Result<CustomSourceDefinition, Failure> {
    let workspace = context.workspace(client).await?;
    let mut all = workspace.custom_source_definitions(CustomSourceKind::Yaml).await?;
    all.extend(workspace.custom_source_definitions(CustomSourceKind::Docker).await?);
    let kind_of = |id| all.iter().find(|one| one.definition_id == id).map(|one| one.kind);
    let id = if is_id(given) {
        given.parse()?
    } else {
        choose("definition", given, all.iter().map(|one| (one.definition_id, one.name.clone())))?
    };
    let kind = kind_of(id).ok_or_else(|| {
        Failure::new(Kind::NotFound, format!("there is no definition {id} in workspace {}", workspace.id()))
            .with_hint("see `airbyte definition list`")
    })?;
    Ok(workspace.custom_source_definition(id, kind))
}

/// The tag that is meant.
pub(crate) async fn tag(context: &Context, client: &Client, given: &str) -> Result<Tag, Failure> {
    let id = if is_id(given) {
        let id = given.parse()?;
        let owner = async { Ok(client.tag(id).info().await?.workspace_id) };
        context.check_workspace(client, &format!("tag {id}"), owner).await?;
        id
    } else {
        let all = context.workspace(client).await?.tags().await?;
        choose("tag", given, all.into_iter().map(|one| (one.tag_id, one.name)))?
    };
    Ok(client.tag(id))
}

/// The tags that are meant, whole: connections are sent whole tags.
pub(crate) async fn tags(
    context: &Context,
    client: &Client,
    given: &[String],
) -> Result<Vec<TagInfo>, Failure> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let all = context.workspace(client).await?.tags().await?;
    let place = |one: &String| {
        let at = all.iter().position(|tag| tag.tag_id.to_string() == *one);
        at.map_or_else(|| choose("tag", one, all.iter().map(|it| it.name.clone()).enumerate()), Ok)
    };
    given.iter().map(|one| Ok(all[place(one)?].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(name: &str) -> Result<i32, Failure> {
        let names =
            ["Stripe to BigQuery", "stripe to bigquery", "Überweisungen", "twice", "twice", "☕ \"a\" שלום"];
        choose("connection", name, (1..).zip(names.map(str::to_owned)))
    }

    #[test]
    fn an_exact_name_comes_before_one_in_other_letters() {
        assert_eq!(chosen("stripe to bigquery").unwrap(), 2);
        assert_eq!(chosen("ÜBERWEISUNGEN").unwrap(), 3);
        assert_eq!(chosen("☕ \"a\" שלום").unwrap(), 6);
    }

    #[test]
    fn several_are_listed_and_mistyped_ones_suggested() {
        let several = chosen("twice").unwrap_err();
        assert_eq!((several.exit_code(), several.details.len()), (2, 2));
        assert_eq!(chosen("STRIPE TO BIGQUERY").unwrap_err().exit_code(), 2);
        let close = chosen("Stripe to BigQery").unwrap_err();
        assert_eq!(close.exit_code(), 4);
        assert!(close.hint.unwrap().starts_with("did you mean `Stripe to BigQuery`"));
        assert!(chosen("strip").unwrap_err().hint.unwrap().contains("`Stripe to BigQuery`"));
        assert!(chosen("nothing like it").unwrap_err().hint.unwrap().contains("airbyte connection list"));
    }

    #[test]
    fn an_id_with_a_slip_is_meant_as_one() {
        assert!(
            is_id("0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47") && is_id("0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e4")
        );
        assert!(!is_id("decade") && !is_id("Stripe to BigQuery, all of its tables"));
    }
}
