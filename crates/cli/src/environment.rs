//! The environment variables that the command reads itself; those of the client are in `airbyte_cloud::env`, and the
//! command reads three of them where it makes a profile: `AIRBYTE_API_URL`, `AIRBYTE_CONFIG_API_URL`, `AIRBYTE_PROFILE`.
//!
//! | variable | what for |
//! |---|---|
//! | `AIRBYTE_PAGER`, `PAGER` | the program that shows long results, page by page; empty or `cat` for none |
//! | `LESS` | the options of a pager that is `less`; `FRX` if it is not set |
//! | `TERM` | `dumb` for a terminal that can do nothing but write |
//! | any that a file names as `${NAME}` | secrets that files refer to instead of holding them |

use airbyte_cloud::env::Variable;

/// The program that shows long results; `None` if none is wanted.
pub(crate) fn pager() -> Option<String> {
    let set = ["AIRBYTE_PAGER", "PAGER"].into_iter().find_map(|name| std::env::var(name).ok());
    let pager = set.unwrap_or_else(|| "less -FRX".to_owned());
    Some(pager).filter(|pager| !matches!(pager.trim(), "" | "cat"))
}

/// Whether somebody has said how `less` behaves.
pub(crate) fn has_less_options() -> bool {
    std::env::var_os("LESS").is_some()
}

/// A setting of the client, for commands that work without a client made of all of them.
pub(crate) fn setting(variable: Variable) -> Option<String> {
    variable.names().iter().find_map(|name| referred(name))
}

/// A variable that a file refers to. What is set to the empty text is not there.
pub(crate) fn referred(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the terminal can do nothing but write.
pub(crate) fn terminal_is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|terminal| terminal == "dumb")
}
