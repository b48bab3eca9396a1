//! Members of a JSON record as values of a type. A problem completes "the field x ...", and never shows the value.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};

use crate::json_columns::InexactNumbers;

/// What a JSON text is, for errors: never the value itself.
fn described(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "is a string that does not fit",
        Some(b'{') => "is an object",
        Some(b'[') => "is an array",
        Some(b't' | b'f') => "is a boolean",
        _ => "is a number that does not fit",
    }
}

pub(crate) fn boolean(json: &str) -> Result<bool, String> {
    json.parse().map_err(|_| described(json).to_owned())
}

pub(crate) fn integer(json: &str) -> Result<i64, String> {
    json.parse().map_err(|_| described(json).to_owned())
}

pub(crate) fn number(json: &str, inexact: InexactNumbers) -> Result<f64, String> {
    let number: f64 = match json.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => json.parse().map_err(|_| described(json).to_owned())?,
        _ => return Err(described(json).to_owned()),
    };
    if inexact == InexactNumbers::Error && !is_exact(json, number) {
        return Err("has more digits than a double holds".to_owned());
    }
    Ok(number)
}

/// Whether the double prints back as the same number.
fn is_exact(json: &str, number: f64) -> bool {
    // Up to 15 digits always survive, unless the number is too small; this is the common case, and the cheap one.
    let digits = json.bytes().filter(u8::is_ascii_digit).count();
    (digits <= 15 && number.is_normal()) || decimal(json) == decimal(&format!("{number:e}"))
}

/// The digits without zeroes at either end, and the power of ten of the first.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.bytes().take_while(|byte| *byte == b'0').count();
    let digits = all.trim_matches('0').to_owned();
    if digits.is_empty() {
        return Some((false, digits, 0));
    }
    let first = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    Some((negative, digits, first.checked_add(exponent)?))
}

pub(crate) fn text(json: &str) -> Result<String, String> {
    serde_json::from_str(json).map_err(|_| described(json).to_owned())
}

pub(crate) fn date(json: &str) -> Result<i32, String> {
    let text = text(json)?;
    let day = text.parse::<NaiveDate>().map_err(|_| described(json).to_owned())?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days())
        .map_err(|_| described(json).to_owned())
}

pub(crate) fn timestamp(json: &str) -> Result<i64, String> {
    let text = text(json)?;
    let time = local_time(&text).ok_or_else(|| described(json).to_owned())?;
    micros(&text, time.and_utc().timestamp_micros())
}

pub(crate) fn timestamp_with_zone(json: &str) -> Result<i64, String> {
    let text = text(json)?;
    let time = zoned_time(&text).ok_or_else(|| described(json).to_owned())?;
    micros(&text, time.timestamp_micros())
}

/// The microseconds of a time with or without a zone; what is finer is cut off.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let zoned = zoned_time(text).map(|time| time.timestamp_micros());
    zoned.or_else(|| Some(local_time(text)?.and_utc().timestamp_micros()))
}

fn local_time(text: &str) -> Option<NaiveDateTime> {
    text.replacen(' ', "T", 1).parse().ok()
}

fn zoned_time(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .ok()
}

/// The microseconds of a time that was written so, if they are all of it.
fn micros(text: &str, micros: i64) -> Result<i64, String> {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let mut beyond = fraction.bytes().take_while(u8::is_ascii_digit).skip(6);
    if beyond.all(|digit| digit == b'0') { Ok(micros) } else { Err("is finer than microseconds".to_owned()) }
}
