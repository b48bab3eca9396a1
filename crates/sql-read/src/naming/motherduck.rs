//! The `motherduck` connector: typed tables in the schema of the configuration. Which of its two rules a version
//! follows is not certain, so both are tried.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::sanitise::no_leading_digit;
use super::{Candidate, Layout, Naming};

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new(of.namespace, unicode_aware(of.name), Layout::Typed),
        Candidate::new(of.namespace, lower_case(of.name), Layout::Typed),
    ]
}

/// Letters and digits of every script stay; whatever is between them becomes one `_`, and none is left at the ends.
/// Empty where nothing stays.
fn unicode_aware(name: &str) -> String {
    let lower = name.to_lowercase();
    let stays = |c: char| {
        matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
    };
    let words: Vec<&str> = lower.split(|c| !stays(c)).filter(|word| !word.is_empty()).collect();
    no_leading_digit(words.join("_"))
}

/// ASCII letters and digits stay, each other character becomes `_`. Empty where nothing stays.
pub(super) fn lower_case(name: &str) -> String {
    let lower = name.to_lowercase();
    let clean: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if clean.bytes().all(|byte| byte == b'_') { String::new() } else { no_leading_digit(clean) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_rules_differ_in_accents_and_underscores() {
        assert_eq!(unicode_aware("__Café  Crème__"), "café_crème");
        assert_eq!(lower_case("__Café  Crème__"), "__caf___cr_me__");
        assert_eq!((unicode_aware("2fa"), lower_case("2fa")), ("_2fa".to_owned(), "_2fa".to_owned()));
        assert_eq!((unicode_aware("!?"), lower_case("!?")), (String::new(), String::new()));
        assert_eq!(unicode_aware("Ⓐb"), "b");
    }
}
