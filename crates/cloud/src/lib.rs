//! A client for Airbyte Cloud and self-managed Airbyte: workspaces, connections, jobs and sync results.
//!
//! A whole program: start a sync, or join the one that is running, and wait for its end.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use airbyte_cloud::{Client, ConnectionId, IfRunning, Result};
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     // AIRBYTE_CLIENT_ID, AIRBYTE_CLIENT_SECRET and, unless it is Airbyte Cloud, AIRBYTE_API_URL
//!     let client = Client::from_env()?;
//!     let id: ConnectionId = "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59".parse()?;
//!
//!     let sync = client.connection(id).sync().if_running(IfRunning::Attach).await?;
//!     println!("job {} started at {}", sync.job_id(), sync.started_at());
//!
//!     match sync.wait().timeout(Duration::from_secs(3600)).await {
//!         Ok(job) => println!("{} records", job.records_synced.unwrap_or(0)),
//!         Err(error) => {
//!             eprintln!("{error}");
//!             for failure in error.failures() {
//!                 eprintln!("  {failure}");
//!             }
//!             if let Some(hint) = error.hint() {
//!                 eprintln!("hint: {hint}");
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What to know
//!
//! - Handles ([`Workspace`], [`Connection`], [`Job`], ...) hold an id and make no request until asked. Lists
//!   and waits are values too: `.await` them, or read them as streams ([`Pager`], [`Poller`]).
//! - A sync starts exactly once, whatever happens to the request ([`SyncRequest`]), and waiting survives
//!   failed looks, restarts of the server and tokens that end ([`Poller`]; for many jobs at once [`JobWatcher`]).
//! - Every failure is an [`Error`] with a [kind](ErrorKind), a hint, and what the server said. Secrets are
//!   kept out of errors, logs and addresses.
//! - Settings come from the program, the environment ([`mod@env`]), or a profile file; [`Client::settings`] tells
//!   which.
//! - Calls are recorded as [`tracing`] spans `airbyte_call` at level debug: operation, method, path, the id of the
//!   last request, attempts, status, duration, outcome. Queries and bodies are never recorded, and nothing is ever
//!   printed.
//! - Everything runs on a tokio runtime; programs without one use the feature `blocking`.
//! - What is not wrapped can be reached with [`Client::request`] and [`Client::raw`].
//!
//! # Coming from PyAirbyte
//!
//! `docs/coming-from-pyairbyte.md` in the repository has each name of `airbyte.cloud` and its counterpart here.

mod actor;
mod application;
mod attempt;
mod attempts;
mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod call;
mod catalog;
mod check;
mod classify;
mod clear;
mod client;
mod clock;
mod connection;
mod context;
mod create;
mod create_connection;
mod created;
mod credentials;
mod custom_source;
mod dataplane;
#[cfg(test)]
#[path = "../../../tests/src/decoder.rs"]
mod decoder;
mod delete;
mod destination;
mod diff;
mod draft;
mod edit;
mod edit_diff;
pub mod env;
mod error;
mod failure;
#[cfg(test)]
mod fuzz;
mod group;
mod health;
mod hint;
mod ids;
mod job;
mod job_board;
mod job_watcher;
mod layers;
mod list;
mod live_log;
mod log;
mod manifest;
mod network;
mod oauth;
mod open_enum;
mod organization;
mod pager;
mod permission;
mod poller;
mod preflight;
mod problem;
mod profile;
mod publish;
mod raw;
mod redact;
mod refresh;
mod region;
mod request;
mod retry;
mod schedule;
mod schema_refresh;
mod secret_mask;
mod settings;
mod source;
mod start;
mod state;
mod state_messages;
mod stream;
mod stream_properties;
mod stream_status;
mod sync;
mod sync_result;
mod tag;
mod ticket;
mod timestamp;
mod tls;
mod token_cache;
mod user;
mod watch;
mod web_links;
mod workspace;
mod workspace_scope;

