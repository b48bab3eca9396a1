//! Typed identifiers, so that a source id cannot be passed where a connection id is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, ErrorKind};

/// Defines an identifier around a UUID.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads the usual text form. The server answers a malformed id with 500 or 403, so it is
            /// refused here, before any request.
            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::try_parse(text.trim()).map(Self).map_err(|source| {
                    Error::new(
                        ErrorKind::InvalidInput,
                        format!("`{}` is not a {} id", shorten(text), $what),
                    )
                    .with_hint(concat!(
                        "a ", $what, " id is a UUID such as 0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47; ",
                        "it is the last part of the object's address in the web application"
                    ))
                    .with_source(source)
                })
            }
        }
    };
}

uuid_id!(
    /// Identifies a workspace.
    WorkspaceId,
    "workspace"
);
uuid_id!(
    /// Identifies a source.
    SourceId,
    "source"
);
uuid_id!(
    /// Identifies a destination.
    DestinationId,
    "destination"
);
uuid_id!(
    /// Identifies a connection.
    ConnectionId,
    "connection"
);
uuid_id!(
    /// Identifies an organization.
    OrganizationId,
    "organization"
);
uuid_id!(
    /// Identifies a connector definition (the kind of a source or destination).
    DefinitionId,
    "definition"
);

uuid_id!(
    /// Identifies a tag of a workspace's connections.
    TagId,
    "tag"
);
uuid_id!(
    /// Identifies a permission: what a user or a group may do in one place.
    PermissionId,
    "permission"
);
uuid_id!(
    /// Identifies a user.
    UserId,
    "user"
);
uuid_id!(
    /// Identifies a group of users.
    GroupId,
    "group"
);
uuid_id!(
    /// Identifies a region: where data is processed.
    RegionId,
    "region"
);
uuid_id!(
    /// Identifies a data plane: what does the work of a region.
    DataplaneId,
    "data plane"
);

/// Identifies a job.
///
/// Job ids come from one increasing sequence of the whole installation: a job with a larger id was
/// created later, and one connection's ids have gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(i64);

impl JobId {
    /// Wraps a job number.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The job number itself.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl From<i64> for JobId {
    fn from(id: i64) -> Self {
        Self(id)
    }
}

impl From<JobId> for i64 {
    fn from(id: JobId) -> Self {
        id.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().parse::<i64>() {
            Ok(id) if id > 0 => Ok(Self(id)),
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not a job id", shorten(text)))
                .with_hint("a job id is a positive whole number; `job list` shows them")),
        }
    }
}

/// Keeps a pasted novel out of an error message.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_id_is_refused_by_name() {
        let error = "not-a-uuid".parse::<ConnectionId>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "`not-a-uuid` is not a connection id");
        assert!(error.hint().unwrap().contains("UUID"));
    }

    #[test]
    fn ids_round_trip_as_text_and_json() {
        let text = "0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47";
        let id: WorkspaceId = format!(" {text}\n").parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        assert_eq!(format!("{id:?}"), format!("WorkspaceId({text})"));
    }

    #[test]
    fn job_ids_are_positive_numbers() {
        assert_eq!("17".parse::<JobId>().unwrap(), JobId::new(17));
        for bad in ["0", "-3", "1.5", "", "abc"] {
            assert_eq!(bad.parse::<JobId>().unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn a_long_text_is_shortened_in_the_message() {
        let message = "x".repeat(500).parse::<SourceId>().unwrap_err().to_string();
        assert!(message.len() < 100, "{message}");
    }
}
