//! From the streams that a client asks for to the streams of a connection, with the server's own checks.

use serde_json::Value;

use crate::http::Refusal;
use crate::mappers;
use crate::model::ConfiguredStream;
use crate::sources::Stream;

/// The sync modes that source and destination both offer, in the order of `getStreamProperties`.
pub(crate) fn sync_modes(stream: &Stream, destination: &str) -> Vec<&'static str> {
    let mut modes = vec!["full_refresh_append", "full_refresh_overwrite"];
    if stream.incremental {
        modes.push("incremental_append");
        if deduplicates(destination) {
            modes.push("incremental_deduped_history");
        }
    }
    modes
}

/// Whether the destination keeps one row a key.
fn deduplicates(destination: &str) -> bool {
    !matches!(destination, "sqlite" | "duckdb")
}

/// How a destination can be written, in the Config API's words.
pub(crate) fn destination_modes(destination: &str) -> &'static [&'static str] {
    if deduplicates(destination) {
        &["overwrite", "append", "append_dedup", "overwrite_dedup"]
    } else {
        &["overwrite", "append"]
    }
}

/// The mode of a stream that nobody has configured, as far as the destination has it.
pub(crate) fn default_mode(stream: &Stream, destination: Option<&str>) -> &'static str {
    let has_both = !stream.cursor.is_empty() && !stream.primary_key.is_empty();
    if stream.incremental && has_both && destination.is_none_or(deduplicates) {
        "incremental_deduped_history"
    } else {
        "full_refresh_overwrite"
    }
}

/// The configured streams for a request's list; a list that is not given selects what the server selects.
pub(crate) fn configure(
    requested: &[Value],
    discovered: &[Stream],
    destination: &str,
) -> Result<Vec<ConfiguredStream>, Refusal> {
    let mut configured: Vec<ConfiguredStream> = Vec::new();
    for request in requested {
        let name = request.get("name").and_then(Value::as_str).ok_or_else(|| {
            Refusal::Framework("Required property `name` of a stream is missing".to_owned())
        })?;
        let namespace = request.get("namespace").and_then(Value::as_str);
        let stream = find(name, namespace, discovered)?;
        if configured.iter().any(|taken| taken.name == stream.name && taken.namespace == stream.namespace) {
            return Err(Refusal::bad_request(format!(
                "The stream [{name}] of the namespace [{}] is given twice.",
                namespace.unwrap_or("null")
            )));
        }
        configured.push(one(request, stream, destination)?);
    }
    for stream in &mut configured {
        stream.mappers.iter_mut().for_each(mappers::identify);
    }
    let unfit: Vec<Value> = configured.iter().filter_map(|stream| unfit(stream, discovered)).collect();
    if unfit.is_empty() { Ok(configured) } else { Err(Refusal::mappers(&unfit)) }
}

/// What is wrong with the mappers of a stream, if anything is.
fn unfit(configured: &ConfiguredStream, discovered: &[Stream]) -> Option<Value> {
    let stream = discovered.iter().find(|stream| configured.is_of(stream))?;
    let mut fields = stream.fields.clone();
    if let Some(selected) = &configured.selected_fields {
        fields.retain(|field| selected.contains(&field.name));
    }
    mappers::unfit(configured, fields)
}

/// The streams of a connection for which none are given: one if the source has just one, else none.
pub(crate) fn by_default(discovered: &[Stream]) -> Vec<ConfiguredStream> {
    match discovered {
        [only] => vec![ConfiguredStream::of(only, "full_refresh_overwrite")],
        _ => Vec::new(),
    }
}

/// A stream by its name; the namespace counts only where several have the name.
fn find<'a>(name: &str, namespace: Option<&str>, discovered: &'a [Stream]) -> Result<&'a Stream, Refusal> {
    let named: Vec<_> = discovered.iter().filter(|stream| stream.name == name).collect();
    match named.as_slice() {
        [] => Err(Refusal::bad_request(format!(
            "No streams found with name [{name}] and namespace [{}].",
            namespace.unwrap_or("null")
        ))),
        [only] => Ok(only),
        several => {
            several.iter().find(|stream| stream.namespace.as_deref() == namespace).copied().ok_or_else(|| {
                Refusal::bad_request(format!(
                    "Multiple streams found with name [{name}] and namespace [{}].",
                    namespace.unwrap_or("null")
                ))
            })
        }
    }
}

