//! The type of a column of texts: the narrowest that gives back every text unchanged.

use super::FieldType;

/// What the texts of one column seen so far have in common.
#[derive(Clone, Debug)]
pub(crate) struct Inference {
    integer: bool,
    number: bool,
    boolean: bool,
    seen: bool,
}

impl Default for Inference {
    fn default() -> Self {
        Self { integer: true, number: true, boolean: true, seen: false }
    }
}

impl Inference {
    /// Takes one more text into account. An empty one says nothing about the type.
    pub(crate) fn see(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.seen = true;
        self.integer = self.integer && is_exact_integer(text);
        self.number = self.number && is_exact_number(text);
        self.boolean = self.boolean && matches!(text, "true" | "false");
    }

    pub(crate) fn kind(&self) -> FieldType {
        match self {
            Self { seen: false, .. } => FieldType::Text,
            Self { integer: true, .. } => FieldType::Integer,
            Self { number: true, .. } => FieldType::Number,
            Self { boolean: true, .. } => FieldType::Boolean,
            _ => FieldType::Text,
        }
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
        texts.iter().for_each(|text| inference.see(text));
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
        assert_eq!(kind(&["", ""]), FieldType::Text);
    }
}
