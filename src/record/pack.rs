//! Opening a recording, and packing its folder into one file.
//!
//! Invariant: packing the same recording gives the same bytes, and a packed recording is read where
//! it lies: nothing is unpacked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Mutex;

use crate::record::error::RecordError;
use crate::record::manifest::{
    COMMANDS, FileEntry, MANIFEST, Manifest, SCENE, file_name, not_a_recording, parse_commands,
};
use crate::record::recording::Recording;
use crate::record::shelf::{Shelf, Source};

/// Entries of a packed file at most: twelve tables of some hundred thousand groups.
const ENTRIES_MAX: usize = 1 << 21;

/// Opens a recording: a folder, or a file that [`pack`] wrote. One that a crash cut short opens up
/// to its last listed chunk.
pub fn open(path: &Path) -> Result<Recording, RecordError> {
    let source = source(path)?;
    let manifest = Manifest::parse(path, &source.document(MANIFEST)?)?;
    let text = source.document(SCENE)?;
    if let Some(listed) = document(&manifest, SCENE) {
        listed.verify(&path.join(SCENE), text.as_bytes())?;
    }
    let scene = crate::scene::text::load(&text, SCENE);
    let scene = scene.map_err(|problems| not_a_recording(path, format!("its scene is unreadable: {problems}")))?.scene;
    let commands = source.document(COMMANDS)?;
    if let Some(listed) = document(&manifest, COMMANDS) {
        listed.verify(&path.join(COMMANDS), commands.as_bytes())?;
    }
    let commands = parse_commands(path, &commands)?;
    Ok(Recording::opened(scene, &manifest, commands, Shelf::new(source, manifest.groups.clone())))
}

fn document<'manifest>(manifest: &'manifest Manifest, name: &str) -> Option<&'manifest FileEntry> {
    manifest.documents.iter().find(|document| document.name == name)
}

fn source(path: &Path) -> Result<Source, RecordError> {
    let metadata = fs::metadata(path).map_err(|error| RecordError::file("open", path, &error))?;
    if metadata.is_dir() {
        return match fs::exists(path.join(MANIFEST)) {
            Ok(true) => Ok(Source::Folder(path.to_path_buf())),
            _ => Err(not_a_recording(path, format!("it holds no `{MANIFEST}`"))),
        };
    }
    packed(path)
}

fn packed(path: &Path) -> Result<Source, RecordError> {
    let open = || File::open(path).map_err(|error| RecordError::file("open", path, &error));
    let mut archive = tar::Archive::new(open()?);
    let mut entries = BTreeMap::new();
    let no_archive = |error: std::io::Error| not_a_recording(path, format!("it is no packed recording: {error}"));
    for entry in archive.entries_with_seek().map_err(no_archive)? {
        let entry = entry.map_err(no_archive)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let foreign = entry.header().entry_type() != tar::EntryType::Regular || name.contains(['/', '\\']);
        if foreign || entries.len() >= ENTRIES_MAX {
            return Err(RecordError::ForeignEntry { path: path.to_path_buf(), entry: name });
        }
        let place = (entry.raw_file_position(), entry.size());
        if entries.insert(name.clone(), place).is_some() {
            return Err(RecordError::ForeignEntry { path: path.to_path_buf(), entry: name });
        }
    }
    if !entries.contains_key(MANIFEST) {
        return Err(not_a_recording(path, format!("it holds no `{MANIFEST}`")));
    }
    Ok(Source::Packed { path: path.to_path_buf(), file: Mutex::new(open()?), entries })
}

/// Makes one file of a recording's folder. Only what the manifest lists goes in, after its checksum
/// was compared; the target must not exist.
pub fn pack(folder: &Path, file: &Path) -> Result<(), RecordError> {
    if fs::exists(file).unwrap_or(false) {
        return Err(RecordError::TargetExists { path: file.to_path_buf() });
    }
    let source = source(folder)?;
    let text = source.document(MANIFEST)?;
    let manifest = Manifest::parse(folder, &text)?;
    let mut aside = file.as_os_str().to_owned();
    aside.push(".part");
    let aside = Path::new(&aside);
    let refused = |error: std::io::Error| RecordError::file("write", aside, &error);
    let mut archive = tar::Builder::new(File::create(aside).map_err(refused)?);
    append(&mut archive, MANIFEST, text.as_bytes()).map_err(refused)?;
    for name in [SCENE, COMMANDS] {
        let bytes = source.read(name)?;
        if let Some(listed) = document(&manifest, name) {
            listed.verify(&folder.join(name), &bytes)?;
        }
        append(&mut archive, name, &bytes).map_err(refused)?;
    }
    for (number, group) in manifest.groups.iter().enumerate() {
        for listed in &group.files {
            let name = file_name(&listed.name, number);
            let bytes = source.read(&name)?;
            listed.verify(&folder.join(&name), &bytes)?;
            append(&mut archive, &name, &bytes).map_err(refused)?;
        }
    }
    let written = archive.into_inner().and_then(|file| file.sync_all());
    written.map_err(refused)?;
    fs::rename(aside, file).map_err(|error| RecordError::file("rename to", file, &error))
}

