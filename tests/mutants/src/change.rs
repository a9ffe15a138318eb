//! The changes, as `cargo mutants --list --json` names them.

use serde_json::Value;
use std::ops::Range;

/// One change of one place.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) file: String,
    pub(crate) genre: Genre,
    /// The bytes of the file that are replaced.
    pub(crate) place: Range<usize>,
    pub(crate) replacement: String,
    /// As cargo-mutants calls it, with line and column.
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Genre {
    Body,
    Binary,
    Unary,
    Arm,
    Guard,
    Field,
}

/// Reads the list; `source` gives the text of a file.
pub(crate) fn read(list: &str, source: impl Fn(&str) -> String) -> Vec<Change> {
    let list: Value = serde_json::from_str(list).expect("cargo-mutants writes JSON");
    let list = list.as_array().expect("the list is an array");
    list.iter().map(|one| change(one, &source)).collect()
}

fn change(one: &Value, source: impl Fn(&str) -> String) -> Change {
    let text = |key: &str| one[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {one}")).to_owned();
    let file = text("file");
    let content = source(&file);
    let place = offset(&content, &one["span"]["start"])..offset(&content, &one["span"]["end"]);
    Change { genre: genre(&text("genre")), place, replacement: text("replacement"), name: text("name"), file }
}

fn genre(name: &str) -> Genre {
    match name {
        "FnValue" => Genre::Body,
        "BinaryOperator" => Genre::Binary,
        "UnaryOperator" => Genre::Unary,
        "MatchArm" => Genre::Arm,
        "MatchArmGuard" => Genre::Guard,
        "StructField" => Genre::Field,
        other => panic!("this cargo-mutants makes changes of a kind that is not known here: {other}"),
    }
}

/// Lines and columns count from 1, columns in characters.
fn offset(source: &str, at: &Value) -> usize {
    let number = |key: &str| at[key].as_u64().expect("a position is two numbers") as usize;
    let line: usize = source.split_inclusive('\n').take(number("line") - 1).map(str::len).sum();
    let column: usize = source[line..].chars().take(number("column") - 1).map(char::len_utf8).sum();
    line + column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_and_found_in_bytes() {
        let list = r#"[{"file":"a.rs","genre":"BinaryOperator","replacement":"-","name":"a","span":
            {"start":{"line":2,"column":3},"end":{"line":2,"column":4}}}]"#;
        let changes = read(list, |_| "x\né + 1\n".into());
        assert_eq!(changes[0].place, 5..6);
    }
}
