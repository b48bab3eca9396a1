//! What a connector's check of its configuration found.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Redactor;

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckStatus {
    /// The connector reached its system.
    Succeeded,
    /// It did not, or its configuration is wrong.
    Failed,
    /// The check itself broke, so nothing is known about the configuration.
    Broken,
}

/// What a connector's check of its configuration found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// How it ended.
    pub status: CheckStatus,
    /// What the connector says about a failure.
    pub message: Option<String>,
}

impl CheckResult {
    /// Whether the connector reached its system.
    pub fn is_success(&self) -> bool {
        self.status == CheckStatus::Succeeded
    }

    /// The failure as an error of kind [`CheckFailed`](ErrorKind::CheckFailed).
    pub fn into_result(self) -> Result<()> {
        let (what, hint) = match self.status {
            CheckStatus::Succeeded => return Ok(()),
            CheckStatus::Failed => ("the check failed", "correct the configuration and check it again"),
            CheckStatus::Broken => ("the check could not be made", "it says nothing about the configuration"),
        };
        let message = self.message.map_or_else(|| what.to_owned(), |message| format!("{what}: {message}"));
        Err(Error::new(ErrorKind::CheckFailed, message).with_hint(hint))
    }
}

impl From<&Value> for CheckResult {
    fn from(answer: &Value) -> Self {
        let text = |pointer: &str| {
            let text = answer.pointer(pointer)?.as_str()?;
            // Connectors put whatever they like into their messages.
            Some(Redactor::default().clean(text)).filter(|text| !text.is_empty())
        };
        let status = match text("/status").as_deref() {
            Some("succeeded") => CheckStatus::Succeeded,
            Some("failed") => CheckStatus::Failed,
            _ => CheckStatus::Broken,
        };
        let message = text("/message")
            .or_else(|| text("/jobInfo/failureReason/externalMessage"))
            .or_else(|| text("/jobInfo/failureReason/internalMessage"));
        Self { status, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_check_without_a_status_is_broken() {
        let broken = CheckResult::from(&json!({
            "jobInfo": { "succeeded": false, "failureReason": { "externalMessage": "no worker is free" } },
        }));
        assert_eq!(broken.status, CheckStatus::Broken);
        let error = broken.into_result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CheckFailed);
        assert!(error.to_string().contains("no worker is free"), "{error}");
        assert!(CheckResult::from(&json!({ "status": "succeeded" })).into_result().is_ok());
    }
}
