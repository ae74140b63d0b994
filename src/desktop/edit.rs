//! Changes of the scene: one system drains every request, keeps history, and tells the engine.
//!
//! Invariant: the scene changes by `Edit` through `History` alone, so all of it can be undone.
//! Invariant: what is asked for while the playhead stands in the past changes nothing until the
//! person has said where it shall act.
//! Reads `EditRequest`, `Playhead` and `Track`; writes `OpenScene`, `Undoing` and `EngineRoom`.

use std::sync::Arc;

use bevy::prelude::*;

use crate::scene::document::Scene;
use crate::scene::edit::Edit;
use crate::scene::history::History;
use crate::scene::kind::Kind;
use crate::scene::slug::{LinkId, NodeId};
use crate::sim::command::CommandAction;

use super::engine::EngineRoom;
use super::notice::{Card, Notices, Offer};
use super::playhead::{Edge, Track};
use super::recovery::Recovery;
use super::state::{DesktopSystems, OpenScene, Play, Playhead};

/// What a panel or key asks of the scene and its run.
#[derive(Message, Clone, PartialEq, Debug)]
pub enum EditRequest {
    /// Other parameters for a node: a live command and an edit in one.
    Parameters {
        /// The node.
        node: NodeId,
        /// Its kind with the new parameters.
        kind: Box<Kind>,
    },
    /// Another remark at a node.
    Note {
        /// The node.
        node: NodeId,
        /// The remark.
        text: String,
    },
    /// Any other change.
    Change(Edit),
    /// The node does nothing from now on.
    Stop(NodeId),
    /// The node works again.
    Start(NodeId),
    /// The link takes no departures from now on.
    Cut(LinkId),
    /// The link takes departures again.
    Restore(LinkId),
    /// Takes back the last change.
    Undo,
    /// Makes it again.
    Redo,
    /// Runs the scene again from the beginning.
    RunAgain,
    /// Does what was asked at the live end.
    AtLiveEnd(Box<EditRequest>),
    /// Runs again up to the playhead, and does there what was asked.
    FromHere(Box<EditRequest>),
    /// Shows the recording that a new run took the place of.
    ShowOld,
    /// Forgets it.
    DismissOld,
}

/// The history of the open scene.
#[derive(Resource, Default)]
pub struct Undoing {
    /// What was done and undone.
    pub history: History,
    /// Whether there is something to undo.
    pub can_undo: bool,
    /// Whether there is something to make again.
    pub can_redo: bool,
}

/// Drains `EditRequest`.
pub struct EditPlugin;

impl Plugin for EditPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Undoing>()
            .init_resource::<Recovery>()
            .init_resource::<OpenScene>()
            .add_message::<EditRequest>()
            .add_systems(Update, drain.in_set(DesktopSystems::Edit));
    }
}

/// What an edit means for a run that goes on.
#[derive(Clone, PartialEq, Debug)]
enum Reach {
    /// Nothing: it concerns the eye alone.
    Picture,
    /// A command at the live edge.
    Command(CommandAction),
    /// Another model: the scene runs again.
    Model,
}

/// All that a request may touch.
struct Bench<'a> {
    open: &'a mut OpenScene,
    undoing: &'a mut Undoing,
    engine: &'a mut EngineRoom,
    notices: &'a mut Notices,
    recovery: &'a mut Recovery,
    playhead: &'a Playhead,
    track: &'a Track,
}

pub(super) fn drain(
    mut requests: MessageReader<EditRequest>,
    mut open: ResMut<OpenScene>,
    mut undoing: ResMut<Undoing>,
    mut engine: ResMut<EngineRoom>,
    mut notices: ResMut<Notices>,
    mut recovery: ResMut<Recovery>,
    playhead: Res<Playhead>,
    track: Res<Track>,
) {
    if requests.is_empty() {
        return;
    }
    let mut bench = Bench {
        open: &mut open,
        undoing: &mut undoing,
        engine: &mut engine,
        notices: &mut notices,
        recovery: &mut recovery,
        playhead: &playhead,
        track: &track,
    };
    for request in requests.read() {
        bench.serve(request.clone());
    }
}