/// The bindings that [`Client::raw`] gives access to, with their types.
pub use airbyte_api_raw as api_raw;
pub use application::{ApplicationId, ApplicationInfo};
pub use attempt::{Attempt, AttemptInfo, AttemptStatus, StreamStats};
pub use builder::ClientBuilder;
pub use catalog::{Catalog, CatalogStream};
pub use check::{CheckResult, CheckStatus};
pub use clear::ClearRequest;
pub use client::Client;
pub use clock::{Clock, SystemClock};
pub use connection::{
    Connection, ConnectionInfo, ConnectionStatus, ListConnections, NamespaceDefinition, SchemaUpdates,
};
pub use context::DefaultContext;
pub use create::{Create, CreateDestination, CreateSource};
pub use create_connection::CreateConnection;
pub use custom_source::{
    BuilderProject, CustomSourceDefinition, CustomSourceInfo, CustomSourceKind, DeleteCustomSource,
};
pub use dataplane::{Dataplane, DataplaneInfo, NewDataplane};
pub use delete::{DeleteConnection, DeleteRequest};
pub use destination::{Destination, DestinationInfo, ListDestinations};
pub use diff::{Diff, FieldChange};
pub use edit::{ConnectionChange, ConnectionEdit};
pub use error::{Error, ErrorKind, Result};
pub use failure::{Failure, FailureOrigin, FailureType};
pub use group::{Group, GroupInfo, GroupMemberInfo, GroupPermissionInfo, ListGroupMembers, ListGroups};
pub use health::{ConnectionHealth, HealthStatus};
pub use http::Method;
pub use ids::{
    ConnectionId, DataplaneId, DefinitionId, DestinationId, GroupId, JobId, OrganizationId, PermissionId,
    RegionId, SourceId, TagId, UserId, WorkspaceId,
};
pub use job::{Job, JobInfo, JobStatus, JobType, ListJobs};
pub use job_watcher::JobWatcher;
pub use list::List;
pub use log::{LogLevel, LogLine, LogRequest, LogSource};
pub use manifest::Manifest;
pub use oauth::{ActorType, OAuthConsent, StartOAuth};
pub use organization::{
    AccountType, Billing, Organization, OrganizationDetails, OrganizationInfo, PaymentStatus,
    SubscriptionStatus,
};
pub use pager::{Continuation, Page, Pager, Pages};
pub use permission::{Permission, PermissionInfo, PermissionScope, PermissionType};
pub use poller::{JobProgress, Poller, PollingPolicy, Update};
pub use preflight::{Blocker, Preflight};
pub use problem::Problem;
pub use profile::{DEFAULT_PROFILE, default_profile_file};
pub use publish::PublishCustomSource;
pub use raw::Raw;
pub use redact::is_secret_name;
pub use refresh::{RefreshMode, RefreshRequest};
pub use region::{Region, RegionInfo};
pub use request::{Api, ApiRequest, ApiResponse};
pub use retry::RetryPolicy;
pub use schedule::{CronExpression, Schedule, ScheduleInfo};
pub use schema_refresh::{SchemaChange, SchemaChangeKind, SchemaChangeType, SchemaRefresh};
pub use secrecy::SecretString;
pub use settings::{AuthMethod, Origin, Setting, Settings};
pub use source::{ListSources, Source, SourceInfo};
pub use state::{ConnectionState, StateBlob, StateType, StreamState};
pub use stream::{StreamId, StreamInfo, StreamSelection, SyncMode};
pub use stream_properties::{ListStreams, StreamProperties};
pub use stream_status::{IncompleteCause, StreamJob, StreamRunState, StreamStatus, SyncProgress};
pub use sync::{IfRunning, SyncRequest};
pub use sync_result::SyncResult;
pub use tag::{Tag, TagInfo};
pub use ticket::JobTicket;
pub use user::{CurrentUser, ListUsers, UserInfo, UserStatus};
pub use web_links::{CLOUD_API_ROOT, CLOUD_CONFIG_API_ROOT};
pub use workspace::{CreateWorkspace, ListWorkspaces, Workspace, WorkspaceInfo};
pub use workspace_scope::{ListOrganizationWorkspaces, OrganizationFilter, WorkspaceScope, WorkspaceSummary};
