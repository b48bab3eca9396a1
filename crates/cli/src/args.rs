//! What can be typed.

use std::ffi::OsString;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands::{
    api, auth, connection, connector, dataset, definition, demo, job, organization, permission, sandbox, tag,
    workspace,
};

/// The version, with those of the API documents that it was made for.
fn version() -> String {
    use airbyte_cloud::api_raw::{ClientInfo, Hooks, config, public};
    format!(
        "{} (public API {}, Config API {})",
        env!("CARGO_PKG_VERSION"),
        <public::Client as ClientInfo<Hooks>>::api_version(),
        <config::Client as ClientInfo<Hooks>>::api_version()
    )
}

/// Start and watch Airbyte syncs, and read what they left in the destination.
#[derive(Debug, Parser)]
#[command(
    name = "airbyte",
    version = version(),
    about = "Start and watch Airbyte syncs, and read what they left in the destination",
    disable_help_subcommand = true,
    max_term_width = 110,
    after_help = "\
Begin with `airbyte demo`, which needs no account, or with `airbyte auth login`.

Settings come from the options, the environment (AIRBYTE_CLIENT_ID, AIRBYTE_CLIENT_SECRET, AIRBYTE_BEARER_TOKEN, \
AIRBYTE_WORKSPACE_ID, AIRBYTE_API_URL, ...) or a profile file, in this order.

Exit codes: 0 ok, 1 the operation failed, 2 usage, 3 not authorised, 4 not found, 5 network, server or \
time-out, 6 conflict, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// The profile to take settings from [default: AIRBYTE_PROFILE, or `default`]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) profile: Option<String>,
    /// Root of the public API, such as https://HOST/api/public/v1 [default: Airbyte Cloud]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) api_root: Option<String>,
    /// Root of the Config API [default: inferred from the public one]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) config_api_root: Option<String>,
    /// The workspace to work in [default: AIRBYTE_WORKSPACE_ID, or the only one there is]
    #[arg(long, global = true, value_name = "WORKSPACE", help_heading = "Global options")]
    pub(crate) workspace: Option<String>,
    /// How results are printed
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "table",
        value_name = "FORM",
        help_heading = "Global options"
    )]
    pub(crate) output: OutputForm,
    /// Print these fields only, as JSON names them; dots lead into objects
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAME", help_heading = "Global options")]
    pub(crate) fields: Vec<String>,
    /// Print results and errors only
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Log requests to standard error; twice for all of it
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// No colours
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_color: bool,
    /// Send credentials over plain HTTP to a host that is not this machine
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) allow_insecure_http: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people
    #[default]
    Table,
    /// One JSON value
    Json,
    /// One JSON object a line
    Jsonl,
}