impl Bench<'_> {
    fn serve(&mut self, request: EditRequest) {
        match request {
            EditRequest::Undo => self.step_back(),
            EditRequest::Redo => self.step_again(),
            EditRequest::RunAgain => self.engine.run_again(self.open.scene.clone()),
            EditRequest::AtLiveEnd(request) => {
                self.act(*request);
                let live = self.engine.is_live();
                self.notices.say(if live { "It acts at the live end." } else { "The next run begins with it." });
            }
            EditRequest::FromHere(request) => self.act_from_here(*request),
            EditRequest::ShowOld => {
                self.engine.show_old();
                self.offer_other("The other run is on show.");
            }
            EditRequest::DismissOld => {
                self.engine.dismiss_old();
                self.notices.say("The other run is gone.");
            }
            request if self.stands_in_the_past(&request) => self.ask_where(request),
            request => self.act(request),
        }
        self.undoing.can_undo = self.undoing.history.undo_label().is_some();
        self.undoing.can_redo = self.undoing.history.redo_label().is_some();
    }

    /// Whether a command of this request would act elsewhere than where the person looks.
    fn stands_in_the_past(&self, request: &EditRequest) -> bool {
        let reach = match request {
            EditRequest::Parameters { node, kind } => {
                let edit = Edit::SetKind { id: node.clone(), kind: kind.clone() };
                matches!(reach_of(&self.open.scene, &edit), Reach::Command(_))
            }
            EditRequest::Stop(_) | EditRequest::Start(_) | EditRequest::Cut(_) | EditRequest::Restore(_) => true,
            EditRequest::Change(edit) => matches!(reach_of(&self.open.scene, edit), Reach::Command(_)),
            _ => false,
        };
        reach && self.engine.has_run() && !self.track.at_edge(self.playhead)
    }

    fn ask_where(&mut self, request: EditRequest) {
        let boxed = || Box::new(request.clone());
        let here = Offer::edit("Run again from here", EditRequest::FromHere(boxed()));
        match self.track.edge {
            Edge::Live => {
                let end = Offer::edit("Apply at the live end", EditRequest::AtLiveEnd(boxed()));
                self.notices.offer("The playhead stands in the past. Where shall this act?", vec![end, here]);
            }
            Edge::Final => {
                let mut offers = vec![here];
                if matches!(request, EditRequest::Parameters { .. } | EditRequest::Change(_)) {
                    offers.push(Offer::edit("Change the scene alone", EditRequest::AtLiveEnd(boxed())));
                }
                self.notices.offer("The run is over. Shall it branch off here?", offers);
            }
        }
    }

    /// Does what was asked at the live edge.
    fn act(&mut self, request: EditRequest) {
        match self.edit_of(request) {
            Asked::Edit(edit) => self.perform(edit),
            Asked::Command(action) => self.command(action),
            Asked::Nothing => {}
        }
    }

    /// Hands a command to the run, and says so where nothing will be seen of it yet.
    fn command(&mut self, action: CommandAction) {
        self.engine.command(action);
        if self.engine.is_live() && self.playhead.play == Play::Paused {
            self.notices.say("It acts as soon as the run goes on.");
        }
    }

    fn perform(&mut self, edit: Edit) {
        let reach = reach_of(&self.open.scene, &edit);
        let mut scene = Scene::clone(&self.open.scene);
        match self.undoing.history.perform(&mut scene, edit.clone(), None) {
            Ok(()) => self.take(scene, &edit, reach),
            Err(error) => {
                self.notices.warn(Card::new("The change was not made", format!("{error}. The scene is untouched.")));
            }
        }
    }

    fn step_back(&mut self) {
        let mut scene = Scene::clone(&self.open.scene);
        match self.undoing.history.undo(&mut scene) {
            Ok(Some(made)) => self.take_made(scene, &made, "Undone"),
            Ok(None) => self.notices.say("There is nothing to undo."),
            Err(error) => self.notices.warn(Card::new("The change could not be undone", error.to_string())),
        }
    }

    fn step_again(&mut self) {
        let mut scene = Scene::clone(&self.open.scene);
        match self.undoing.history.redo(&mut scene) {
            Ok(Some(made)) => self.take_made(scene, &made, "Made again"),
            Ok(None) => self.notices.say("There is nothing to make again."),
            Err(error) => self.notices.warn(Card::new("The change could not be made again", error.to_string())),
        }
    }

    /// Undoing a live edit is a new command at the present time.
    fn take_made(&mut self, scene: Scene, made: &Edit, said: &str) {
        let reach = reach_of(&self.open.scene, made);
        let waits = matches!(reach, Reach::Command(_)) && self.engine.is_live() && self.playhead.play == Play::Paused;
        let again = reach == Reach::Model && self.engine.has_run();
        self.take(scene, made, reach);
        // A new run has its own line, with the way back to the old one.
        if !again {
            let when = if waits { " It acts as soon as the run goes on." } else { "" };
            self.notices.say(format!("{said}: {}.{when}", made.label()));
        }
    }

    fn take(&mut self, scene: Scene, made: &Edit, reach: Reach) {
        self.recovery.record(made, self.notices);
        self.open.scene = Arc::new(scene);
        self.open.revision += 1;
        match reach {
            Reach::Picture => {}
            Reach::Command(action) => self.command(action),
            Reach::Model if !self.engine.has_run() => self.engine.run_again(self.open.scene.clone()),
            Reach::Model => {
                self.engine.run_changed(self.open.scene.clone(), made, self.playhead.time);
                self.offer_other("This holds from the beginning, so a new run goes up to here. The old one is kept.");
            }
        }
    }

    /// Says something about two runs, and offers the one that is not on show.
    fn offer_other(&mut self, text: &str) {
        let show = Offer::edit("Show the other run", EditRequest::ShowOld);
        let dismiss = Offer::edit("Dismiss it", EditRequest::DismissOld);
        self.notices.offer(text, vec![show, dismiss]);
    }

    /// Runs again up to the playhead, with the scene as it was, and acts there.
    fn act_from_here(&mut self, request: EditRequest) {
        let before = self.open.scene.clone();
        match self.edit_of(request) {
            Asked::Edit(edit) => {
                let reach = reach_of(&self.open.scene, &edit);
                let mut scene = Scene::clone(&self.open.scene);
                if let Err(error) = self.undoing.history.perform(&mut scene, edit.clone(), None) {
                    self.notices
                        .warn(Card::new("The change was not made", format!("{error}. The scene is untouched.")));
                    return;
                }
                self.take(scene, &edit, Reach::Picture);
                if let Reach::Command(action) = reach {
                    self.engine.branch(before, self.playhead.time, action);
                }
            }
            Asked::Command(action) => self.engine.branch(before, self.playhead.time, action),
            Asked::Nothing => return,
        }
        self.offer_other("A new run branches off here. The old one is kept.");
    }

    fn edit_of(&self, request: EditRequest) -> Asked {
        match request {
            EditRequest::Parameters { node, kind } => Asked::Edit(Edit::SetKind { id: node, kind }),
            EditRequest::Note { node, text } => Asked::Edit(Edit::SetNodeNote { id: node, note: text }),
            EditRequest::Change(edit) => Asked::Edit(edit),
            EditRequest::Stop(node) => Asked::Command(CommandAction::Stop(node)),
            EditRequest::Start(node) => Asked::Command(CommandAction::Start(node)),
            EditRequest::Cut(link) => Asked::Command(CommandAction::Cut(link)),
            EditRequest::Restore(link) => Asked::Command(CommandAction::Restore(link)),
            _ => Asked::Nothing,
        }
    }
}

