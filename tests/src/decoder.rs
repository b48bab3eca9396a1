//! The tests of what decodes bytes from outside. Each crate with such a decoder has this file in its own tests, and a
//! folder `corpus` with what is known.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::{Index, select};

/// Tests a decoder: a function of that name beside this, of `bytes` or of `text`, which says whether it took them, and panics
/// if something is wrong. One check, four ways to look for what breaks it:
///
/// - `known` takes each file of the corpus' folder of that name as it is: all are taken but those named `refused...`;
/// - `damaged` takes some hundred that are damaged in a few places, and `anything` as many of any bytes, the same in each run;
/// - `sought` is where a fuzzer begins that sees which branches are taken (`cargo xtask fuzz`).
macro_rules! decoder {
    ($name:ident, bytes) => {
        $crate::decoder::decoder!(@ $name, super::$name);
    };
    ($name:ident, text) => {
        $crate::decoder::decoder!(@ $name, |bytes: &[u8]| super::$name(&String::from_utf8_lossy(bytes)));
    };
    (@ $name:ident, $check:expr) => {
        mod $name {
            use proptest::prelude::any;
            use $crate::decoder::{corpus, files, mutated};

            #[test]
            fn known() {
                let mut files = files(stringify!($name));
                files.retain(|(file, bytes)| ($check)(bytes) == file.starts_with("refused"));
                let names: Vec<_> = files.into_iter().map(|(file, _)| file).collect();
                assert!(names.is_empty(), "taken or refused against their names: {names:?}");
            }

            proptest::proptest! {
                #[test]
                fn damaged(bytes in mutated(corpus(stringify!($name)))) {
                    ($check)(&bytes);
                }

                #[test]
                fn anything(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
                    ($check)(&bytes);
                }
            }

            #[cfg(fuzzing)]
            #[test]
            fn sought() {
                bolero::check!().for_each(|bytes: &[u8]| {
                    ($check)(bytes);
                });
            }
        }
    };
}

pub(crate) use decoder;

/// What is in the files of a folder of the corpus of the crate that this is compiled in, by name.
pub(crate) fn corpus(folder: &str) -> Vec<Vec<u8>> {
    files(folder).into_iter().map(|(_, bytes)| bytes).collect()
}

/// The same with their names.
pub(crate) fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    // Asked for at run time: with one target folder for two clones, this may have been built in the other one.
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let folder = Path::new(&package).join("corpus").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// Known bytes, as they are or changed in a few places: cut, flipped, doubled, taken from another.
pub(crate) fn mutated(known: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), any::<Index>(), 0_u8..9, any::<u8>());
    (select(known.clone()), select(known), vec(edit, 0..6)).prop_map(|(mut bytes, other, edits)| {
        for (at, to, kind, byte) in edits {
            if bytes.is_empty() {
                bytes.push(byte);
            }
            let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
            let (from, end) = (at.min(to), at.max(to));
            match kind {
                0 => bytes.truncate(at),
                1 => bytes[at] = byte,
                2 => bytes[at] ^= 1 << (byte % 8),
                3 => bytes.insert(at, byte),
                4 => drop(bytes.drain(from..end)),
                5 if bytes.len() < 100_000 => {
                    let piece = bytes[from..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                6 => {
                    let from = to.min(other.len());
                    bytes.splice(at.., other[from..].iter().copied());
                }
                // Numbers at their ends, as lengths and counts like them.
                7 => bytes[from..end.min(from + 4)].fill(if byte % 2 == 0 { 0xff } else { 0 }),
                _ => {
                    let number: &[u8] = if byte % 2 == 0 { b"999999999999999999999" } else { b"-1" };
                    bytes.splice(at..at, number.iter().copied());
                }
            }
        }
        bytes
    })
}
