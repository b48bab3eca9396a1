//! The environment variables that the secrets of a workspace are read from: one for each, whatever things are called.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::Workspace;
use crate::references::refers;

/// Whose secrets begin with the same word: a source, a destination, or a stream of a connection.
struct Owner<'a> {
    /// What its variables can begin with, the shortest first.
    beginnings: [String; 3],
    /// Which of them they begin with.
    chosen: usize,
    /// Its secrets, each with what follows the beginning.
    secrets: Vec<(&'a mut String, String)>,
}

/// Gives each secret of a workspace a variable of its own. References begin with the shortest beginning of their owner;
/// where two would be the same, both begin with a longer one, so that neither is the other's.
pub(super) fn tell_apart(workspace: &mut Workspace) {
    let mut owners = owners(workspace);
    loop {
        let mut taken: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, owner) in owners.iter().enumerate() {
            for variable in owner.variables() {
                taken.entry(variable).or_default().push(number);
            }
        }
        let shared: BTreeSet<usize> = taken.into_values().filter(|by| by.len() > 1).flatten().collect();
        let longer: Vec<usize> = shared.into_iter().filter(|number| owners[*number].chosen < 2).collect();
        if longer.is_empty() {
            break;
        }
        for number in longer {
            owners[number].chosen += 1;
        }
    }
    let mut taken = BTreeSet::new();
    for owner in owners {
        let variables = owner.variables();
        for ((secret, _), mut variable) in owner.secrets.into_iter().zip(variables) {
            // Members of one configuration whose names differ in punctuation only.
            while !taken.insert(variable.clone()) {
                variable.push_str("_2");
            }
            *secret = format!("${{{variable}}}");
        }
    }
}

impl<'a> Owner<'a> {
    fn new(beginnings: [String; 3], values: impl IntoIterator<Item = &'a mut Value>) -> Self {
        let mut found = Vec::new();
        for value in values {
            references(value, &mut found);
        }
        let rest = |secret: &str| {
            let variable = secret.trim_start_matches("${").trim_end_matches('}');
            variable.strip_prefix(&beginnings[0]).unwrap_or(variable).to_owned()
        };
        let secrets =
            found.into_iter().map(|secret| (rest(secret), secret)).map(|(rest, secret)| (secret, rest));
        let secrets = secrets.collect();
        Self { secrets, beginnings, chosen: 0 }
    }

    fn variables(&self) -> Vec<String> {
        let beginning = &self.beginnings[self.chosen];
        self.secrets.iter().map(|(_, rest)| format!("{beginning}{rest}")).collect()
    }
}

fn owners(workspace: &mut Workspace) -> Vec<Owner<'_>> {
    let mut owners = Vec::new();
    let connector = |kind: &str, name: &str, id: Option<String>| {
        let name = variable(name);
        [name.clone(), format!("{kind}_{name}"), format!("{kind}_{name}_{}", short(id))]
    };
    for (name, source) in &mut workspace.code.sources {
        let id = workspace.sources.get(name).map(|(id, _)| id.to_string());
        owners.push(Owner::new(connector("SOURCE", name, id), source.configuration.values_mut()));
    }
    for (name, destination) in &mut workspace.code.destinations {
        let id = workspace.destinations.get(name).map(|(id, _)| id.to_string());
        owners.push(Owner::new(connector("DESTINATION", name, id), destination.configuration.values_mut()));
    }
    for (name, connection) in &mut workspace.code.connections {
        let id = workspace.connections.get(name).map(ToString::to_string);
        let (name, id) = (variable(name), short(id));
        for stream in &mut connection.streams {
            let beginnings = [
                of_mappers(&stream.name),
                format!("{name}_{}", of_mappers(&stream.id().to_string())),
                format!("{name}_{id}_{}", of_mappers(&stream.id().to_string())),
            ];
            owners.push(Owner::new(beginnings, &mut stream.mappers));
        }
    }
    owners
}

