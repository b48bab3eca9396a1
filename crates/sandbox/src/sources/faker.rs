//! The `faker` source: users, products and purchases, the same for the same seed and count.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::capture::{self, Capture};
use super::{BATCH, Begin, Cell, Emit, Field, FieldType, Row, SourceError, Stream};

/// The products stream has this many rows, whatever the count.
const PRODUCTS: i64 = 100;
/// The last moment that any row is from: rows must not depend on when they are made.
const LATEST_EPOCH_SECOND: i64 = 1_767_225_600;
/// How far back rows go.
const YEARS: i64 = 5;

/// A `faker` source whose configuration has been checked.
#[derive(Debug)]
pub(crate) struct Faker {
    count: i64,
    seed: u64,
    capture: Option<Capture>,
}

impl Faker {
    pub(crate) fn new(configuration: &Value) -> Result<Self, SourceError> {
        let whole = |name: &str, default: i64| match configuration.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_i64().ok_or_else(|| {
                SourceError::new(format!("`{name}` of the faker source is a whole number, not {value}"))
            }),
        };
        let count = whole("count", 1_000)?;
        if count < 1 {
            return Err(SourceError::new(format!(
                "`count` of the faker source is {count}, it is at least 1"
            )));
        }
        // The default, -1, asks the real connector for a random seed; here it is a seed like any other.
        let seed = whole("seed", -1)?.cast_unsigned();
        let latest = DateTime::from_timestamp(LATEST_EPOCH_SECOND, 0).unwrap_or_default();
        Ok(Self { count, seed, capture: Capture::of(configuration, latest)? })
    }

    pub(crate) fn captures_changes(&self) -> bool {
        self.capture.is_some()
    }

    pub(crate) fn streams(&self) -> Vec<Stream> {
        let (cursor, further) = match self.capture {
            Some(_) => (capture::CURSOR, Capture::fields().to_vec()),
            None => ("updated_at", Vec::new()),
        };
        ["users", "products", "purchases"]
            .map(|name| Stream {
                name: name.to_owned(),
                namespace: None,
                fields: [fields(name), further.clone()].concat(),
                cursor: vec![cursor.to_owned()],
                primary_key: vec![vec!["id".to_owned()]],
                incremental: true,
            })
            .into()
    }

    /// How many rows there will be: known of a reading of everything, and of purchases only about.
    pub(crate) fn estimated_records(&self, stream: &str, begin: &Begin) -> Option<i64> {
        if self.captures_changes() || !matches!(begin, Begin::Start) {
            return None;
        }
        Some(match stream {
            "products" => PRODUCTS,
            "purchases" => self.count.saturating_mul(13) / 10,
            _ => self.count,
        })
    }

    /// Emits the rows from where the reading begins.
    pub(crate) fn read(&self, stream: &str, begin: &Begin, emit: Emit<'_>) {
        let updated_at =
            fields(stream).iter().position(|field| field.name == "updated_at").unwrap_or_default();
        let mut batch = Vec::with_capacity(BATCH);
        let last = if stream == "products" { PRODUCTS } else { self.count };
        let mut purchase = 0;
        for id in 1..=last {
            match stream {
                "users" => batch.push(user(&mut self.random(1, id), id)),
                "products" => batch.push(product(&mut self.random(2, id), id)),
                _ => {
                    let mut random = self.random(3, id);
                    // 1.3 purchases a user on average.
                    for _ in 0..[0, 1, 1, 1, 1, 1, 1, 2, 2, 3][random.random_range(0..10)] {
                        purchase += 1;
                        batch.push(bought(&mut random, purchase, id));
                    }
                }
            }
            if batch.len() >= BATCH || id == last {
                if let Some(capture) = &self.capture {
                    let rows = batch.into_iter();
                    batch = rows.filter_map(|row| capture.told(row, updated_at, begin)).collect();
                } else if let Begin::After(cursor) = begin {
                    batch.retain(|row: &Row| matches!(&row[updated_at], Cell::Text(at) if at > cursor));
                }
                if !batch.is_empty()
                    && emit(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_break()
                {
                    break;
                }
            }
        }
    }

    /// Randomness that depends on the seed, the stream and the row, so that rows can be made in any order.
    fn random(&self, stream: u64, id: i64) -> StdRng {
        StdRng::seed_from_u64(
            self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (stream << 56) ^ id.unsigned_abs(),
        )
    }
}

