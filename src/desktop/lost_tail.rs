//! The lost tail: what a crash cut off a recording, and running it again.
//!
//! Invariant: a recording is changed only when the person asks for it, on a thread of its own, and then
//! only by what is missing; ended early, it is as it was.

use std::ops::ControlFlow;
use std::path::Path;

use crate::record::{CutShort, Recording};
use crate::scene::time::SimTime;
use crate::sim::run::Options;
use crate::study::rerun::{RerunError, complete, lost_end};

use super::engine::threads;
use super::notice::{Card, Offer, Status, Work};
use super::panel::figure::clock_short;
use super::panel::welcome::sentence_case;
use super::request::FileRequest;

/// What a recording has lost, where a crash cut it short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostTail {
    /// Everything before this instant was kept.
    pub kept: SimTime,
    /// Where its run was to end.
    pub end: SimTime,
}

impl LostTail {
    /// What `recording` has lost; `None` where it is whole.
    pub fn of(recording: &Recording) -> Option<LostTail> {
        let lost = LostTail { kept: recording.end(), end: lost_end(recording) };
        (recording.cut_short() == CutShort::Yes).then_some(lost)
    }

    /// The line that says so, with the way to mend it where there is one.
    pub fn status(self, path: &Path) -> Status {
        let kept = clock_short(self.kept);
        if path.is_file() {
            let text = format!(
                "This recording was cut short at {kept}. To complete it, complete its folder and pack that again."
            );
            return Status { text, offers: Vec::new() };
        }
        let rest = match self.end > self.kept {
            true => format!("The rest of its run, up to {}, can be run again.", clock_short(self.end)),
            false => "Nothing is known to be missing, but it was never ended.".to_owned(),
        };
        let offer = Offer::file("Complete the recording", FileRequest::Complete);
        Status { text: format!("This recording was cut short at {kept}. {rest}"), offers: vec![offer] }
    }

    /// Runs the lost tail of the recording in `folder` and adds it there. `work` is told how far it is,
    /// and may end it.
    pub fn run(self, folder: &Path, work: &Work) -> Result<Recording, RerunError> {
        let whole = self.end.seconds().max(1e-9);
        let options = Options { threads: threads(), ..Options::default() };
        complete(folder, options, &mut |now: SimTime| {
            work.advance((now.seconds() / whole) as f32);
            if work.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }
}

/// Why a recording could not be completed.
pub fn card(error: &RerunError) -> Card {
    let sentence = format!("{}. The recording is as it was.", sentence_case(&error.to_string()));
    Card { remedy: sentence_case(error.help()), ..Card::new("The recording could not be completed", sentence) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{self, Plan, Target};
    use crate::scene::time::SimSpan;

    fn scene() -> crate::scene::document::Scene {
        let shop = crate::scene::builtin::find("shop").unwrap_or_else(|| panic!("the shop comes with the program"));
        crate::scene::text::load(shop.text, shop.name).unwrap_or_else(|problems| panic!("{problems}")).scene
    }

    #[test]
    fn a_recording_without_its_end_says_so_and_is_completed_unless_cancelled() -> Result<(), Box<dyn std::error::Error>>
    {
        let scratch = tempfile::tempdir()?;
        let folder = scratch.path().join("shop.recording");
        let end = SimTime::ZERO + SimSpan::from_seconds(20);
        // As a crash leaves it: the writer has begun and never ends.
        let plan = Plan { seed: 7, end: Some(end) };
        let (sender, _, _writer) = record::spawn_planned(scene(), Target::Folder(folder.clone()), plan)?;
        let copy = scratch.path().join("copy");
        std::fs::create_dir(&copy)?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            std::fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
        drop(sender);

        let Some(lost) = LostTail::of(&record::open(&copy)?) else { panic!("nothing is lost") };
        assert_eq!(lost, LostTail { kept: SimTime::ZERO, end });
        let status = lost.status(&copy);
        assert!(status.text.contains("cut short at 00:00") && status.text.contains("up to 00:20"), "{}", status.text);
        assert_eq!(status.offers, [Offer::file("Complete the recording", FileRequest::Complete)]);

        let cancelled = Work::new("");
        cancelled.cancel();
        assert!(matches!(lost.run(&copy, &cancelled), Err(RerunError::Cancelled)), "it was cancelled");
        assert!(LostTail::of(&record::open(&copy)?).is_some(), "a cancelled completion changes nothing");

        let work = Work::new("");
        let whole = lost.run(&copy, &work)?;
        assert_eq!((LostTail::of(&whole), whole.end(), work.share()), (None, end, 1.0));
        Ok(())
    }
}
