//! Organizations: what workspaces, users and groups belong to.

use airbyte_api_raw::{config, public};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, UserId};
use crate::open_enum::open_enum;
use crate::permission::PermissionInfo;
use crate::timestamp::from_epoch_seconds;
use crate::user::ListUsers;
use crate::workspace::Workspace;

/// What the server says about an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrganizationInfo {
    /// Its id.
    pub organization_id: OrganizationId,
    /// Its name; not unique.
    pub name: String,
    /// The address of who is responsible for it; a workspace's organization comes without it.
    pub email: Option<String>,
}

impl From<public::types::OrganizationResponse> for OrganizationInfo {
    fn from(response: public::types::OrganizationResponse) -> Self {
        Self {
            organization_id: OrganizationId::new(response.organization_id.0),
            name: response.organization_name,
            email: Some(response.email).filter(|email| !email.is_empty()),
        }
    }
}

open_enum! {
    /// How an organization pays.
    PaymentStatus {
        /// There is no way of paying yet.
        Uninitialized = "uninitialized",
        /// All is well.
        Okay = "okay",
        /// A payment failed; syncs go on until [`Billing::grace_period_ends_at`].
        GracePeriod = "grace_period",
        /// The grace period has passed: no syncs.
        Disabled = "disabled",
        /// Locked by Airbyte: no syncs.
        Locked = "locked",
        /// By other means than the web application.
        Manual = "manual",
    }
}

open_enum! {
    /// Whether an organization has a plan.
    SubscriptionStatus {
        /// Not yet.
        PreSubscription = "pre_subscription",
        /// Not any more.
        Unsubscribed = "unsubscribed",
        /// It has.
        Subscribed = "subscribed",
    }
}

open_enum! {
    /// What makes an organization's account special.
    AccountType {
        /// It need not pay.
        Free = "free",
        /// It is one of Airbyte's own.
        Internal = "internal",
    }
}

/// How an organization of Airbyte Cloud pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Billing {
    /// How it pays.
    pub payment_status: PaymentStatus,
    /// Whether it has a plan.
    pub subscription_status: Option<SubscriptionStatus>,
    /// What makes its account special.
    pub account_type: Option<AccountType>,
    /// When syncs stop because of a payment that failed.
    pub grace_period_ends_at: Option<DateTime<Utc>>,
}

impl Billing {
    /// Whether syncs are stopped for a reason of payment: the payment is disabled or locked, or the plan has
    /// ended.
    pub fn is_account_locked(&self) -> bool {
        matches!(self.payment_status, PaymentStatus::Disabled | PaymentStatus::Locked)
            || self.subscription_status == Some(SubscriptionStatus::Unsubscribed)
    }
}

impl From<config::types::OrganizationInfoReadBilling> for Billing {
    fn from(billing: config::types::OrganizationInfoReadBilling) -> Self {
        Self {
            payment_status: PaymentStatus::from(billing.payment_status.as_str()),
            subscription_status: billing
                .subscription_status
                .map(|status| SubscriptionStatus::from(status.as_str())),
            account_type: billing.account_type.map(|kind| AccountType::from(kind.as_str())),
            grace_period_ends_at: billing.grace_period_ends_at.and_then(from_epoch_seconds),
        }
    }
}

/// What the Config API says about an organization beyond [`OrganizationInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrganizationDetails {
    /// Its id.
    pub organization_id: OrganizationId,
    /// Its name; not unique.
    pub name: String,
    /// Whether its users sign in through an identity provider of its own.
    pub sso: Option<bool>,
    /// Whether that provider manages its users and groups.
    pub scim: Option<bool>,
    /// Its plan, by Airbyte's name for it.
    pub plan_id: Option<String>,
    /// How it pays; `None` on self-managed installations.
    pub billing: Option<Billing>,
}

impl From<config::types::OrganizationInfoRead> for OrganizationDetails {
    fn from(answer: config::types::OrganizationInfoRead) -> Self {
        Self {
            organization_id: answer.organization_id.into(),
            name: answer.organization_name,
            sso: answer.sso,
            scim: answer.scim,
            plan_id: answer.organization_plan_id,
            billing: answer.billing.map(Billing::from),
        }
    }
}

/// An organization, by its id; made by [`Client::organization`].
#[derive(Clone, Debug)]
pub struct Organization {
    client: Client,
    id: OrganizationId,
}