fn fields(stream: &str) -> Vec<Field> {
    use FieldType::{Integer, Json, Number, Text, TimestampWithZone};
    let of = |list: &[(&str, FieldType)]| list.iter().map(|(name, kind)| Field::new(*name, *kind)).collect();
    let mut fields: Vec<Field> = match stream {
        "users" => of(&[
            ("id", Integer),
            ("created_at", TimestampWithZone),
            ("updated_at", TimestampWithZone),
            ("name", Text),
            ("title", Text),
            ("age", Integer),
            ("email", Text),
            ("telephone", Text),
            ("gender", Text),
            ("language", Text),
            ("academic_degree", Text),
            ("nationality", Text),
            ("occupation", Text),
            ("height", Text),
            ("blood_type", Text),
            ("weight", Integer),
            ("address", Json),
        ]),
        "products" => of(&[
            ("id", Integer),
            ("make", Text),
            ("model", Text),
            ("year", Integer),
            ("price", Number),
            ("description", Text),
            ("created_at", TimestampWithZone),
            ("updated_at", TimestampWithZone),
        ]),
        _ => of(&[
            ("id", Integer),
            ("user_id", Integer),
            ("product_id", Integer),
            ("created_at", TimestampWithZone),
            ("updated_at", TimestampWithZone),
            ("added_to_cart_at", TimestampWithZone),
            ("purchased_at", TimestampWithZone),
            ("returned_at", TimestampWithZone),
        ]),
    };
    if let Some(address) = fields.iter_mut().find(|field| field.name == "address") {
        let parts =
            ["street_number", "street_name", "city", "state", "province", "postal_code", "country_code"];
        let properties: serde_json::Map<_, _> =
            parts.iter().map(|part| ((*part).to_owned(), json!({"type": "string"}))).collect();
        address.schema = json!({"type": "object", "properties": properties});
    }
    fields
}

const FIRST_NAMES: &[&str] = &[
    "Ada", "Amir", "Anna", "Chen", "Daniel", "Elif", "Emma", "Femi", "Grace", "Hugo", "Ines", "Ivan",
    "Jonas", "Kira", "Lena", "Liam", "Maya", "Nadia", "Noah", "Olga", "Pablo", "Rosa", "Sara", "Tom", "Uma",
    "Wei", "Yara", "Zoe",
];
const LAST_NAMES: &[&str] = &[
    "Adams", "Becker", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jensen", "Khan",
    "Lopez", "Meyer", "Novak", "Okafor", "Patel", "Quinn", "Rossi", "Silva", "Tanaka", "Ueda", "Vogel",
    "Weber", "Young",
];
const TITLES: &[&str] = &["Mr.", "Ms.", "Dr.", "Prof.", "Mx."];
const GENDERS: &[&str] = &["Female", "Male", "Other"];
const LANGUAGES: &[&str] =
    &["Arabic", "Danish", "English", "French", "German", "Hindi", "Japanese", "Spanish", "Turkish"];
const DEGREES: &[&str] = &["Bachelor", "Master", "PhD", "None"];
const NATIONS: &[&str] =
    &["Brazilian", "British", "Danish", "German", "Indian", "Japanese", "Kenyan", "Mexican", "Turkish"];
const OCCUPATIONS: &[&str] =
    &["Baker", "Carpenter", "Doctor", "Engineer", "Farmer", "Librarian", "Pilot", "Teacher"];
const BLOOD_TYPES: &[&str] = &["O+", "O-", "A+", "A-", "B+", "B-", "AB+", "AB-"];
const STREETS: &[&str] =
    &["Birch Road", "Church Lane", "Harbour Street", "King Street", "Mill Way", "Park Avenue"];
const CITIES: &[&str] =
    &["Aarhus", "Bristol", "Bremen", "Kyoto", "Nairobi", "Porto", "Pune", "Recife", "Turku"];
const COUNTRIES: &[&str] = &["BR", "DE", "DK", "FI", "GB", "IN", "JP", "KE", "PT"];
const MAKES: &[&str] = &["Alba", "Borealis", "Corsa Nova", "Dynamo", "Everline", "Fjord", "Granit", "Helios"];
const MODELS: &[&str] = &["City", "Coast", "Grand", "Line", "Sport", "Tour", "Trail", "Urban"];

fn user(random: &mut StdRng, id: i64) -> Row {
    let (first, last) = (pick(random, FIRST_NAMES), pick(random, LAST_NAMES));
    let (created, updated) = times(random);
    let mut email = String::new();
    let _ = write!(email, "{}.{}{id}@example.com", first.to_lowercase(), last.to_lowercase());
    let address = json!({
        "street_number": random.random_range(1..400).to_string(),
        "street_name": pick(random, STREETS),
        "city": pick(random, CITIES),
        "state": pick(random, CITIES),
        "province": pick(random, CITIES),
        "postal_code": format!("{:05}", random.random_range(0..100_000)),
        "country_code": pick(random, COUNTRIES),
    });
    vec![
        Cell::Integer(id),
        created,
        updated,
        Cell::Text(format!("{first} {last}")),
        text(random, TITLES),
        Cell::Integer(random.random_range(18..100)),
        Cell::Text(email),
        Cell::Text(format!("+{}", random.random_range(100_000_000_000_i64..999_999_999_999))),
        text(random, GENDERS),
        text(random, LANGUAGES),
        text(random, DEGREES),
        text(random, NATIONS),
        text(random, OCCUPATIONS),
        Cell::Text(format!("1.{:02}", random.random_range(45..100))),
        text(random, BLOOD_TYPES),
        Cell::Integer(random.random_range(40..120)),
        Cell::Json(address.to_string()),
    ]
}

