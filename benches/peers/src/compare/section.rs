//! Filling a marked section of a Markdown file.

use anyhow::{Result, bail, ensure};

/// The text with everything between the section's two marker lines replaced by `body`.
pub fn replace(text: &str, name: &str, body: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- begin:{name} -->"),
        format!("<!-- end:{name} -->"),
    );
    let (first, last) = (only_line(text, &begin)?, only_line(text, &end)?);
    ensure!(first < last, "`{end}` stands before `{begin}`: swap them");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let before = lines[..=first].concat();
    let after = lines[last..].concat();
    Ok(format!("{before}\n{}\n\n{after}", body.trim()))
}

/// The index of the one line that is `marker`.
fn only_line(text: &str, marker: &str) -> Result<usize> {
    let mut found = text.lines().enumerate().filter(|(_, l)| l.trim() == marker);
    match (found.next(), found.next()) {
        (Some((i, _)), None) => Ok(i),
        (None, _) => bail!("no line `{marker}`: add one where the section is to be"),
        _ => bail!("more than one line `{marker}`: leave one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# T\n<!-- begin:a -->\nold\nold\n<!-- end:a -->\nrest";

    #[test]
    fn the_section_is_replaced_and_the_rest_kept() {
        let filled = replace(FILE, "a", "new\n").unwrap();
        assert_eq!(
            filled,
            "# T\n<!-- begin:a -->\n\nnew\n\n<!-- end:a -->\nrest"
        );
        assert_eq!(replace(&filled, "a", "new").unwrap(), filled);
    }

    #[test]
    fn an_empty_section_is_filled() {
        let filled = replace("<!-- begin:a -->\n<!-- end:a -->\n", "a", "x").unwrap();
        assert_eq!(filled, "<!-- begin:a -->\n\nx\n\n<!-- end:a -->\n");
    }

    #[test]
    fn other_line_ends_are_kept() {
        let text = "one\r\n<!-- begin:a -->\r\nold\r\n<!-- end:a -->\r\ntwo\r\n";
        let filled = replace(text, "a", "x").unwrap();
        assert!(filled.starts_with("one\r\n<!-- begin:a -->\r\n"));
        assert!(filled.ends_with("<!-- end:a -->\r\ntwo\r\n"));
    }

    #[test]
    fn a_wrong_file_is_refused_with_a_remedy() {
        let refusal = |text: &str, name: &str| replace(text, name, "x").unwrap_err().to_string();
        assert!(refusal(FILE, "b").contains("no line `<!-- begin:b -->`: add one"));
        assert!(refusal("<!-- begin:a -->", "a").contains("no line `<!-- end:a -->`"));
        assert!(refusal("<!-- end:a -->\n<!-- begin:a -->", "a").contains("swap them"));
        assert!(refusal(&format!("{FILE}\n{FILE}"), "a").contains("leave one"));
    }
}
