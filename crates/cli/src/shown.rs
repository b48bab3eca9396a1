//! What people see of each kind of object.

use airbyte_cloud::{
    ConnectionInfo, CustomSourceInfo, CustomSourceKind, DestinationInfo, OrganizationInfo, PermissionInfo,
    PermissionScope, ScheduleInfo, SourceInfo, StreamInfo, TagInfo, UserInfo, WorkspaceInfo,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::output::{Shown, Table, ago};

impl Shown for WorkspaceInfo {
    const COLUMNS: &'static [&'static str] = &["name", "region", "workspace id"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.data_residency.clone(), self.workspace_id.to_string()]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", self.name.clone()),
            ("workspace id", self.workspace_id.to_string()),
            ("region", self.data_residency.clone()),
        ]
    }
}

impl Shown for SourceInfo {
    const COLUMNS: &'static [&'static str] = &["name", "type", "created", "source id"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            connector(&self.source_type),
            age(self.created_at),
            self.source_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("name", self.name.clone()),
            ("type", connector(&self.source_type)),
            ("source id", self.source_id.to_string()),
            ("workspace id", self.workspace_id.to_string()),
        ];
        fields.extend(self.definition_id.map(|id| ("definition id", id.to_string())));
        fields.extend(self.created_at.map(|_| ("created", age(self.created_at))));
        fields
    }

    fn below(&self) -> Option<String> {
        Some(configuration(&self.configuration))
    }
}

impl Shown for DestinationInfo {
    const COLUMNS: &'static [&'static str] = &["name", "type", "created", "destination id"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            connector(&self.destination_type),
            age(self.created_at),
            self.destination_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("name", self.name.clone()),
            ("type", connector(&self.destination_type)),
            ("destination id", self.destination_id.to_string()),
            ("workspace id", self.workspace_id.to_string()),
        ];
        fields.extend(self.definition_id.map(|id| ("definition id", id.to_string())));
        fields.extend(self.created_at.map(|_| ("created", age(self.created_at))));
        fields
    }

    fn below(&self) -> Option<String> {
        Some(configuration(&self.configuration))
    }
}

/// A connector's short name; custom ones have none.
fn connector(name: &str) -> String {
    if name.is_empty() { "custom".to_owned() } else { name.to_owned() }
}

fn configuration(value: &Value) -> String {
    format!("\nconfiguration\n{}", serde_json::to_string_pretty(value).unwrap_or_default())
}

fn age(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| ago(time, Utc::now()))
}

impl Shown for ConnectionInfo {
    const COLUMNS: &'static [&'static str] = &["name", "status", "schedule", "streams", "connection id"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.status.to_string(),
            schedule(&self.schedule),
            self.streams.len().to_string(),
            self.connection_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let namespace = match (&self.namespace_definition, &self.namespace_format) {
            (Some(airbyte_cloud::NamespaceDefinition::CustomFormat), Some(pattern)) => Some(pattern.clone()),
            (definition, _) => definition.as_ref().map(ToString::to_string),
        };
        let mut fields = vec![("name", self.name.clone()), ("status", self.status.to_string())];
        fields.extend(self.status_reason.clone().map(|reason| ("reason", reason)));
        fields.extend([
            ("schedule", schedule(&self.schedule)),
            ("connection id", self.connection_id.to_string()),
            ("source id", self.source_id.to_string()),
            ("destination id", self.destination_id.to_string()),
            ("workspace id", self.workspace_id.to_string()),
        ]);
        fields
            .extend(self.prefix.clone().filter(|prefix| !prefix.is_empty()).map(|prefix| ("prefix", prefix)));
        fields.extend(namespace.map(|namespace| ("namespace", namespace)));
        fields.extend(self.schema_updates.as_ref().map(|it| ("schema updates", it.to_string())));
        if !self.tags.is_empty() {
            fields.push(("tags", self.tags.join(", ")));
        }
        fields.extend(self.created_at.map(|_| ("created", age(self.created_at))));
        fields
    }

    fn below(&self) -> Option<String> {
        let mut streams = Table::new(StreamInfo::COLUMNS);
        self.streams.iter().for_each(|stream| streams.row(stream.cells()));
        Some(format!("\n{streams}"))
    }
}

/// When a connection runs by itself.
pub(crate) fn schedule(schedule: &ScheduleInfo) -> String {
    match schedule {
        ScheduleInfo::Manual
        | ScheduleInfo::Cron { .. }
        | ScheduleInfo::Basic { .. }
        | ScheduleInfo::Unknown { .. } => schedule.to_string(),
        _ => "-".to_owned(),
    }
}

impl Shown for StreamInfo {
    const COLUMNS: &'static [&'static str] = &["stream", "namespace", "sync mode", "cursor", "primary key"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.namespace.clone().unwrap_or_else(|| "-".to_owned()),
            self.sync_mode.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            path(&self.cursor_field),
            paths(&self.primary_key),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}

pub(crate) fn path(path: &[String]) -> String {
    if path.is_empty() { "-".to_owned() } else { path.join(".") }
}

pub(crate) fn paths(paths: &[Vec<String>]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
    path(&[paths.join(", ")].map(|text| if text.is_empty() { "-".to_owned() } else { text }))
}

impl Shown for CustomSourceInfo {
    const COLUMNS: &'static [&'static str] = &["name", "kind", "version", "definition id"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), kind(self.kind).to_owned(), version(self), self.definition_id.to_string()]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("name", self.name.clone()),
            ("kind", kind(self.kind).to_owned()),
            ("version", version(self)),
            ("definition id", self.definition_id.to_string()),
        ];
        fields.extend(self.docker_repository.clone().map(|it| ("image", it)));
        fields.extend(self.documentation_url.clone().map(|it| ("documentation", it)));
        fields
    }

    fn below(&self) -> Option<String> {
        let manifest = self.manifest.as_ref()?;
        Some(format!("\nmanifest\n{}", serde_yaml_ng::to_string(manifest).unwrap_or_default()))
    }
}

fn kind(kind: CustomSourceKind) -> &'static str {
    match kind {
        CustomSourceKind::Docker => "docker",
        _ => "yaml",
    }
}

fn version(info: &CustomSourceInfo) -> String {
    let number = info.version.map(|number| number.to_string());
    number.or_else(|| info.docker_image_tag.clone()).unwrap_or_else(|| "-".to_owned())
}

impl Shown for OrganizationInfo {
    const COLUMNS: &'static [&'static str] = &["name", "email", "organization id"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.email.clone().unwrap_or_else(|| "-".to_owned()),
            self.organization_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}

impl Shown for UserInfo {
    const COLUMNS: &'static [&'static str] = &["name", "email", "user id"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone().unwrap_or_else(|| "-".to_owned()),
            self.email.clone(),
            self.user_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}

impl Shown for TagInfo {
    const COLUMNS: &'static [&'static str] = &["name", "color", "tag id"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.color.clone(), self.tag_id.to_string()]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}

impl Shown for PermissionInfo {
    const COLUMNS: &'static [&'static str] = &["permission", "scope", "user id", "permission id"];

    fn cells(&self) -> Vec<String> {
        let scope = match self.scope {
            PermissionScope::Instance => "everything".to_owned(),
            scope => scope.to_string(),
        };
        vec![
            self.permission_type.to_string(),
            scope,
            self.user_id.to_string(),
            self.permission_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}