fn product(random: &mut StdRng, id: i64) -> Row {
    let (created, updated) = times(random);
    let (make, model) = (pick(random, MAKES), pick(random, MODELS));
    let year = random.random_range(1980..2026);
    let price = f64::from(random.random_range(50_000..9_000_000)) / 100.0;
    vec![
        Cell::Integer(id),
        Cell::Text(make.to_owned()),
        Cell::Text(model.to_owned()),
        Cell::Integer(year),
        Cell::Number(price.to_string()),
        Cell::Text(format!("{make} {model} of {year}")),
        created,
        updated,
    ]
}

fn bought(random: &mut StdRng, id: i64, user_id: i64) -> Row {
    let added = instant(random);
    let purchased =
        random.random_bool(0.7).then(|| added + TimeDelta::minutes(random.random_range(1..5_000)));
    let returned = purchased
        .filter(|_| random.random_bool(0.15))
        .map(|purchased| purchased + TimeDelta::minutes(random.random_range(1_000..40_000)));
    let changed = returned.or(purchased).unwrap_or(added);
    vec![
        Cell::Integer(id),
        Cell::Integer(user_id),
        Cell::Integer(random.random_range(1..=PRODUCTS)),
        time(added),
        time(changed),
        time(added),
        purchased.map_or(Cell::Null, time),
        returned.map_or(Cell::Null, time),
    ]
}

fn pick<'a>(random: &mut StdRng, words: &[&'a str]) -> &'a str {
    words[random.random_range(0..words.len())]
}

fn text(random: &mut StdRng, words: &[&str]) -> Cell {
    Cell::Text(pick(random, words).to_owned())
}

fn instant(random: &mut StdRng) -> DateTime<Utc> {
    let back = random.random_range(0..YEARS * 365 * 86_400);
    DateTime::from_timestamp(LATEST_EPOCH_SECOND - back, 0).unwrap_or_default()
}

/// When a row was made and when it was last changed.
fn times(random: &mut StdRng) -> (Cell, Cell) {
    let (one, other) = (instant(random), instant(random));
    (time(one.min(other)), time(one.max(other)))
}

fn time(instant: DateTime<Utc>) -> Cell {
    Cell::Text(instant.format("%Y-%m-%dT%H:%M:%S+00:00").to_string())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn rows(configuration: &Value, stream: &str, after: Option<&str>) -> Vec<Row> {
        let mut rows = Vec::new();
        let faker = Faker::new(configuration).unwrap();
        let begin = after.map_or(Begin::Start, |cursor| Begin::After(cursor.to_owned()));
        faker.read(stream, &begin, &mut |batch| {
            rows.extend(batch);
            ControlFlow::Continue(())
        });
        rows
    }

    #[test]
    fn rows_depend_on_seed_and_count_alone() {
        let configuration = json!({"count": 2_500, "seed": 7});
        assert_eq!(rows(&configuration, "users", None).len(), 2_500);
        assert_eq!(rows(&configuration, "products", None).len(), 100);
        let purchases = rows(&configuration, "purchases", None);
        assert!((3_000..3_500).contains(&purchases.len()), "{}", purchases.len());
        assert_eq!(purchases, rows(&configuration, "purchases", None));
        let seeds = [-1, 0, 1].map(|seed| rows(&json!({"count": 5, "seed": seed}), "users", None));
        assert!(seeds[0] != seeds[2] && seeds[0] != seeds[1]);
        assert_ne!(
            rows(&json!({"count": 5, "seed": 8}), "users", None),
            rows(&json!({"count": 5, "seed": 7}), "users", None)
        );
    }

    #[test]
    fn rows_have_the_fields_that_the_stream_declares() {
        for configuration in [json!({"count": 50}), json!({"count": 50, "cdc": {"deletes": 1}})] {
            for stream in Faker::new(&configuration).unwrap().streams() {
                for row in rows(&configuration, &stream.name, None) {
                    assert_eq!(row.len(), stream.fields.len());
                }
            }
        }
    }

    #[test]
    fn only_rows_behind_the_cursor_are_read_again() {
        let all = rows(&json!({"count": 300}), "users", None);
        let cursor = "2024-01-01T00:00:00+00:00";
        let later = rows(&json!({"count": 300}), "users", Some(cursor));
        let expected: Vec<_> =
            all.into_iter().filter(|row| matches!(&row[2], Cell::Text(at) if at.as_str() > cursor)).collect();
        assert!(!expected.is_empty() && expected.len() < 300);
        assert_eq!(later, expected);
    }

    #[test]
    fn a_count_that_makes_no_sense_is_refused() {
        assert!(Faker::new(&json!({"count": 0})).is_err());
        assert!(Faker::new(&json!({"count": "many"})).is_err());
    }
}
