//! `CloudOrganization`.

use airbyte_sandbox::Edition;
use anyhow::Result;

use crate::table::{Table, row};

pub(crate) async fn rows(t: &mut Table) -> Result<()> {
    let (sandbox, client) = crate::sandbox(Edition::Cloud).await;
    t.section("`CloudOrganization`");
    let organization = row!(
        t,
        "CloudOrganization, CloudOrganization.organization_id",
        client.default_organization()?,
        |it| it.id().to_string() == sandbox.ready().organization_id
    );
    row!(t, "CloudOrganization.organization_name", organization.info().await?.name, |it| it == "Sandbox");
    row!(t, "CloudOrganization.email", organization.info().await?.email, |it| it
        .as_ref()
        .unwrap()
        .contains('@'));
    row!(
        t,
        "CloudOrganization.get_billing_status, CloudOrganization.payment_status, CloudOrganization.subscription_status, CloudOrganization.is_account_locked",
        organization.billing().await?.is_some_and(|billing| billing.is_account_locked()),
        |it| !*it
    );
    sandbox.shutdown().await;
    Ok(())
}
