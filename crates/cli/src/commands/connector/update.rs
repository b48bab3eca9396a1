//! Changing the configuration of sources and destinations.

use clap::Args;
use serde_json::{Map, Value};

use super::{ConfigurationArgs, Connector, configuration};
use crate::change::{DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::input;

#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    /// Its name or id
    name: String,
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// Take what is given for the whole configuration; where it has the mask `**********`, a secret stays as it is
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    dry: DryRun,
}

pub(crate) async fn run<C: Connector>(args: UpdateArgs, context: &Context) -> Result<u8, Failure> {
    let given = configuration(&args.configuration)?;
    if given.is_empty() {
        return Err(Failure::usage("nothing to change was given")
            .with_hint("give -f KEY=VALUE, -F KEY=JSON or --config FILE"));
    }
    let client = context.client()?;
    let connector = C::find(context, &client, &args.name).await?;
    let info = connector.info().await?;
    let present = C::configuration(&info).as_object().cloned().unwrap_or_default();
    let mut plan = Plan::new("update", C::NOUN).id(connector.id()).name(C::name_and_workspace(&info).0);
    for line in differences(&present, &given, args.replace) {
        plan = plan.effect(line);
    }
    if !context.goes_on(args.dry, &plan)? {
        return Ok(exit::OK);
    }
    let given = Value::Object(given);
    let info = if args.replace { connector.replace(&given).await? } else { connector.update(&given).await? };
    context.output().show(&info)?;
    Ok(exit::OK)
}

/// The members that will be set or go. Values are not shown: only the server knows which are secret.
fn differences(present: &Map<String, Value>, given: &Map<String, Value>, replace: bool) -> Vec<String> {
    let at = |object: &Map<String, Value>, path: &str| {
        let mut names = path.split('.');
        let first = object.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name)).cloned()
    };
    let set = input::paths(given).into_iter().filter_map(|path| match at(present, &path) {
        Some(value) if at(given, &path).as_ref() == Some(&value) => None,
        Some(_) => Some(format!("configuration.{path} is set anew")),
        None => Some(format!("configuration.{path} is added")),
    });
    let gone = input::paths(present).into_iter().filter(|path| replace && at(given, path).is_none());
    set.chain(gone.map(|path| format!("configuration.{path} is taken away"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stays_is_not_mentioned() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let present = object(json!({ "host": "a", "port": 1, "ssl": { "mode": "x" } }));
        let given = object(json!({ "host": "a", "port": 2, "user": "u" }));
        assert_eq!(
            differences(&present, &given, false),
            ["configuration.port is set anew", "configuration.user is added"]
        );
        assert_eq!(
            differences(&present, &given, true).last().unwrap(),
            "configuration.ssl.mode is taken away"
        );
    }
}
