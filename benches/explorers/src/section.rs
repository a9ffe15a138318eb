//! Filling a marked section of a Markdown file.

use std::fs;
use std::path::Path;

/// Puts `body` between the lines `<!-- begin:NAME -->` and `<!-- end:NAME -->` of a file.
pub fn fill(file: &Path, name: &str, body: &str) -> Result<(), String> {
    let in_file = |why: String| format!("--write {}: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|why| in_file(why.to_string()))?;
    let filled = replace(&text, name, body).map_err(in_file)?;
    fs::write(file, filled).map_err(|why| in_file(why.to_string()))
}

/// Whether a file has such a section; the error says what it needs.
pub fn find(file: &Path, name: &str) -> Result<(), String> {
    let in_file = |why: String| format!("--write {}: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|why| in_file(why.to_string()))?;
    replace(&text, name, "").map(drop).map_err(in_file)
}

fn replace(text: &str, name: &str, body: &str) -> Result<String, String> {
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- {which}:{name} -->\n"));
    let only = |marker: &str| match text.matches(marker).count() {
        1 => Ok(()),
        0 => Err(format!("no line `{}`: add one where the section is to be", marker.trim())),
        _ => Err(format!("more than one line `{}`: leave one", marker.trim())),
    };
    only(&begin)?;
    only(&end)?;
    let (before, rest) = text.split_once(&begin).expect("it is there once");
    let swapped = || format!("`{}` stands before `{}`: swap them", end.trim(), begin.trim());
    let (_, after) = rest.split_once(&end).ok_or_else(swapped)?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# T\n<!-- begin:a -->\nold\nold\n<!-- end:a -->\nrest";

    #[test]
    fn the_section_is_replaced_and_the_rest_kept() {
        let filled = replace(FILE, "a", "new\n").unwrap();
        assert_eq!(filled, "# T\n<!-- begin:a -->\n\nnew\n\n<!-- end:a -->\nrest");
        assert_eq!(replace(&filled, "a", "new").unwrap(), filled);
    }

    #[test]
    fn a_wrong_file_is_refused_with_a_remedy() {
        let refusal = |text: &str, name: &str| replace(text, name, "x").unwrap_err();
        assert!(refusal(FILE, "b").contains("no line `<!-- begin:b -->`: add one"));
        assert!(refusal("<!-- begin:a -->\n", "a").contains("no line `<!-- end:a -->`"));
        assert!(refusal("<!-- end:a -->\n<!-- begin:a -->\n", "a").contains("swap them"));
        assert!(refusal(&format!("{FILE}\n{FILE}"), "a").contains("leave one"));
    }
}
