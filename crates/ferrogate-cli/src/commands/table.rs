//! Columns of text.

/// Rows under a head, each column as wide as its widest cell; the last one is not filled up. Without a head, rows only.
pub(super) fn columns<R: AsRef<[String]>>(head: &[&str], rows: &[R]) -> String {
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let heads = (!head.is_empty()).then_some(head.as_slice());
    let all = || heads.into_iter().chain(rows.iter().map(AsRef::as_ref));
    let mut widths = Vec::new();
    for row in all() {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in all() {
        line(&mut text, &widths, row);
    }
    text
}

/// Adds a row whose columns have these widths at least.
pub(super) fn line(text: &mut String, widths: &[usize], row: &[String]) {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        let missing = width.saturating_sub(cell.chars().count()) + 2;
        line.extend(std::iter::repeat_n(' ', missing));
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_stand_under_their_heads() {
        let rows = [
            ["a".to_owned(), "b".to_owned()],
            ["long".to_owned(), String::new()],
        ];
        assert_eq!(
            super::columns(&["X", "Y"], &rows),
            "X     Y\na     b\nlong\n"
        );
        assert_eq!(super::columns(&[], &rows), "a     b\nlong\n");
    }
}
