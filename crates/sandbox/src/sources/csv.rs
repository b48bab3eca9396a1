//! CSV files, cell by cell: no text is changed by the type that its column gets.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::infer::Inference;
use super::{BATCH, Cell, Emit, Field, FieldType, Row, SourceError};

/// How the file is written, from the source's `reader_options`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    separator: u8,
    quote: u8,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReaderOptions {
    sep: Option<String>,
    delimiter: Option<String>,
    quotechar: Option<String>,
    encoding: Option<String>,
}

impl Options {
    /// Reads the JSON text of `reader_options`.
    pub(crate) fn parse(text: &str) -> Result<Self, SourceError> {
        if text.trim().is_empty() {
            return Ok(Self { separator: b',', quote: b'"' });
        }
        let options: ReaderOptions = serde_json::from_str(text).map_err(|error| {
            SourceError::new(format!(
                "`reader_options` are not usable here ({error}); known: sep, quotechar, encoding"
            ))
        })?;
        if let Some(encoding) = &options.encoding
            && !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8")
        {
            return Err(SourceError::new(format!("the sandbox reads UTF-8 only, not `{encoding}`")));
        }
        let byte = |option: Option<String>, default: u8| match option.as_deref().map(str::as_bytes) {
            None => Ok(default),
            Some([byte]) => Ok(*byte),
            Some(_) => Err(SourceError::new("`sep` and `quotechar` are one ASCII character each")),
        };
        Ok(Self {
            separator: byte(options.sep.or(options.delimiter), b',')?,
            quote: byte(options.quotechar, b'"')?,
        })
    }

    fn open(&self, path: &Path) -> Result<csv::Reader<File>, SourceError> {
        csv::ReaderBuilder::new()
            .delimiter(self.separator)
            .quote(self.quote)
            .from_path(path)
            .map_err(|error| describe(path, &error))
    }
}

/// The file's columns, typed by every row of it.
pub(crate) fn fields(path: &Path, options: &Options) -> Result<Vec<Field>, SourceError> {
    check_quotes(path, options)?;
    let mut reader = options.open(path)?;
    let names = header(path, &mut reader)?;
    check_header(path, &names)?;
    let mut columns = vec![Inference::default(); names.len()];
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| describe(path, &error))? {
        for (column, text) in columns.iter_mut().zip(&record) {
            if text.contains('\0') {
                return Err(not_csv(path, "it holds NUL characters"));
            }
            column.see(text);
        }
    }
    Ok(names.into_iter().zip(columns).map(|(name, column)| Field::new(name, column.kind())).collect())
}

/// The names in the first line.
fn header(path: &Path, reader: &mut csv::Reader<File>) -> Result<Vec<String>, SourceError> {
    let header = reader.headers().map_err(|error| describe(path, &error))?;
    let mut names: Vec<String> = header.iter().map(str::to_owned).collect();
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches('\u{feff}').to_owned();
    }
    Ok(names)
}

/// Where the quotes of a file leave us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    AfterQuote,
}

/// Refuses quotes that the reader would repair silently, joining lines or dropping characters.
fn check_quotes(path: &Path, options: &Options) -> Result<(), SourceError> {
    let unreadable =
        |error: std::io::Error| SourceError::new(format!("{} cannot be read: {error}", path.display()));
    let wrong = |line: u64, what: &str| SourceError::new(format!("{}, line {line}: {what}", path.display()));
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let (mut at, mut line, mut opened) = (At::FieldStart, 1, 1);
    let mut block = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut block).map_err(unreadable)?;
        if length == 0 {
            break;
        }
        for byte in &block[..length] {
            let ends = *byte == options.separator || matches!(*byte, b'\n' | b'\r');
            at = match at {
                At::FieldStart if *byte == options.quote => {
                    opened = line;
                    At::Quoted
                }
                At::Quoted if *byte == options.quote => At::AfterQuote,
                At::Quoted => At::Quoted,
                At::AfterQuote if *byte == options.quote => At::Quoted,
                At::AfterQuote if !ends => return Err(wrong(line, "text behind a closing quote")),
                _ if ends => At::FieldStart,
                _ => At::Plain,
            };
            line += u64::from(*byte == b'\n');
        }
    }
    if at == At::Quoted { Err(wrong(opened, "a quote that is opened here is never closed")) } else { Ok(()) }
}

/// Reads the rows. An empty cell is an empty text in a column of texts, and null in any other.
pub(crate) fn read(
    path: &Path,
    options: &Options,
    fields: &[Field],
    emit: Emit<'_>,
) -> Result<(), SourceError> {
    let mut reader = options.open(path)?;
    // Cells are told apart by their places alone.
    if !header(path, &mut reader)?.iter().eq(fields.iter().map(|field| &field.name)) {
        return Err(SourceError::changed(path));
    }
    let mut batch: Vec<Row> = Vec::with_capacity(BATCH);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| describe(path, &error))? {
        batch.push(fields.iter().zip(&record).map(|(field, text)| cell(field.kind, text)).collect());
        if batch.len() == BATCH && emit(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_break() {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        let _ = emit(batch);
    }
    Ok(())
}

fn cell(kind: FieldType, text: &str) -> Cell {
    match kind {
        FieldType::Text => Cell::Text(text.to_owned()),
        _ if text.is_empty() => Cell::Null,
        FieldType::Integer => text.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Integer),
        FieldType::Number => Cell::Number(text.to_owned()),
        FieldType::Boolean => Cell::Boolean(text == "true"),
        _ => Cell::Text(text.to_owned()),
    }
}