impl Organization {
    /// Its id.
    pub fn id(&self) -> OrganizationId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it: its entry in the list of the caller's organizations (operation
    /// `listOrganizationsForUser`).
    pub async fn info(&self) -> Result<OrganizationInfo> {
        let all = self.client.organizations().await?;
        all.into_iter().find(|info| info.organization_id == self.id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("organization {} was not found", self.id)).with_hint(
                "either it does not exist or the application's user does not belong to it; what is known through one of its workspaces, that workspace tells",
            )
        })
    }

    /// What the Config API says about it, its plan and payment among that (operation `getOrgInfo`).
    pub async fn details(&self) -> Result<OrganizationDetails> {
        self.client.path().config_root()?;
        let id = self.id;
        let body = &config::types::OrganizationIdRequestBody { organization_id: id.into() };
        let operation = Operation::read("getOrgInfo").of("organization", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.config().get_org_info().body(body.clone()).send().await
        });
        call.await.map(OrganizationDetails::from)
    }

    /// How it pays (operation `getOrgInfo` of the Config API); `None` on self-managed installations.
    pub async fn billing(&self) -> Result<Option<Billing>> {
        self.details().await.map(|details| details.billing)
    }

    /// Its users (operation `listUsersWithinAnOrganization`); `.await` the list, or narrow it down first.
    pub fn users(&self) -> ListUsers {
        ListUsers::new(self.client.clone(), self.id)
    }

    /// What one of its users may do in it and its workspaces (operation `listPermissions`). Only its
    /// administrators may ask.
    pub async fn permissions_of(&self, user: UserId) -> Result<Vec<PermissionInfo>> {
        self.client.list_permissions(Some((user, self.id))).await
    }
}

impl Client {
    /// The organizations that the user of these credentials belongs to (operation
    /// `listOrganizationsForUser`). The server has no pages for them.
    pub async fn organizations(&self) -> Result<Vec<OrganizationInfo>> {
        let operation = Operation::read("listOrganizationsForUser");
        let call = self.path().run(operation, |attempt| async move {
            attempt.public().list_organizations_for_user().send().await
        });
        Ok(call.await?.data.into_iter().map(OrganizationInfo::from).collect())
    }

    /// An organization by its id. No request is made, so it may not exist.
    pub fn organization(&self, id: OrganizationId) -> Organization {
        Organization { client: self.clone(), id }
    }

    /// The organization of the settings.
    pub fn default_organization(&self) -> Result<Organization> {
        match &self.settings().organization_id {
            Some(id) => Ok(self.organization(id.value)),
            None => Err(Error::new(ErrorKind::Configuration, "no organization was chosen").with_hint(
                "set AIRBYTE_ORGANIZATION_ID, organization_id in the profile, or give one explicitly",
            )),
        }
    }

    /// The only organization with exactly this name (operation `listOrganizationsForUser`). None is
    /// [`NotFound`](ErrorKind::NotFound); several are [`InvalidInput`](ErrorKind::InvalidInput), and the
    /// error lists their ids.
    pub async fn find_organization(&self, name: &str) -> Result<OrganizationInfo> {
        let all = self.organizations().await?;
        let mut named: Vec<_> = all.iter().filter(|info| info.name == name).cloned().collect();
        match named.len() {
            1 => Ok(named.remove(0)),
            0 => {
                let names: Vec<_> = all.iter().take(10).map(|info| format!("`{}`", info.name)).collect();
                let error = Error::new(ErrorKind::NotFound, format!("no organization is named `{name}`"));
                Err(if names.is_empty() {
                    error.with_hint("these credentials belong to no organization")
                } else {
                    error.with_hint(format!("there are: {}", names.join(", ")))
                })
            }
            count => {
                let ids: Vec<_> = named.iter().map(|info| info.organization_id.to_string()).collect();
                let message = format!("{count} organizations are named `{name}`: {}", ids.join(", "));
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("give the id of the one that is meant"))
            }
        }
    }
}

impl Workspace {
    /// The organization it belongs to (operation `getOrganizationInfo` of the Config API).
    pub async fn organization(&self) -> Result<OrganizationInfo> {
        let details = self.organization_details().await?;
        Ok(OrganizationInfo { organization_id: details.organization_id, name: details.name, email: None })
    }

    /// What the Config API says about the organization it belongs to, for those who belong to the workspace
    /// only (operation `getOrganizationInfo`).
    pub async fn organization_details(&self) -> Result<OrganizationDetails> {
        self.client().path().config_root()?;
        let id = self.id();
        let body = &config::types::WorkspaceIdRequestBody {
            workspace_id: config::types::WorkspaceId(id.into()),
            include_tombstone: None,
        };
        let operation = Operation::read("getOrganizationInfo").of("workspace", id);
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.config().get_organization_info().body(body.clone()).send().await
        });
        call.await.map(OrganizationDetails::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_locked_by_payment_or_plan() {
        let billing = |payment: &str, subscription: Option<&str>| Billing {
            payment_status: payment.into(),
            subscription_status: subscription.map(SubscriptionStatus::from),
            account_type: None,
            grace_period_ends_at: None,
        };
        for (payment, subscription, locked) in [
            ("okay", Some("subscribed"), false),
            ("grace_period", Some("subscribed"), false),
            ("uninitialized", Some("pre_subscription"), false),
            ("manual", None, false),
            ("disabled", Some("subscribed"), true),
            ("locked", None, true),
            ("okay", Some("unsubscribed"), true),
            ("a newer word", Some("subscribed"), false),
        ] {
            assert_eq!(
                billing(payment, subscription).is_account_locked(),
                locked,
                "{payment} {subscription:?}"
            );
        }
    }
}