fn one(request: &Value, stream: &Stream, destination: &str) -> Result<ConfiguredStream, Refusal> {
    let name = &stream.name;
    let sync_mode = request.get("syncMode").and_then(Value::as_str).map(str::to_lowercase);
    let sync_mode = sync_mode.unwrap_or_else(|| "full_refresh_overwrite".to_owned());
    let asked_cursor = texts(request.get("cursorField"));
    let asked_key: Vec<Vec<String>> = request
        .get("primaryKey")
        .and_then(Value::as_array)
        .map(|paths| paths.iter().map(|path| texts(Some(path))).collect())
        .unwrap_or_default();
    let selected_fields = selected(request, stream)?;
    let mut configured = ConfiguredStream {
        name: name.clone(),
        namespace: stream.namespace.clone(),
        cursor_field: stream.cursor.clone(),
        primary_key: stream.primary_key.clone(),
        sync_mode,
        selected_fields,
        mappers: request.get("mappers").and_then(Value::as_array).cloned().unwrap_or_default(),
    };
    // The server takes this mode without looking at source, destination, cursor or key.
    if configured.sync_mode == "full_refresh_overwrite" {
        return Ok(configured);
    }
    let mut modes = sync_modes(stream, destination);
    if deduplicates(destination) {
        modes.push("full_refresh_overwrite_deduped");
    }
    if !modes.contains(&configured.sync_mode.as_str()) {
        return Err(Refusal::bad_request(format!(
            "Cannot set sync mode to {} for stream {name}. Valid sync modes are: [{}]",
            configured.sync_mode,
            modes.join(", ")
        )));
    }
    if configured.sync_mode.starts_with("incremental") {
        configured.cursor_field = cursor(stream, asked_cursor)?;
    }
    if configured.sync_mode.contains("dedup") {
        configured.primary_key = key(stream, asked_key)?;
    }
    keeps_what_it_needs(&configured)?;
    Ok(configured)
}

/// A selection of fields must hold the cursor of an incremental stream and the key of a deduplicated one.
fn keeps_what_it_needs(stream: &ConfiguredStream) -> Result<(), Refusal> {
    let Some(selected) = &stream.selected_fields else { return Ok(()) };
    let cursor = stream.cursor_field.first().filter(|_| stream.sync_mode.starts_with("incremental"));
    let key = stream.primary_key.iter().filter_map(|path| path.first());
    let key = key.filter(|_| stream.sync_mode.contains("dedup"));
    match cursor.into_iter().chain(key).find(|field| !selected.contains(field)) {
        None => Ok(()),
        Some(missing) => Err(Refusal::bad_request(format!(
            "The field {missing} must be selected for stream {}: its sync mode {} needs it.",
            stream.name, stream.sync_mode
        ))),
    }
}

fn cursor(stream: &Stream, asked: Vec<String>) -> Result<Vec<String>, Refusal> {
    let name = &stream.name;
    match (stream.cursor.is_empty(), asked.is_empty()) {
        (false, false) if asked != stream.cursor => Err(Refusal::bad_request(format!(
            "Cursor Field [{}] is already defined by source for stream: {name}.",
            asked.join(", ")
        ))),
        (false, _) => Ok(stream.cursor.clone()),
        (true, true) => Err(Refusal::bad_request(format!("No default cursor field for stream: {name}."))),
        (true, false) if is_field(stream, &asked) => Ok(asked),
        (true, false) => Err(Refusal::bad_request(format!("Invalid cursor field for stream: {name}."))),
    }
}

fn key(stream: &Stream, asked: Vec<Vec<String>>) -> Result<Vec<Vec<String>>, Refusal> {
    let name = &stream.name;
    if !stream.primary_key.is_empty() {
        if !asked.is_empty() && asked != stream.primary_key {
            return Err(Refusal::bad_request(format!(
                "Primary key for stream: {name} is already pre-defined."
            )));
        }
        return Ok(stream.primary_key.clone());
    }
    if asked.is_empty() {
        return Err(Refusal::bad_request(format!("No default primary key for stream: {name}.")));
    }
    if !asked.iter().all(|path| is_field(stream, path)) {
        return Err(Refusal::bad_request(format!("Invalid primary key for stream: {name}.")));
    }
    Ok(asked)
}

fn selected(request: &Value, stream: &Stream) -> Result<Option<Vec<String>>, Refusal> {
    let name = &stream.name;
    let Some(fields) = request.get("selectedFields").and_then(Value::as_array) else { return Ok(None) };
    let known = || stream.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
    if fields.is_empty() {
        return Err(Refusal::bad_request(format!(
            "No fields selected for stream {name}. The list of valid field names includes: [{}].",
            known()
        )));
    }
    let mut chosen: Vec<String> = Vec::new();
    for field in fields {
        match texts(field.get("fieldPath")).as_slice() {
            [] => {
                return Err(Refusal::bad_request(format!(
                    "Selected field path cannot be empty for stream:  {name}."
                )));
            }
            [field] if chosen.contains(field) => {
                return Err(Refusal::bad_request(format!(
                    "Duplicate field [{field}] selected for stream {name}."
                )));
            }
            [field] if is_field(stream, std::slice::from_ref(field)) => chosen.push(field.clone()),
            [_] => {
                return Err(Refusal::bad_request(format!(
                    "Invalid fields selected for stream {name}. The list of valid field names includes: [{}].",
                    known()
                )));
            }
            _ => {
                return Err(Refusal::bad_request(format!(
                    "Nested field selection not supported for stream {name}."
                )));
            }
        }
    }
    Ok(Some(chosen))
}

fn is_field(stream: &Stream, path: &[String]) -> bool {
    matches!(path, [field] if stream.fields.iter().any(|known| known.name == *field))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}