/// What a request comes down to.
enum Asked {
    Edit(Edit),
    Command(CommandAction),
    Nothing,
}

/// What an edit means for a run of `scene`, before it is made.
fn reach_of(scene: &Scene, edit: &Edit) -> Reach {
    match edit {
        Edit::SetKind { id, kind } => match scene.nodes.get(id) {
            Some(node) if same_languages(&node.kind, kind) => {
                Reach::Command(CommandAction::Parameters(id.clone(), kind.clone()))
            }
            _ => Reach::Model,
        },
        Edit::MoveNodes { .. }
        | Edit::SetNodeLabel { .. }
        | Edit::SetNodeNote { .. }
        | Edit::SetTitle { .. }
        | Edit::SetNotes { .. } => Reach::Picture,
        Edit::Batch(edits) if edits.iter().all(|edit| reach_of(scene, edit) == Reach::Picture) => Reach::Picture,
        _ => Reach::Model,
    }
}

/// Whether both are of one kind and say the same in patterns, payloads and definitions. Those are
/// compiled into the model, so a run that goes on cannot be told others.
fn same_languages(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::Producer(one), Kind::Producer(other)) => one.payloads == other.payloads,
        (Kind::Client(one), Kind::Client(other)) => one.payloads == other.payloads,
        (Kind::Scheduler(one), Kind::Scheduler(other)) => one.payloads == other.payloads,
        (Kind::Router(one), Kind::Router(other)) => one.routes == other.routes,
        (Kind::Bus(one), Kind::Bus(other)) => one.rules == other.rules,
        (Kind::StateMachine(one), Kind::StateMachine(other)) => one.definition == other.definition,
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::document::Node;
    use crate::scene::kind::{Bus, Queue, Rule, Sink};

    fn id(text: &str) -> NodeId {
        NodeId::new(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn scene_with(kind: Kind) -> Scene {
        let node = Node::new(kind);
        Scene { nodes: [(id("queue"), node)].into(), ..Scene::default() }
    }

    fn scene() -> Scene {
        scene_with(Kind::Queue(Queue::default()))
    }

    #[test]
    fn parameters_are_a_command_and_another_kind_is_another_model() {
        let kind = Box::new(Kind::Queue(Queue { batch_size: 1, ..Queue::default() }));
        let edit = Edit::SetKind { id: id("queue"), kind: kind.clone() };
        assert_eq!(reach_of(&scene(), &edit), Reach::Command(CommandAction::Parameters(id("queue"), kind)));
        let edit = Edit::SetKind { id: id("queue"), kind: Box::new(Kind::Sink(Sink::default())) };
        assert_eq!(reach_of(&scene(), &edit), Reach::Model);
    }

    #[test]
    fn a_pattern_is_part_of_the_model_and_a_number_beside_it_is_not() {
        let rule = Rule::new("{\"source\": [\"shop\"]}");
        let bus = Bus { rules: [("orders".to_owned(), rule)].into(), ..Bus::default() };
        let scene = scene_with(Kind::Bus(bus.clone()));
        let told = |bus: Bus| Edit::SetKind { id: id("queue"), kind: Box::new(Kind::Bus(bus)) };
        assert!(matches!(reach_of(&scene, &told(Bus { retries: 3, ..bus })), Reach::Command(_)));
        assert_eq!(reach_of(&scene, &told(Bus::default())), Reach::Model);
    }

    #[test]
    fn notes_and_places_leave_the_run_alone() {
        let edit = Edit::SetNodeNote { id: id("queue"), note: "slow".to_owned() };
        assert_eq!(reach_of(&scene(), &edit), Reach::Picture);
        assert_eq!(reach_of(&scene(), &Edit::Batch(vec![edit])), Reach::Picture);
        assert_eq!(reach_of(&scene(), &Edit::RemoveNode { id: id("queue") }), Reach::Model);
    }
}
