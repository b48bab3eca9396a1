//! The type of a column of texts: the narrowest that gives back every text unchanged.

use super::FieldType;

/// What the texts of one column seen so far have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inference {
    /// `None` until a text has been seen.
    kind: Option<FieldType>,
    /// Whether one of them, a long integer, would not be the same as a double.
    beyond_doubles: bool,
}

impl Inference {
    /// Takes one more text into account. An empty one says nothing about the type.
    pub(crate) fn see(&mut self, text: &str) {
        use FieldType::{Boolean, Integer, Number, Text};
        if text.is_empty() {
            return;
        }
        let exact_number = is_exact_number(text);
        self.kind = Some(match self.kind {
            None | Some(Boolean) if matches!(text, "true" | "false") => Boolean,
            None | Some(Integer) if is_exact_integer(text) => Integer,
            None | Some(Integer | Number) if exact_number && !self.beyond_doubles => Number,
            _ => Text,
        });
        self.beyond_doubles = self.beyond_doubles || !exact_number;
    }

    pub(crate) fn kind(&self) -> FieldType {
        self.kind.unwrap_or(FieldType::Text)
    }
}

fn is_exact_integer(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

/// A number that a double holds and prints the same way: no digit and no zero is lost by its type. Databases know
/// no negative zero, so that is none.
fn is_exact_number(text: &str) -> bool {
    text != "-0" && text.parse::<f64>().is_ok_and(|number| number.is_finite() && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(texts: &[&str]) -> FieldType {
        let mut inference = Inference::default();
        for text in texts {
            inference.see(text);
        }
        inference.kind()
    }

    #[test]
    fn a_type_is_taken_only_if_every_text_comes_back_unchanged() {
        assert_eq!(kind(&["1", "-2", ""]), FieldType::Integer);
        assert_eq!(kind(&["1", "2.5"]), FieldType::Number);
        assert_eq!(kind(&["true", "false"]), FieldType::Boolean);
        for awkward in [
            "007",
            "1.10",
            "+1",
            " 1",
            "-0",
            "1e3",
            "NaN",
            "inf",
            "9223372036854775808",
            "TRUE",
            "0.1234567890123456789",
        ] {
            assert_eq!(kind(&["1", awkward]), FieldType::Text, "{awkward}");
        }
        assert_eq!(kind(&["9007199254740993", "1"]), FieldType::Integer);
        assert_eq!(kind(&["9007199254740993", "0.5"]), FieldType::Text);
        assert_eq!(kind(&["true", "1"]), FieldType::Text);
        assert_eq!(kind(&["", ""]), FieldType::Text);
    }
}