fn check_header(path: &Path, names: &[String]) -> Result<(), SourceError> {
    if names.is_empty() || names.iter().all(String::is_empty) {
        return Err(not_csv(path, "it has no header line"));
    }
    if names.iter().any(|name| name.contains(['\0', '\u{1b}'])) {
        return Err(not_csv(path, "its first line holds control characters"));
    }
    if names[0].trim_start().starts_with('<') {
        return Err(not_csv(path, "it begins like an HTML or XML page"));
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(SourceError::new(format!(
                "{}, line 1: column {} has no name in the header",
                path.display(),
                index + 1
            )));
        }
        if names[..index].contains(name) {
            return Err(SourceError::new(format!(
                "{}, line 1: two columns are named `{name}` in the header",
                path.display()
            )));
        }
    }
    Ok(())
}

fn not_csv(path: &Path, reason: &str) -> SourceError {
    SourceError::new(format!("{} is not a CSV file: {reason}", path.display()))
}

/// What is wrong, and in which line.
fn describe(path: &Path, error: &csv::Error) -> SourceError {
    let path = path.display();
    SourceError::new(match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => format!(
            "{path}, line {}: {len} fields where the header has {expected_len}",
            pos.as_ref().map_or(0, csv::Position::line)
        ),
        csv::ErrorKind::Utf8 { pos, .. } => {
            format!("{path}, line {}: not UTF-8", pos.as_ref().map_or(1, csv::Position::line))
        }
        _ => format!("{path} cannot be read: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_file_that_was_replaced_by_one_with_other_columns_is_not_read() {
        let options = Options::parse("").unwrap();
        let file = file(b"a,b\n1,x\n");
        let known = fields(file.path(), &options).unwrap();
        for other in ["b,a\ny,2\n", "a\n2\n", "a,b,c\n2,y,z\n"] {
            std::fs::write(file.path(), other).unwrap();
            let error = read(file.path(), &options, &known, &mut |rows| panic!("{rows:?}")).unwrap_err().0;
            assert!(error.contains("other columns"), "{error}");
        }
    }

    fn rows(content: &str) -> Vec<Row> {
        let file = file(content.as_bytes());
        let options = Options::parse("").unwrap();
        let fields = fields(file.path(), &options).unwrap();
        let mut rows = Vec::new();
        read(file.path(), &options, &fields, &mut |batch| {
            rows.extend(batch);
            ControlFlow::Continue(())
        })
        .unwrap();
        rows
    }

    #[test]
    fn empty_cells_stay_empty_text_in_columns_of_text() {
        assert_eq!(
            rows("n,t\n1,x\n,\n"),
            [vec![Cell::Integer(1), Cell::Text("x".into())], vec![Cell::Null, Cell::Text(String::new())]]
        );
    }

    #[test]
    fn faults_of_a_file_name_the_line() {
        let options = Options::parse("").unwrap();
        for (content, expected) in [
            (&b"a,b\n1,2\n3\n"[..], "line 3: 1 fields where the header has 2"),
            (b"a,b\n1,\xff\n", "line 2: not UTF-8"),
            (b"a,a\n1,2\n", "two columns are named `a`"),
            (b"a,\n1,2\n", "column 2 has no name"),
            (b"<html><body>x</body></html>\n", "not a CSV file"),
            (b"a\n\0\n", "not a CSV file"),
            (b"", "no header line"),
            (b"a,b\n1,x\n2,\"y\n3,z\n", "line 3: a quote that is opened here is never closed"),
            (b"a,b\n1,\"x\"y\n", "line 2: text behind a closing quote"),
        ] {
            let file = file(content);
            let error = fields(file.path(), &options).unwrap_err().0;
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn quotes_inside_of_a_plain_cell_are_characters() {
        assert_eq!(
            rows("n,t\n1,5\" pipe\n2,\"a \"\"b\"\"\r\nc\"\n"),
            [
                vec![Cell::Integer(1), Cell::Text("5\" pipe".into())],
                vec![Cell::Integer(2), Cell::Text("a \"b\"\r\nc".into())]
            ]
        );
    }

    #[test]
    fn reader_options_that_would_be_ignored_are_refused() {
        assert_eq!(Options::parse(r#"{"sep": ";"}"#).unwrap().separator, b';');
        assert!(Options::parse(r#"{"encoding": "latin1"}"#).is_err());
        assert!(Options::parse(r#"{"skiprows": 1}"#).is_err());
    }
}
