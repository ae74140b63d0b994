//! What the window tells a person: one line of status, cards for what went wrong, long work.
//!
//! Invariant: a notice never takes the window away; everything else stays usable beside it.
//! Written by every plugin that has something to say; shown by the panels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bevy::prelude::*;

use super::edit::EditRequest;
use super::request::FileRequest;

/// What is on show.
#[derive(Resource, Default, Debug)]
pub struct Notices {
    /// The line at the lower edge.
    pub status: Option<Status>,
    /// What is wrong as long as it lasts; it stands where the line would rest.
    pub trouble: Option<Status>,
    /// Cards at the lower right, the newest last.
    pub cards: Vec<Card>,
    /// Work that takes long.
    pub work: Option<Work>,
}

/// One line, with what can be done about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The line.
    pub text: String,
    /// What is offered, in order.
    pub offers: Vec<Offer>,
}

/// A button beside a notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What stands on it.
    pub label: String,
    /// What it asks for.
    pub action: OfferAction,
}

/// What a button of a notice asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum OfferAction {
    /// Something about files.
    File(FileRequest),
    /// Something about the scene.
    Edit(EditRequest),
    /// Puts this text on the clipboard.
    Copy(String),
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Card {
    /// What could not be done.
    pub title: String,
    /// Line and column, where there is a file.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what was left untouched.
    pub sentence: String,
    /// What helps.
    pub remedy: String,
    /// Lines of the file around the place, with their numbers.
    pub excerpt: Vec<(usize, String)>,
    /// Buttons, the remedy first.
    pub offers: Vec<Offer>,
}

/// Work that takes long, seen from the window.
#[derive(Clone, Debug)]
pub struct Work {
    /// What is going on.
    pub label: String,
    meter: Arc<Meter>,
}

#[derive(Debug, Default)]
struct Meter {
    thousandths: AtomicU32,
    cancelled: AtomicBool,
}

/// The most cards that are kept; older ones give way.
const CARDS_MAX: usize = 4;

/// Seconds after which a line that asks for nothing has been read.
const READ_IN: f64 = 12.0;

/// Takes lines away that have been read. What lasts or wants an answer stays.
pub struct NoticePlugin;

impl Plugin for NoticePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Notices>().add_systems(Last, fade);
    }
}

fn fade(time: Res<Time<Real>>, mut notices: ResMut<Notices>, mut seen: Local<(Option<Status>, f64)>) {
    let now = time.elapsed_secs_f64();
    if seen.0 != notices.status {
        *seen = (notices.status.clone(), now);
    } else if seen.0.is_some() {
        notices.fade(seen.1, now);
    }
}

impl Work {
    /// Work that has just begun.
    pub fn new(label: impl Into<String>) -> Work {
        Work { label: label.into(), meter: Arc::default() }
    }

    /// Says how far it is, 0 to 1.
    pub fn advance(&self, share: f32) {
        self.meter.thousandths.store((share.clamp(0.0, 1.0) * 1_000.0) as u32, Ordering::Relaxed);
    }

    /// How far it is, 0 to 1; zero where nobody knows.
    pub fn share(&self) -> f32 {
        self.meter.thousandths.load(Ordering::Relaxed) as f32 / 1_000.0
    }

    /// Asks it to end early.
    pub fn cancel(&self) {
        self.meter.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end early.
    pub fn is_cancelled(&self) -> bool {
        self.meter.cancelled.load(Ordering::Relaxed)
    }
}

impl Notices {
    /// Shows one line.
    pub fn say(&mut self, text: impl Into<String>) {
        self.status = Some(Status { text: text.into(), offers: Vec::new() });
    }

    /// Shows one line with what can be done about it.
    pub fn offer(&mut self, text: impl Into<String>, offers: Vec<Offer>) {
        self.status = Some(Status { text: text.into(), offers });
    }

    /// Takes a line away that has been on show long enough to be read, and asks for nothing.
    fn fade(&mut self, since: f64, now: f64) {
        if self.status.as_ref().is_some_and(|status| status.offers.is_empty()) && now - since >= READ_IN {
            self.status = None;
        }
    }

    /// Shows a card.
    pub fn warn(&mut self, card: Card) {
        self.cards.retain(|shown| *shown != card);
        self.cards.push(card);
        let surplus = self.cards.len().saturating_sub(CARDS_MAX);
        self.cards.drain(..surplus);
    }
}

impl Card {
    /// A card without a place in a file.
    pub fn new(title: impl Into<String>, sentence: impl Into<String>) -> Card {
        Card { title: title.into(), sentence: sentence.into(), ..Card::default() }
    }

    /// The whole card as text, for the clipboard.
    pub fn text(&self) -> String {
        let place = self.place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"));
        format!("{}{place}\n{}\n{}", self.title, self.sentence, self.remedy)
    }
}

impl Offer {
    /// A button that asks for something about the scene.
    pub fn edit(label: &str, request: EditRequest) -> Offer {
        Offer { label: label.to_owned(), action: OfferAction::Edit(request) }
    }

    /// A button that asks for something about files.
    pub fn file(label: &str, request: FileRequest) -> Offer {
        Offer { label: label.to_owned(), action: OfferAction::File(request) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_card_is_shown_once_and_old_ones_give_way() {
        let mut notices = Notices::default();
        for title in ["a", "b", "b", "c", "d", "e"] {
            notices.warn(Card::new(title, ""));
        }
        let titles: Vec<&str> = notices.cards.iter().map(|card| card.title.as_str()).collect();
        assert_eq!(titles, ["b", "c", "d", "e"]);
    }

    #[test]
    fn a_line_goes_once_it_was_read_and_one_that_asks_stays() {
        let mut notices = Notices::default();
        notices.say("Saved.");
        notices.fade(5.0, 16.9);
        assert!(notices.status.is_some());
        notices.fade(5.0, 17.0);
        assert_eq!(notices.status, None);
        notices.offer("Where?", vec![Offer::file("Here", FileRequest::Save)]);
        notices.fade(5.0, 99.0);
        assert!(notices.status.is_some());
    }

    #[test]
    fn work_can_be_watched_and_cancelled_from_another_thread() {
        let work = Work::new("Opening");
        let worker = work.clone();
        worker.advance(0.5);
        assert_eq!(work.share(), 0.5);
        work.cancel();
        assert!(worker.is_cancelled());
    }
}
