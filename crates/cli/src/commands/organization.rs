//! Organizations.

use airbyte_cloud::{Client, Organization, OrganizationDetails};
use clap::Subcommand;

use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;
use crate::output::Shown;

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// The organizations that the credentials belong to
    ///
    /// Example: airbyte organization list
    List,
    /// One organization, with its plan and payments where they are told
    ///
    /// Example: airbyte organization get "Acme"
    Get {
        /// Its name or id [default: the organization that is set, or that of the workspace]
        name: Option<String>,
    },
    /// The users of an organization
    ///
    /// Example: airbyte organization users "Acme" --output json --fields email,user_id
    Users {
        /// Its name or id [default: the organization that is set, or that of the workspace]
        name: Option<String>,
    },
}

impl Shown for OrganizationDetails {
    const COLUMNS: &'static [&'static str] = &["name", "organization id"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.organization_id.to_string()]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let word = |on: bool| if on { "yes" } else { "no" }.to_owned();
        let mut fields =
            vec![("name", self.name.clone()), ("organization id", self.organization_id.to_string())];
        fields.extend(self.sso.map(|on| ("single sign-on", word(on))));
        fields.extend(self.scim.map(|on| ("scim", word(on))));
        fields.extend(self.plan_id.clone().map(|plan| ("plan", plan)));
        if let Some(billing) = &self.billing {
            fields.push(("payment", billing.payment_status.to_string()));
            fields.extend(billing.subscription_status.as_ref().map(|it| ("subscription", it.to_string())));
            fields.extend(billing.account_type.as_ref().map(|it| ("account", it.to_string())));
            if billing.is_account_locked() {
                fields.push(("locked", "yes".to_owned()));
            }
        }
        fields
    }
}

pub(crate) async fn run(command: OrganizationCommand, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        OrganizationCommand::List => context.output().show_list(&client.organizations().await?)?,
        OrganizationCommand::Get { name } => {
            context.output().show(&find(name.as_deref(), &client, context).await?.details().await?)?;
        }
        OrganizationCommand::Users { name } => {
            context.output().show_list(&find(name.as_deref(), &client, context).await?.users().await?)?;
        }
    }
    Ok(exit::OK)
}

async fn find(given: Option<&str>, client: &Client, context: &Context) -> Result<Organization, Failure> {
    if let Some(given) = given {
        return names::organization(client, given).await;
    }
    if let Ok(organization) = client.default_organization() {
        return Ok(organization);
    }
    let workspace = context.workspace(client).await?;
    Ok(client.organization(workspace.organization().await?.organization_id))
}