fn append(archive: &mut tar::Builder<File>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, bytes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::record::digest::digest;
    use crate::record::recording::CutShort;
    use crate::record::sketch::{Size, deliveries, rows};
    use crate::record::writer::{Target, spawn};
    use crate::scene::document::Scene;
    use crate::scene::time::{SimSpan, SimTime};

    const LENGTH: SimSpan = SimSpan::from_millis(3_250);

    fn record(seed: u64, target: Target) -> Recording {
        let rows = rows(seed, Size { nodes: 17, hops: 620_000, length: LENGTH });
        let end = SimTime::ZERO + LENGTH;
        let (sender, recording, writer) = spawn(Scene::default(), target, seed).unwrap();
        let untils = (1..32).map(|tenth| SimTime::ZERO + SimSpan::from_millis(tenth * 100)).collect();
        deliveries(&rows, untils, 2, end).into_iter().for_each(|delivery| sender.send(delivery).unwrap());
        writer.join().unwrap();
        recording
    }

    fn listed(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut names: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
            .iter()
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_back_and_the_same_rows_give_the_same_bytes() {
        let scratch = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| scratch.path().join(name));
        let written = record(5, Target::Folder(one.clone()));
        let opened = open(&one).unwrap();
        assert!(written.chunks().len() >= 4);
        assert_eq!(opened.chunks(), written.chunks());
        assert_eq!(opened.cut_short(), CutShort::No);
        assert_eq!((opened.seed(), opened.end()), (5, written.end()));
        assert_eq!(opened.commands(), written.commands());
        for span in written.chunks() {
            assert_eq!(opened.chunk(span.index).unwrap(), written.chunk(span.index).unwrap());
            assert_eq!(opened.statistics(span.index).unwrap(), written.statistics(span.index).unwrap());
        }
        assert_eq!(digest(&opened).unwrap(), digest(&written).unwrap());
        record(5, Target::Folder(two.clone()));
        assert_eq!(listed(&one), listed(&two));

        let [packed, again] = ["one.packed", "again.packed"].map(|name| scratch.path().join(name));
        pack(&one, &packed).unwrap();
        pack(&two, &again).unwrap();
        assert_eq!(fs::read(&packed).unwrap(), fs::read(&again).unwrap());
        assert_eq!(digest(&open(&packed).unwrap()).unwrap(), digest(&written).unwrap());
        assert_eq!(pack(&one, &packed), Err(RecordError::TargetExists { path: packed.clone() }));
        assert!(matches!(spawn(Scene::default(), Target::Folder(one), 1), Err(RecordError::TargetExists { .. })));
    }

    #[test]
    fn a_recording_larger_than_its_budget_is_read_back_from_scratch_files() {
        let rows = rows(6, Size { nodes: 17, hops: 620_000, length: LENGTH });
        let end = SimTime::ZERO + LENGTH;
        let (sender, recording, writer) = spawn(Scene::default(), Target::Memory, 6).unwrap();
        recording.set_memory_budget(8 << 20);
        let untils = (1..32).map(|tenth| SimTime::ZERO + SimSpan::from_millis(tenth * 100)).collect();
        deliveries(&rows, untils, 2, end).into_iter().for_each(|delivery| sender.send(delivery).unwrap());
        writer.join().unwrap();
        assert!(recording.memory() <= 8 << 20, "{} bytes are in memory", recording.memory());
        assert_eq!(digest(&recording).unwrap(), digest(&record(6, Target::Memory)).unwrap());
        assert!(recording.memory() <= 8 << 20);
    }

    #[test]
    fn a_folder_that_a_crash_left_opens_up_to_the_last_listed_chunk() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("run");
        let written = record(7, Target::Folder(folder.clone()));
        let path = folder.join(MANIFEST);
        let mut manifest = Manifest::parse(&folder, &fs::read_to_string(&path).unwrap()).unwrap();
        // As a crash leaves it: the last group is not listed and half written.
        let lost = manifest.groups.pop().unwrap();
        manifest.finished = false;
        manifest.documents.truncate(1);
        manifest.end = lost.chunks[0].start;
        fs::write(&path, manifest.text().unwrap()).unwrap();
        let torn = folder.join(file_name("hops", manifest.groups.len()));
        let bytes = fs::read(&torn).unwrap();
        fs::write(&torn, &bytes[..bytes.len() / 2]).unwrap();

        let opened = open(&folder).unwrap();
        assert_eq!(opened.cut_short(), CutShort::Yes);
        let chunks = opened.chunks();
        assert!(!chunks.is_empty());
        assert_eq!(opened.end(), chunks.last().unwrap().end);
        assert_eq!(chunks.len() + lost.chunks.len(), written.chunks().len());
        for span in chunks {
            assert_eq!(opened.chunk(span.index).unwrap(), written.chunk(span.index).unwrap());
        }
    }

    #[test]
    fn a_changed_byte_is_told_with_its_file() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("run");
        record(8, Target::Folder(folder.clone()));
        let path = folder.join(file_name("receipts", 0));
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = open(&folder).unwrap().chunk(0).unwrap_err();
        assert!(matches!(&error, RecordError::Checksum { path: damaged, .. } if *damaged == path), "{error}");
        assert!(error.to_string().contains("receipts-000000.parquet"), "{error}");
    }

    #[test]
    fn other_files_and_folders_are_refused_with_a_reason() {
        let scratch = tempfile::tempdir().unwrap();
        let refused = |path: &Path| open(path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused(scratch.path()).contains("holds no `manifest.ron`"));
        assert!(refused(&scratch.path().join("missing")).starts_with("cannot open"));
        let file = scratch.path().join("file");
        fs::write(&file, vec![7; 4096]).unwrap();
        assert!(refused(&file).contains("is not a recording"));
    }
}
