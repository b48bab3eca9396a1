//! Partial changes of a connection: what is not given, or null, stays as it is.

use serde_json::Value;

use super::connections::named;
use super::sync_mode;
use crate::app::App;
use crate::http::answer::Refusal;
use crate::http::connections::STATUSES;
use crate::http::request::Body;
use crate::http::{schedules, tags};
use crate::jobs;
use crate::model::{ConfiguredStream, Connection, Schedule};
use crate::sources::{Field, FieldType, Stream};
use crate::{mappers, schema};

/// What a schedule that is not a cron expression counts in.
pub(super) const TIME_UNITS: &[&str] = &["minutes", "hours", "days", "weeks", "months"];

/// Changes the connection that the body names as the body says. Returns it as it was and as it is.
pub(super) fn apply(app: &App, body: &Body) -> Result<(Connection, Connection), Refusal> {
    app.store.change(|| {
        let before: Connection = named(app, body, "connectionId")?;
        let mut after = before.clone();
        set(app, &mut after, body)?;
        Ok((before, after))
    })
}

/// Sets what the body gives and stores the connection, new or not.
pub(super) fn set(app: &App, connection: &mut Connection, body: &Body) -> Result<(), Refusal> {
    let before = connection.clone();
    let namespaces = &["source", "destination", "customformat"];
    let preferences = &["ignore", "disable", "propagate_columns", "propagate_fully"];
    if let Some(name) = body.text("name")? {
        name.clone_into(&mut connection.name);
    }
    if let Some(status) = body.one_of("status", STATUSES)? {
        status.clone_into(&mut connection.status);
    }
    if let Some(namespace) = body.one_of("namespaceDefinition", namespaces)? {
        connection.namespace_definition = namespace.replace("customformat", "custom_format");
    }
    if let Some(preference) = body.one_of("nonBreakingChangesPreference", preferences)? {
        connection.non_breaking_schema_updates = match preference {
            "disable" => "disable_connection".to_owned(),
            other => other.to_owned(),
        };
    }
    if let Some(format) = body.text("namespaceFormat")? {
        connection.namespace_format = Some(format.to_owned());
    }
    if let Some(prefix) = body.text("prefix")? {
        connection.prefix = Some(prefix.to_owned());
    }
    if let Some(schedule) = schedule(app, body)? {
        connection.schedule = schedule;
    }
    if let Some(streams) = body.0.pointer("/syncCatalog/streams").and_then(Value::as_array) {
        // Whoever sends a catalog has seen what the source offers by now.
        connection.catalog_id = match body.given("sourceCatalogId") {
            Some(_) => Some(body.required_id("sourceCatalogId")?),
            None => schema::latest(app, connection.source_id)?.map(|catalog| catalog.id),
        };
        let offered = schema::of_connection(app, connection)?.map(|catalog| catalog.streams);
        let selected = selected(streams, &offered.unwrap_or_default())?;
        connection.streams = mappers::unmasked(selected, &before.streams)?;
        connection.is_broken = false;
    }
    if let Some(broken) = body.given("breakingChange").and_then(Value::as_bool) {
        connection.is_broken = broken;
    }
    if let Some(tags) = tags::requested(app, body)? {
        connection.tags = tags;
    }
    jobs::forget_changed_modes(app, &before, connection)?;
    app.store.put(connection)?;
    if connection.status == "inactive" {
        jobs::cancel_queued(app, connection.id)?;
    }
    Ok(())
}

/// The selected streams of a catalog. Nothing is checked against what the source offers, but a cursor and a key that it
/// defines go before those that are given.
fn selected(streams: &[Value], offered: &[Stream]) -> Result<Vec<ConfiguredStream>, Refusal> {
    let (mut selected, mut unfit) = (Vec::new(), Vec::new());
    for entry in streams {
        let config = Body(entry["config"].clone());
        if config.given("selected") != Some(&Value::Bool(true)) {
            continue;
        }
        let stream = Body(entry["stream"].clone());
        let path = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let list = |name: &str| config.given(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let fields =
            || list("selectedFields").iter().filter_map(|field| path(&field["fieldPath"]).pop()).collect();
        let selects_fields = config.given("fieldSelectionEnabled") == Some(&Value::Bool(true));
        let mut configured = ConfiguredStream {
            name: stream.required_text("name")?.to_owned(),
            namespace: stream.text("namespace")?.map(str::to_owned),
            sync_mode: sync_mode::of(&config)?,
            cursor_field: config.given("cursorField").map(path).unwrap_or_default(),
            primary_key: list("primaryKey").iter().map(path).collect(),
            selected_fields: selects_fields.then(fields),
            mappers: list("mappers"),
        };
        if let Some(offered) = offered.iter().find(|stream| configured.is_of(stream)) {
            configured.cursor_field = configured.cursor_in(offered).to_vec();
            configured.primary_key = configured.key_in(offered).to_vec();
        }
        configured.mappers.iter_mut().for_each(mappers::identify);
        let properties = stream.0["jsonSchema"]["properties"].as_object();
        let names = properties.into_iter().flat_map(|members| members.keys());
        let fields = names.map(|name| Field::new(name, FieldType::Text)).collect();
        unfit.extend(mappers::unfit(&configured, fields));
        selected.push(configured);
    }
    if unfit.is_empty() { Ok(selected) } else { Err(Refusal::mappers(&unfit)) }
}

/// The schedule of a body. The old form, and data that does not fit its type, are faults.
fn schedule(app: &App, body: &Body) -> Result<Option<Schedule>, Refusal> {
    let schedule_type = body.one_of("scheduleType", &["manual", "basic", "cron"])?;
    let data = body.given("scheduleData");
    let fault = Refusal::ErrorId(500);
    if body.given("schedule").is_some() {
        return Err(fault);
    }
    match (schedule_type, data) {
        (None, None) => Ok(None),
        (Some("manual"), None) => Ok(Some(Schedule::Manual)),
        (Some("cron"), Some(data)) => {
            let cron = Body(data["cron"].clone());
            let expression = cron.required_text("cronExpression")?.trim().to_owned();
            let zone = cron.text("cronTimeZone")?.unwrap_or("UTC").to_owned();
            Ok(Some(schedules::checked(app, Schedule::Cron { expression, zone })?))
        }
        (Some("basic"), Some(data)) => {
            let basic = Body(data["basicSchedule"].clone());
            let units = basic.required("units")?.as_i64().ok_or(fault)?;
            let unit = basic.one_of("timeUnit", TIME_UNITS)?.unwrap_or("hours").to_owned();
            Ok(Some(schedules::checked(app, Schedule::Basic { units, unit })?))
        }
        _ => Err(fault),
    }
}