/// What the variables of a stream's mappers begin with.
pub(super) fn of_mappers(stream: &str) -> String {
    format!("{}_MAPPER", variable(stream))
}

/// The references of a value. Texts of the server's own refer to nothing, so that each is a secret.
fn references<'a>(value: &'a mut Value, to: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) if refers(text) => to.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| references(item, to)),
        Value::Object(members) => members.values_mut().for_each(|member| references(member, to)),
        _ => {}
    }
}

/// As much of an id as tells two things of one name apart.
fn short(id: Option<String>) -> String {
    id.unwrap_or_default().chars().take(8).collect::<String>().to_uppercase()
}

/// A name as the name of a variable.
pub(super) fn variable(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => text.push(c.to_ascii_uppercase()),
            _ if text.is_empty() || text.ends_with('_') => {}
            _ => text.push('_'),
        }
    }
    let text = text.trim_end_matches('_');
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() {
        format!("_{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model::{Code, Connection, Connector};
    use super::*;

    fn connector(path: &str) -> Connector {
        let configuration = json!({ "password": format!("${{{path}_PASSWORD}}"), "host": "$${HOST}" });
        Connector { configuration: configuration.as_object().cloned().unwrap(), ..Connector::default() }
    }

    fn connection(stream: &str) -> Connection {
        let key = format!("${{{}_0_KEY}}", of_mappers(stream));
        let yaml = json!({
            "source": "Shop", "destination": "Shop",
            "streams": [{ "name": stream, "mappers": [{ "key": key }] }],
        });
        serde_json::from_value(yaml).unwrap()
    }

    #[test]
    fn no_two_secrets_are_read_from_one_variable() {
        let mut workspace = Workspace {
            code: Code {
                sources: [
                    ("Shop".to_owned(), connector("SHOP")),
                    ("Ads".to_owned(), connector("ADS")),
                    ("Ads EU".to_owned(), connector("ADS_EU")),
                    ("Ads (EU)".to_owned(), connector("ADS_EU")),
                ]
                .into(),
                destinations: [("Shop".to_owned(), connector("SHOP"))].into(),
                connections: [
                    ("A".to_owned(), connection("users")),
                    ("B".to_owned(), connection("users")),
                    ("C".to_owned(), connection("orders")),
                ]
                .into(),
                ..Code::default()
            },
            ..Workspace::default()
        };
        for (name, id) in [("Ads EU", "5e0c9a77"), ("Ads (EU)", "0f1d2c3b")] {
            let id = format!("{id}-3a0b-4d3f-8f3c-0f1d2c3b4a59").parse().unwrap();
            workspace.sources.insert(name.to_owned(), (id, json!({})));
        }
        tell_apart(&mut workspace);
        let code = &workspace.code;
        let password = |connector: &Connector| connector.configuration["password"].clone();
        let key = |name: &str| code.connections[name].streams[0].mappers[0]["key"].clone();
        for (found, variable) in [
            (password(&code.sources["Ads"]), "ADS_PASSWORD"),
            (password(&code.sources["Ads EU"]), "SOURCE_ADS_EU_5E0C9A77_PASSWORD"),
            (password(&code.sources["Ads (EU)"]), "SOURCE_ADS_EU_0F1D2C3B_PASSWORD"),
            (password(&code.sources["Shop"]), "SOURCE_SHOP_PASSWORD"),
            (password(&code.destinations["Shop"]), "DESTINATION_SHOP_PASSWORD"),
            (key("A"), "A_USERS_MAPPER_0_KEY"),
            (key("B"), "B_USERS_MAPPER_0_KEY"),
            (key("C"), "ORDERS_MAPPER_0_KEY"),
        ] {
            assert_eq!(found, json!(format!("${{{variable}}}")));
        }
        assert_eq!(code.sources["Shop"].configuration["host"], json!("$${HOST}"));
    }
}
