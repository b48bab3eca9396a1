//! Which credentials a client uses.
//!
//! The highest layer that names any credential decides: what the program gave, then the environment, then
//! the profile. Only the missing half of a pair is looked for further down.

use secrecy::{ExposeSecret, SecretString};

use crate::auth::Auth;
use crate::env::Variable;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::{Explicit, Layers};
use crate::profile;
use crate::settings::{AuthMethod, Origin, Setting};

type Chosen = (Setting<AuthMethod>, Auth);

/// Chooses, and refuses contradictions.
pub(crate) fn choose(explicit: &Explicit, layers: &Layers<'_>, warnings: &mut Vec<String>) -> Result<Chosen> {
    only_one(&[
        (explicit.client_credentials.is_some(), "client_credentials"),
        (explicit.bearer_token.is_some(), "bearer_token"),
        (explicit.no_auth, "no_auth"),
    ])?;
    if explicit.no_auth {
        return Ok((Setting::new(AuthMethod::None, Origin::Explicit), Auth::None));
    }
    if let Some(token) = &explicit.bearer_token {
        return bearer(token.clone(), Origin::Explicit);
    }
    if let Some((id, secret)) = &explicit.client_credentials {
        return client_credentials(id.clone(), secret.clone(), Origin::Explicit);
    }
    let (id, secret) =
        (layers.in_environment(Variable::ClientId), layers.in_environment(Variable::ClientSecret));
    if let Some(token) = layers.in_environment(Variable::BearerToken) {
        // As PyAirbyte has it, so not a contradiction; but worth telling.
        if id.is_some() || secret.is_some() {
            warnings.push(format!(
                "the client credentials of the environment are ignored: {} comes first",
                token.origin
            ));
        }
        return bearer(token.value.into(), token.origin);
    }
    if id.is_some() || secret.is_some() {
        let id = id.or_else(|| layers.in_profile(Variable::ClientId));
        return pair(id, secret.or_else(|| layers.in_profile(Variable::ClientSecret)));
    }
    from_profile(layers)
}

fn from_profile(layers: &Layers<'_>) -> Result<Chosen> {
    let (id, secret) = (layers.in_profile(Variable::ClientId), layers.in_profile(Variable::ClientSecret));
    let token = layers.in_profile(Variable::BearerToken);
    let no_auth = layers.loaded.profile.no_auth;
    let pair_given = id.is_some() || secret.is_some();
    only_one(&[(pair_given, "client_id"), (token.is_some(), "bearer_token"), (no_auth, "no_auth")])?;
    match token {
        _ if no_auth => Ok((Setting::new(AuthMethod::None, layers.profile_origin()), Auth::None)),
        Some(token) => bearer(token.value.into(), token.origin),
        None => pair(id, secret),
    }
}

fn only_one(given: &[(bool, &str)]) -> Result<()> {
    let given: Vec<_> = given.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    match given[..] {
        [one, other, ..] => {
            Err(Error::new(ErrorKind::Configuration, format!("{one} and {other} are both given"))
                .with_hint("choose one way to authorise calls and leave the other out"))
        }
        _ => Ok(()),
    }
}

fn pair(id: Option<Setting<String>>, secret: Option<Setting<String>>) -> Result<Chosen> {
    match (id, secret) {
        (Some(id), Some(secret)) => client_credentials(id.value, secret.value.into(), id.origin),
        (Some(id), None) => Err(half(&id.origin, "client id", Variable::ClientSecret)),
        (None, Some(secret)) => Err(half(&secret.origin, "client secret", Variable::ClientId)),
        (None, None) => Err(none()),
    }
}

/// One half of a pair is of no use.
fn half(origin: &Origin, there: &str, missing: Variable) -> Error {
    let variable = missing.name();
    let field = variable.trim_start_matches("AIRBYTE_").to_ascii_lowercase();
    Error::new(
        ErrorKind::MissingCredentials,
        format!("the {there} is given ({origin}), but neither {variable} nor {field} of a profile"),
    )
    .with_hint("client id and client secret belong together")
}

fn none() -> Error {
    let file = profile::default_profile_file()
        .map_or_else(|| "a profile file".to_owned(), |file| file.display().to_string());
    Error::new(ErrorKind::MissingCredentials, "no credentials were given").with_hint(format!(
        "set {} and {} (or {}), or write client_id and client_secret to {file}",
        Variable::ClientId.name(),
        Variable::ClientSecret.name(),
        Variable::BearerToken.name(),
    ))
}

fn bearer(token: SecretString, origin: Origin) -> Result<Chosen> {
    refuse_empty(token.expose_secret(), "bearer token", &origin)?;
    Ok((Setting::new(AuthMethod::BearerToken, origin), Auth::bearer(token)?))
}

fn client_credentials(id: String, secret: SecretString, origin: Origin) -> Result<Chosen> {
    refuse_empty(&id, "client id", &origin)?;
    refuse_empty(secret.expose_secret(), "client secret", &origin)?;
    let method = AuthMethod::ClientCredentials { client_id: id.clone() };
    Ok((Setting::new(method, origin), Auth::client_credentials(id, secret)))
}

fn refuse_empty(value: &str, name: &str, origin: &Origin) -> Result<()> {
    if value.trim().is_empty() {
        return Err(Error::new(ErrorKind::MissingCredentials, format!("the {name} is empty ({origin})")));
    }
    Ok(())
}
