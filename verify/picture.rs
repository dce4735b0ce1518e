//! A terminal's text as a picture: an SVG that looks the same everywhere, readable in light and dark surroundings, whose
//! text can be searched and selected.

/// How wide a picture's text may be, in characters; longer lines go on below, indented.
const COLUMNS: usize = 112;

/// The advance of one character and the height of one line, in the SVG's pixels, at [`FONT_SIZE`].
const ADVANCE: f64 = 7.8;
const LINE_HEIGHT: usize = 18;
const FONT_SIZE: usize = 13;
const MARGIN: usize = 16;
/// The bar above the text, with the title.
const BAR: usize = 32;

/// What a line is drawn in, by what it begins with; the first that fits.
const COLOURS: [(&str, &str); 7] = [
    ("$ ", "#7ee787"),
    ("Claude:", "#ffffff"),
    ("  Bash>", "#79c0ff"),
    ("  mcp__", "#d2a8ff"),
    ("    |", "#8b949e"),
    ("cbox:", "#e3b341"),
    ("done", "#7ee787"),
];
const COLOUR_OTHERWISE: &str = "#c9d1d9";

/// Draws what a terminal showed.
///
/// ```
/// let svg = verify::picture::svg("a shop", "$ ./cbox demo\nClaude: 1 < 2");
/// assert!(svg.starts_with("<svg ") && svg.contains("Claude: 1 &lt; 2"));
/// ```
#[must_use]
pub fn svg(title: &str, text: &str) -> String {
    let lines: Vec<(String, &str)> = text.lines().flat_map(wrapped).collect();
    let width = (COLUMNS as f64 * ADVANCE).ceil() as usize + 2 * MARGIN;
    let height = BAR + lines.len() * LINE_HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g fill=\"#8b949e\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"{FONT_SIZE}\">\n\
         <circle cx=\"20\" cy=\"16\" r=\"5\" fill=\"#ff5f57\"/><circle cx=\"38\" cy=\"16\" r=\"5\" fill=\"#febc2e\"/><circle cx=\"56\" cy=\"16\" r=\"5\" fill=\"#28c840\"/>\n\
         <text x=\"{}\" y=\"21\" text-anchor=\"middle\">{title}</text>\n",
        width / 2,
        title = escaped(title),
    );
    for (number, (line, colour)) in lines.iter().enumerate() {
        let y = BAR + MARGIN + number * LINE_HEIGHT;
        svg.push_str(&format!(
            "<text xml:space=\"preserve\" x=\"{MARGIN}\" y=\"{y}\" fill=\"{colour}\">{}</text>\n",
            escaped(line)
        ));
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// A line in pieces that fit, all in its colour; further pieces are indented as far as the first.
fn wrapped(line: &str) -> Vec<(String, &'static str)> {
    let colour = COLOURS
        .iter()
        .find(|(start, _)| line.starts_with(start))
        .map_or(COLOUR_OTHERWISE, |(_, colour)| colour);
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for word in line.split_inclusive(' ') {
        let is_full = piece.chars().count() + word.trim_end().chars().count() > COLUMNS;
        if is_full && !piece.trim().is_empty() {
            pieces.push((std::mem::replace(&mut piece, format!("{indent}  ")), colour));
        }
        piece.push_str(word);
    }
    pieces.push((piece, colour));
    pieces
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_and_keep_their_colour() {
        let line = format!("    | {}", "word ".repeat(40));
        let pieces = wrapped(&line);
        assert_eq!(pieces.len(), 2);
        assert!(
            pieces
                .iter()
                .all(|(piece, colour)| piece.trim_end().chars().count() <= COLUMNS && *colour == "#8b949e")
        );
        assert!(pieces[1].0.starts_with("      word"), "{:?}", pieces[1]);
    }

    #[test]
    fn an_empty_line_is_a_line() {
        assert_eq!(svg("t", "a\n\nb").matches("<text xml").count(), 3);
    }
}
