//! `airbyte demo`: the first five minutes.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{airbyte, parquet, run, signal};

/// A folder to be in, and another one for temporary files, which must be empty at the end.
struct Place {
    here: TempDir,
    temporary: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { here: tempfile::tempdir().unwrap(), temporary: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.here.path()
    }

    fn demo(&self, arguments: &[&str]) -> Command {
        let mut command = airbyte(["demo"]);
        command.args(arguments).current_dir(self.path()).env("TMPDIR", self.temporary.path());
        command
    }

    /// The files in the folder.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let left = std::fs::read_dir(self.temporary.path()).unwrap().count();
            assert_eq!(left, 0, "temporary files are left behind");
        }
    }
}

#[test]
fn without_an_argument_it_shows_the_whole_loop() {
    let place = Place::new();
    let shown = run(&mut place.demo(&[])).exits(0);
    assert_eq!(place.files(), ["users.parquet"]);
    let (names, rows) = parquet(&place.path().join("users.parquet"));
    assert!(names.contains(&"id".to_owned()), "{names:?}");
    assert_eq!(rows.len(), 1_000);
    let all = shown.stdout + &shown.stderr;
    assert!(all.contains("users.parquet"), "{all}");
    assert!(all.contains("POST") && all.contains("/jobs"), "the steps name the API's operations: {all}");
    assert!(all.contains("airbyte sandbox"), "it says what to type next: {all}");
    assert!(!all.contains('\u{1b}'), "escape sequences in a pipe");
}

#[test]
fn a_file_of_ones_own_comes_back_cell_by_cell() {
    let place = Place::new();
    let header = ["number", "code", "note", "amount", "maybe"];
    let mut csv = header.join(",") + "\n";
    let mut expected = Vec::new();
    for number in 0..100_000_u32 {
        let code = format!("{:05}", number % 1_000);
        let note = match number % 4 {
            0 => "plain".to_owned(),
            1 => "with, comma".to_owned(),
            2 => "say \"hi\"\nto \u{1f980}".to_owned(),
            _ => String::new(),
        };
        let amount = format!("{number}.25");
        let maybe = if number % 3 == 0 { String::new() } else { format!("m{number}") };
        writeln!(csv, "{number},{code},\"{}\",{amount},{maybe}", note.replace('"', "\"\"")).unwrap();
        expected.push([number.to_string(), code, note, amount, maybe].map(Some).to_vec());
    }
    std::fs::write(place.path().join("stock.csv"), csv).unwrap();
    run(&mut place.demo(&["--file", "stock.csv"])).exits(0);
    assert_eq!(place.files(), ["stock.csv", "stock.parquet"]);
    let (names, mut rows) = parquet(&place.path().join("stock.parquet"));
    assert_eq!(names, header);
    rows.sort_by_key(|row| row[0].as_ref().unwrap().parse::<u32>().unwrap());
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
}

#[test]
fn json_lines_work_too_and_the_place_of_the_result_can_be_chosen() {
    let place = Place::new();
    std::fs::write(
        place.path().join("cities.jsonl"),
        "{\"city\":\"Porto\",\"founded\":1123}\n{\"city\":\"Turku\"}\n",
    )
    .unwrap();
    run(&mut place.demo(&["--file", "cities.jsonl", "-o", "out.parquet"])).exits(0);
    let (names, mut rows) = parquet(&place.path().join("out.parquet"));
    assert_eq!(names, ["city", "founded"]);
    rows.sort();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(rows, [vec![text("Porto"), text("1123")], vec![text("Turku"), None]]);
    let written = run(&mut place.demo(&["--file", "cities.jsonl", "-o", "out.jsonl"])).exits(0);
    let said = written.stdout + &written.stderr;
    assert!(said.contains("out.jsonl") && !said.contains("Parquet"), "{said}");
    let lines = std::fs::read_to_string(place.path().join("out.jsonl")).unwrap();
    assert!(lines.contains("\"city\":\"Turku\",\"founded\":null"), "{lines}");
    let unclear = run(&mut place.demo(&["--file", "cities.jsonl", "-o", "-", "--output", "json"])).exits(2);
    assert!(unclear.error()["hint"].as_str().unwrap().contains(".csv"));
}

#[test]
fn a_file_that_is_there_is_not_overwritten_in_silence() {
    let place = Place::new();
    let file = place.path().join("users.parquet");
    std::fs::write(&file, "mine").unwrap();
    let ended = run(&mut place.demo(&[]));
    let said = ended.stdout + &ended.stderr;
    let kept = std::fs::read(&file).unwrap() == b"mine";
    assert!(kept || said.contains("overwrit") || said.contains("replac"), "{said}");
}

#[test]
fn files_that_are_no_tables_are_refused_and_nothing_is_left_behind() {
    let place = Place::new();
    let write = |name: &str, content: &[u8]| std::fs::write(place.path().join(name), content).unwrap();
    write("ragged.csv", b"a,b\n1,2\n3\n");
    write("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    write("page.csv", b"<!DOCTYPE html>\n<html><body>Sign in, please</body></html>\n");
    write("empty.csv", b"");
    write("table.xlsx", b"PK\x03\x04");
    std::fs::create_dir(place.path().join("folder.csv")).unwrap();
    let before = place.files();
    for name in
        ["ragged.csv", "picture.csv", "page.csv", "empty.csv", "table.xlsx", "folder.csv", "missing.csv"]
    {
        let error = run(&mut place.demo(&["--file", name, "--output", "json"])).exits(2).error();
        assert!(error["message"].as_str().unwrap().contains(name), "{name}: {error}");
        assert!(error["hint"].is_string(), "{name}: {error}");
        assert_eq!(place.files(), before, "{name}");
    }
    let ragged = run(&mut place.demo(&["--file", "ragged.csv"]));
    assert!(ragged.stderr.contains("line 3"), "{}", ragged.stderr);
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_starts() {
    let place = Place::new();
    let ended = run(&mut place.demo(&["-o", "missing/users.parquet", "--output", "json"])).exits(1);
    assert_eq!(ended.error()["kind"], "io");
    assert_eq!(ended.stdout, "");
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn what_is_kept_can_be_started_again() {
    let place = Place::new();
    let shown = run(&mut place.demo(&["--keep"])).exits(0);
    let all = shown.stdout + &shown.stderr;
    let (_, after) = all.split_once("--data-dir ").unwrap_or_else(|| panic!("{all}"));
    let folder = after.split_whitespace().next().unwrap().trim_matches(['\'', '"', '`']);
    let folder = place.path().join(folder);
    assert!(folder.join("airbyte.db").exists(), "{}", folder.display());
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Rows of the user's own are there meanwhile: nobody else can look at them, and they end with it, also where a service
/// manager ends it.
#[test]
fn what_it_keeps_meanwhile_is_its_owners_alone_and_ends_with_it() {
    let place = Place::new();
    let mut rows = String::from("id,name\n");
    (0..300_000).for_each(|number| writeln!(rows, "{number},name {number}").unwrap());
    std::fs::write(place.path().join("people.csv"), rows).unwrap();
    let mut command = place.demo(&["--file", "people.csv"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = loop {
        let folder = std::fs::read_dir(place.temporary.path()).unwrap().next();
        match folder.map(|entry| entry.unwrap().path()) {
            Some(folder) if folder.join("local/demo.sqlite").exists() => break folder,
            _ => assert_eq!(process.try_wait().unwrap(), None, "it has ended"),
        }
    };
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    signal(&process, "TERM");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert_eq!(place.files(), ["people.csv"]);
}
