//! Why attempts fail.

use std::fmt;

use airbyte_api_raw::config::types;
use chrono::{DateTime, TimeZone, Utc};
use serde::Serialize;

use crate::open_enum::open_enum;
use crate::redact::Redactor;

open_enum! {
    /// Which part of a job failed.
    FailureOrigin {
        /// The source connector.
        Source = "source",
        /// The destination connector.
        Destination = "destination",
        /// What moves records between the two.
        Replication = "replication",
        /// Storing the sync's state.
        Persistence = "persistence",
        /// Airbyte itself.
        Platform = "airbyte_platform",
        /// Normalization, in older versions.
        Normalization = "normalization",
        /// A dbt transformation, in older versions.
        Dbt = "dbt",
    }
}

open_enum! {
    /// What kind of failure it is.
    FailureType {
        /// Someone has to change the configuration; not retried.
        ConfigError = "config_error",
        /// A fault of the software.
        SystemError = "system_error",
        /// Someone cancelled the job.
        ManualCancellation = "manual_cancellation",
        /// The source's schema has to be read again.
        RefreshSchema = "refresh_schema",
        /// The source fell silent.
        HeartbeatTimeout = "heartbeat_timeout",
        /// The destination fell silent.
        DestinationTimeout = "destination_timeout",
        /// Something passing; retried.
        TransientError = "transient_error",
    }
}

/// One reason why an attempt of a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// Which part failed.
    pub origin: FailureOrigin,
    /// What kind of failure it is.
    #[serde(rename = "type")]
    pub failure_type: FailureType,
    /// What happened, for the connection's owner.
    pub message: String,
    /// What happened, in the software's words; where a check of the configuration failed, this is the real
    /// reason.
    pub internal_message: Option<String>,
    /// The attempt, counted from 0.
    pub attempt: i64,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

impl Failure {
    pub(crate) fn new(attempt: i64, reason: &types::FailureReason) -> Self {
        // Connectors put whatever they like into their messages.
        let clean = |text: &Option<String>| {
            text.as_deref().map(|text| Redactor::default().clean(text)).filter(|text| !text.is_empty())
        };
        let internal_message = clean(&reason.internal_message);
        let origin = reason.failure_origin.as_ref().map_or("unknown", |origin| origin.as_str());
        let failure_type = reason.failure_type.as_ref().map_or("unknown", |kind| kind.as_str());
        Self {
            origin: FailureOrigin::from(origin),
            failure_type: FailureType::from(failure_type),
            message: clean(&reason.external_message)
                .or_else(|| internal_message.clone())
                .unwrap_or_else(|| "no reason was given".to_owned()),
            internal_message,
            attempt,
            at: Utc.timestamp_millis_opt(reason.timestamp).single(),
        }
    }

    /// Whether it is the same reason, perhaps of another attempt.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        (&self.origin, &self.failure_type, &self.message)
            == (&other.origin, &other.failure_type, &other.message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.origin, self.failure_type, self.message)
    }
}