/// The form for programs that a command line asks for, if it asks for one: also where it makes no sense otherwise.
pub(crate) fn output_form(arguments: impl Iterator<Item = OsString>) -> Option<OutputForm> {
    let words: Vec<OsString> = arguments.collect();
    let after = |index: usize| words.get(index + 1).and_then(|word| word.to_str());
    words.iter().enumerate().find_map(|(index, word)| {
        let value = match word.to_str()? {
            "--output" => after(index)?,
            word => word.strip_prefix("--output=")?,
        };
        OutputForm::from_str(value, false).ok().filter(|form| *form != OutputForm::Table)
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch the whole loop on this machine: a local Airbyte, a sync, the rows read back
    ///
    /// It needs no account and no network, and leaves nothing behind but the file with the rows.
    ///
    /// Example: airbyte demo --file people.csv
    Demo(demo::DemoArgs),
    /// Run a local Airbyte that answers the real API and really moves rows
    ///
    /// It runs until Ctrl-C. The lines that it prints give other commands the way to it.
    ///
    /// Example: airbyte sandbox --seed demo
    Sandbox(sandbox::SandboxArgs),
    /// Credentials
    #[command(subcommand)]
    Auth(auth::AuthCommand),
    /// Organizations
    #[command(subcommand)]
    Organization(organization::OrganizationCommand),
    /// Workspaces
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
    /// Sources
    #[command(subcommand)]
    Source(connector::ConnectorCommand),
    /// Destinations
    #[command(subcommand)]
    Destination(connector::ConnectorCommand),
    /// Custom connectors
    #[command(subcommand)]
    Definition(definition::DefinitionCommand),
    /// Connections, and their syncs
    #[command(subcommand)]
    Connection(connection::ConnectionCommand),
    /// Jobs
    #[command(subcommand)]
    Job(job::JobCommand),
    /// The data that syncs left in the destination
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Tags of connections
    #[command(subcommand)]
    Tag(tag::TagCommand),
    /// Permissions: who may do what
    #[command(subcommand)]
    Permission(permission::PermissionCommand),
    /// Call any operation of the API
    ///
    /// Example: airbyte api GET /tags -f workspaceIds=9b0a7c1e-7f0e-4a53-8b19-1d5f6a3c2b10
    ///
    /// Example: airbyte api POST /connections --input connection.json
    ///
    /// Example: airbyte api POST /state/get --config-api -f connectionId=5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59
    Api(api::ApiArgs),
    /// Print a completion script for a shell
    ///
    /// Example: airbyte completion bash > ~/.local/share/bash-completion/completions/airbyte
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages for all commands into a folder
    ///
    /// Example: airbyte man ~/.local/share/man/man1
    Man {
        /// The folder, made where it is missing
        folder: std::path::PathBuf,
    },
    /// Print the help of a command, which `--help` behind it does, too
    ///
    /// Example: airbyte help connection sync
    Help {
        /// The command
        #[arg(value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Print the reference of all commands as Markdown
    #[command(hide = true)]
    Reference,
}

/// The nouns that share their verbs, each with a name for the examples.
const SHARED: [(&str, &str); 2] = [("source", "Shop"), ("destination", "Warehouse")];

/// All commands, with their nouns in the texts of those that several nouns share.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let nouns: Vec<String> = command.get_subcommands().map(|noun| noun.get_name().to_owned()).collect();
    // Whichever is changed goes to the end, so that all of them are touched.
    nouns.into_iter().fold(command, |command, noun| {
        let shared = SHARED.iter().find(|(shared, _)| *shared == noun);
        command.mut_subcommand(noun, |command| match shared {
            Some((noun, name)) => with_noun(command, noun, name),
            None => command,
        })
    })
}

/// Puts the noun, and the name of one, into the texts of a noun's verbs.
fn with_noun(command: clap::Command, noun: &str, name: &str) -> clap::Command {
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let file = name.to_lowercase();
    verbs.into_iter().fold(command, |command, verb| {
        command.mut_subcommand(verb, |verb| {
            let filled = |text: &clap::builder::StyledStr| {
                text.to_string().replace("NOUN", noun).replace("NAMED", name).replace("FILED", &file)
            };
            let (short, long) = (verb.get_about().map(filled), verb.get_long_about().map(filled));
            let verb = short.into_iter().fold(verb, clap::Command::about);
            long.into_iter().fold(verb, clap::Command::long_about)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_makes_sense_and_no_noun_is_missing() {
        command().debug_assert();
        let mut command = command();
        for noun in command.get_subcommands_mut() {
            for verb in noun.get_subcommands_mut() {
                let help = verb.render_long_help().to_string();
                for placeholder in ["NOUN", "NAMED", "FILED"] {
                    assert!(!help.contains(placeholder), "{}", verb.get_name());
                }
            }
        }
    }
    #[test]
    fn what_cannot_be_undone_has_its_yes_and_can_be_looked_at_first() {
        const WORDS: [&str; 6] = ["delete", "remove", "revoke", "clear", "reset", "cancel"];
        let mut found = 0;
        for noun in command().get_subcommands() {
            for verb in noun.get_subcommands().filter(|verb| WORDS.contains(&verb.get_name())) {
                let has = |name: &str| verb.get_arguments().any(|argument| argument.get_long() == Some(name));
                assert!(has("yes") && has("dry-run"), "{} {}", noun.get_name(), verb.get_name());
                found += 1;
            }
        }
        assert!(found >= 10, "{found}");
    }
}
