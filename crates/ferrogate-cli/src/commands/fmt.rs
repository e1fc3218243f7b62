//! `ferrogate fmt`

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use ferrogate_config::{SourceFormat, format};

use super::source;
use crate::args::FmtOptions;
use crate::console::{Failure, Outcome, print, say};

/// Formats a Caddyfile: to stdout, back into the file, as a difference, or only as a verdict.
pub(crate) fn run(options: &FmtOptions) -> Outcome {
    let stdin = options.file.as_deref() == Some(Path::new("-"));
    let path = if stdin {
        PathBuf::from("-")
    } else {
        source::path(options.file.as_deref())?
    };
    // Its lines would be taken for directives, and texts of several lines would lose their blanks.
    if SourceFormat::of(&path) == Some(SourceFormat::Toml) {
        return Err(Failure::Misused(format!(
            "`{}` is TOML, and `fmt` formats Caddyfiles",
            path.display()
        )));
    }
    let before = if stdin {
        read_stdin()?
    } else {
        read_file(&path)?
    };
    let after = format(&before);
    if options.check {
        return if before == after {
            Ok(())
        } else {
            say(&format!(
                "{} is not formatted; `ferrogate fmt --overwrite` formats it",
                path.display()
            ));
            Err(Failure::Told)
        };
    }
    if options.diff {
        return print(&difference(&before, &after));
    }
    if options.overwrite && !stdin {
        return if before == after {
            Ok(())
        } else {
            replace(&path, &after)
        };
    }
    print(&after)
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Failed(format!("stdin cannot be read: {error}")))?;
    Ok(text)
}

fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Failed(format!("`{}` cannot be read: {error}", path.display())))
}

/// Writes beside the file and renames, so that a full disk or a crash leaves the old text or the new one.
fn replace(path: &Path, text: &str) -> Outcome {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".fmt");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = std::fs::File::create(&beside)?;
        file.set_permissions(std::fs::metadata(path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| {
        // The half-written file is of no use; the one that was there is untouched.
        drop(std::fs::remove_file(&beside));
        Failure::Failed(format!("`{}` cannot be written: {error}", path.display()))
    })
}

/// The lines that change, `-` before and `+` after, between the first and the last difference.
fn difference(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let head = same(&mut old.iter().zip(&new));
    let room = old.len().min(new.len()) - head;
    let tail = same(&mut old.iter().rev().zip(new.iter().rev()).take(room));
    let mut text = String::new();
    for (lines, mark) in [(&old, "- "), (&new, "+ ")] {
        for line in lines.iter().take(lines.len() - tail).skip(head) {
            text.push_str(mark);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_changes() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n"), "- b\n+ x\n+ y\n");
        assert_eq!(difference("a\n", "a\n"), "");
        assert_eq!(difference("a\na\n", "a\n"), "- a\n");
        assert_eq!(difference("", "a\n"), "+ a\n");
    }
}
