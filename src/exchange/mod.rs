//! In and out: other tools' formats, each a file or a folder.
//!
//! Invariant: nothing is fetched, and no file outside the folder of the imported one is read.
//! Invariant: what an importer does not know is a line in its summary, never a failure.

pub mod template;
pub mod summary;
pub mod layout;
pub mod mend;
pub mod tree;
pub mod error;

use std::path::Path;

use crate::exchange::error::ImportError;
use crate::exchange::summary::Summary;
use crate::scene::document::Scene;

/// A scene made of somebody else's file, and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The scene, laid out, with traffic.
    pub scene: Scene,
    /// What was known, unknown and supposed.
    pub summary: Summary,
}

/// Imports the template at `path`: AWS SAM or CloudFormation, YAML or JSON.
///
/// # Errors
/// A file that cannot be read, is no template, or passes one of the limits of [`tree`] or
/// [`template::source`], and a template that names a file outside its folder.
pub fn import(path: &Path) -> Result<Imported, ImportError> {
    let text = tree::read_text(path)?;
    let file = path.display().to_string();
    let (root, mends) = mend::read_mended(&text, &file)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (scene, mut summary) = template::import(root, &file, folder)?;
    mends.into_iter().for_each(|mend| summary.note(mend.mark, mend.text));
    Ok(Imported { scene, summary })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Writes `text` as a template in a folder of its own.
    fn template(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let path = folder.path().join("template.yaml");
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{e}"));
        (folder, path)
    }

    #[track_caller]
    fn check_refused(text: &str, part: &str) {
        let (_folder, path) = template(text);
        let started = std::time::Instant::now();
        let error = import(&path).err().unwrap_or_else(|| panic!("it was imported"));
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains("template.yaml") && !error.help().is_empty(), "{error}");
        assert!(started.elapsed().as_secs() < 10, "refused after {:?}", started.elapsed());
    }

    #[test]
    fn an_anchor_bomb_is_refused() {
        let mut bomb = String::from("Resources:\n  A: {Type: x}\nMetadata:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..30 {
            let below = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("  a{level}: &a{level} [{below}]\n"));
        }
        check_refused(&bomb, "values");
    }

    #[test]
    fn a_hundred_megabytes_are_refused_unread() {
        let (_folder, path) = template("{}");
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap_or_else(|e| panic!("{e}"));
        file.set_len(100 << 20).unwrap_or_else(|e| panic!("{e}"));
        let started = std::time::Instant::now();
        let error = import(&path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("is longer than"), "{error}");
        assert!(started.elapsed().as_millis() < 1_000, "{:?}", started.elapsed());
    }

    #[test]
    fn ten_thousand_levels_are_refused() {
        check_refused(&format!("{{\"Resources\": {}", "{\"a\":".repeat(10_000)), "levels");
        check_refused(&format!("Resources: {}", "[".repeat(10_000)), "levels");
        check_refused(&format!("Resources:\n {}", "- ".repeat(10_000)), "levels");
    }

    #[test]
    fn a_circle_of_references_is_refused() {
        check_refused("Conditions: {A: !Condition B, B: !Condition A}\nResources: {}\n", "depends on itself");
        check_refused("Resources: &a {A: *a}\n", "inside itself");
    }

    #[test]
    fn a_reference_out_of_the_folder_is_refused() {
        for path in ["../secret.json", "/etc/passwd"] {
            let machine = format!("{{Type: 'AWS::Serverless::StateMachine', Properties: {{DefinitionUri: {path}}}}}");
            check_refused(&format!("Resources:\n  M: {machine}\n"), "leaves the folder");
            let body = format!("{{'Fn::Transform': {{Name: 'AWS::Include', Parameters: {{Location: {path}}}}}}}");
            let api = format!("{{Type: 'AWS::Serverless::Api', Properties: {{DefinitionBody: {body}}}}}");
            check_refused(&format!("Resources:\n  A: {api}\n"), "leaves the folder");
        }
    }

    #[test]
    fn what_is_no_template_is_refused_with_its_place() {
        check_refused("a: 1\n", "has no `Resources`");
        check_refused("Resources:\n  A: {Properties: {}}\n", "template.yaml:2:6: is no template");
        check_refused("", "is empty");
    }

    #[test]
    fn resources_that_refer_to_each_other_are_imported() {
        let text = "Resources:
  A: {Type: 'AWS::SQS::Queue', Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt B.Arn, maxReceiveCount: 2}}}
  B: {Type: 'AWS::SQS::Queue', Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt A.Arn, maxReceiveCount: 2}}}
";
        let (_folder, path) = template(text);
        let imported = import(&path).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(imported.scene.links.values().filter(|link| link.dead_letters).count(), 2);
    }
}
