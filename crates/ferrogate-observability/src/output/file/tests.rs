use std::collections::BTreeSet;
use std::io::Read as _;

use super::*;
use crate::output::Compression;

fn batch(lines: &[String]) -> Batch {
    let mut batch = Batch::default();
    for line in lines {
        batch.text().extend_from_slice(line.as_bytes());
        batch.text().push(b'\n');
        batch.end_line();
    }
    batch
}

fn lines(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("line {number:06}")).collect()
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).unwrap();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .map(drop),
        Some("zst") => zstd::stream::read::Decoder::new(file)
            .unwrap()
            .read_to_string(&mut text)
            .map(drop),
        _ => (&file).read_to_string(&mut text).map(drop),
    }
    .unwrap();
    text
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn rolling_keeps_every_line_whole() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let roll = Roll {
            // Seven lines of twelve bytes, and a bit.
            size: 90,
            keep: 0,
            compression,
            ..Roll::default()
        };
        let mut spec = LogFile::at(&path);
        spec.roll = Some(roll);
        let mut output = FileOutput::open(spec.clone()).unwrap();
        for start in 0..10 {
            let numbers = start * 10..(start + 1) * 10;
            output.write(&batch(&lines(numbers))).unwrap();
        }
        // The thread of old files may be broken off at any time; the next start goes on.
        drop(output);
        drop(FileOutput::open(spec).unwrap());
        let mut found = BTreeSet::new();
        for path in files(dir.path()) {
            let text = read(&path);
            assert!(
                text.len() <= 90 && text.ends_with('\n'),
                "{path:?}: {text:?}"
            );
            found.extend(text.lines().map(str::to_owned));
        }
        assert_eq!(
            found,
            lines(0..100).into_iter().collect(),
            "{compression:?}"
        );
        assert_eq!(files(dir.path()).len(), 15);
    }
}

#[test]
fn only_its_own_old_files_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    fs::write(dir.path().join("access-other.log"), "mine").unwrap();
    for old in ["01", "02", "03"] {
        let name = format!("access-2020-01-{old}T00-00-00.000.log.gz");
        let file = File::create(dir.path().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(old.parse().unwrap()))
            .unwrap();
    }
    let names = Names::new(&path, &Roll::default());
    let found: Vec<_> = names
        .existing()
        .into_iter()
        .map(|backup| (backup.compressed, backup.path))
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].0
            && found[0]
                .1
                .ends_with("access-2020-01-03T00-00-00.000.log.gz")
    );

    let mut spec = LogFile::at(&path);
    spec.roll = Some(Roll {
        keep: 2,
        keep_for: Duration::ZERO,
        ..Roll::default()
    });
    // The thread does its first round before it looks whether it shall stop for good.
    let archivist = Archivist::start(&path, spec.roll.clone().unwrap()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while names.existing().len() > 2 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    drop(archivist);
    let left: Vec<_> = files(dir.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        left,
        [
            "access-2020-01-02T00-00-00.000.log.gz",
            "access-2020-01-03T00-00-00.000.log.gz",
            "access-other.log"
        ]
    );
}

#[test]
fn old_files_never_take_a_name_that_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let roll = Roll {
        backup_time_format: Some("2006/01".to_owned()),
        ..Roll::default()
    };
    let names = Names::new(&path, &roll);
    let at = Duration::from_secs(1);
    let mut taken = Vec::new();
    for suffix in ["", ".gz", ""] {
        let free = names.free(at);
        fs::write(super::super::backup::with_suffix(&free, suffix), "").unwrap();
        taken.push(free);
    }
    let expected = ["log-1970-01", "log-1970-01.1", "log-1970-01.2"];
    assert_eq!(taken, expected.map(|name| dir.path().join(name)));
    assert_eq!(names.existing().len(), 3);
}

#[test]
fn a_file_that_was_moved_away_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let mut output = FileOutput::open(LogFile::at(&path)).unwrap();
    output.write(&batch(&lines(0..1))).unwrap();
    fs::rename(&path, dir.path().join("moved")).unwrap();
    output.write(&batch(&lines(1..2))).unwrap();
    // The time to look has come.
    output.looked = Instant::now().checked_sub(LOOK).unwrap();
    output.write(&batch(&lines(2..3))).unwrap();
    assert_eq!(
        read(&dir.path().join("moved")),
        "line 000000\nline 000001\n"
    );
    assert_eq!(read(&path), "line 000002\n");
}

#[test]
fn folders_and_files_have_their_permissions() {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (dir_mode, file_mode, expected) in [
        (DirMode::Mode(0o700), 0o600, 0o700),
        (DirMode::FromFile, 0o640, 0o750),
        (DirMode::Inherit, 0o600, 0o711),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let path = dir.path().join("a/b/access.log");
        let spec = LogFile {
            mode: file_mode,
            dir_mode,
            ..LogFile::at(&path)
        };
        spec.check().unwrap();
        assert!(!dir.path().join("a").exists(), "a check makes nothing");
        drop(FileOutput::open(spec).unwrap());
        assert_eq!(
            (mode(&dir.path().join("a/b")), mode(&path)),
            (expected, file_mode),
            "{dir_mode:?}"
        );
    }
}

#[test]
fn what_cannot_be_opened_is_said() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    for path in [dir.path().to_owned(), dir.path().join("file/access.log")] {
        let spec = LogFile::at(&path);
        let checked = spec.check().unwrap_err().to_string();
        assert_eq!(
            checked,
            format!("the log file `{}` cannot be opened", path.display())
        );
        FileOutput::open(spec).unwrap_err();
    }
}

#[test]
fn a_part_of_an_entry_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let mut output = FileOutput::open(LogFile::at(&path)).unwrap();
    output.write(&batch(&lines(0..1))).unwrap();
    // What cannot be taken back, as on a device, is ended before the next entry.
    output.torn = true;
    output.write(&batch(&lines(1..2))).unwrap();
    assert_eq!(read(&path), "line 000000\n\nline 000001\n");
}
