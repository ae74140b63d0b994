//! Panels: what stands around the picture, drawn by egui once a frame.
//!
//! Invariant: a panel reads [`Shown`] and writes [`Asked`]; it changes nothing else, so drawing it
//! twice in a frame does no harm.
//! Invariant: what the panels leave over is the picture's rectangle.

pub mod style;
pub mod figure;
pub mod widget;
pub mod top;
pub mod outliner;
pub mod field;
pub mod row;
pub mod definition;
pub mod link;
pub mod message;
pub mod inspector;
pub mod transport;
pub mod mark;
pub mod chart;
pub mod strip;
pub mod card;
pub mod help;
pub mod welcome;
pub mod dialog;

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiPrimaryContextPass, egui};

use super::edit::{EditRequest, Undoing};
use super::engine::EngineRoom;
use super::files::Files;
use super::follow::{FollowRequest, Followed};
use super::notice::{Notices, OfferAction};
use super::playhead::Track;
use super::reading::Readings;
use super::request::{FileRequest, TransportRequest, WindowRequest};
use super::state::{
    CameraRequest, DesktopSystems, DocumentId, Figures, OpenScene, Playhead, Selection, ViewRectangle, Viewpoint,
};
use super::theme::{Theme, paint};

use style::Sizes;

/// Draws the panels and drains `WindowRequest`. Reads all shared resources; writes `ViewRectangle`,
/// `PanelState`, and `Selection` and `Theme` where a panel or key asks for it.
pub struct PanelsPlugin;

/// Whether something of the window is on show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum Visible {
    /// It is.
    #[default]
    Shown,
    /// It is not.
    Hidden,
}

/// How wide the panels at the sides are; `None`: as suits the window.
#[derive(Clone, Copy, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Widths {
    /// The list of nodes.
    pub outliner: Option<f32>,
    /// The inspector.
    pub inspector: Option<f32>,
}

impl Widths {
    /// A width that a person chose; `None` where it is the one that suits the window.
    fn chosen(width: f32, suits: f32) -> Option<f32> {
        Some(width).filter(|width| (width - suits).abs() > 1.0)
    }
}

/// What the panels remember between frames.
#[derive(Resource, Debug)]
pub struct PanelState {
    /// All panels.
    pub panels: Visible,
    /// The overlay of keys.
    pub help: Visible,
    /// The scene's notes.
    pub notes: Visible,
    /// The charts, folded to their heads when hidden.
    pub charts: Visible,
    /// Larger or smaller panels.
    pub zoom: f32,
    /// Texts of fields while they are typed.
    pub drafts: row::Drafts,
    /// What the filter of the outliner holds.
    pub filter: String,
    /// Widths of the panels at the sides.
    pub widths: Widths,
    /// The document that the drafts belong to.
    document: DocumentId,
    /// The theme for which egui was dressed last.
    dressed: Option<Theme>,
    /// The pixels a point for which the common letters were drawn.
    letters: Option<f32>,
    /// The notes that were dismissed.
    dismissed: String,
    /// The notes that are read in full.
    unfolded: String,
}

impl Default for PanelState {
    fn default() -> PanelState {
        PanelState {
            panels: Visible::Shown,
            help: Visible::Hidden,
            notes: Visible::Shown,
            charts: Visible::Shown,
            zoom: 1.0,
            drafts: row::Drafts::default(),
            widths: Widths::default(),
            document: DocumentId::default(),
            filter: String::new(),
            dressed: None,
            letters: None,
            dismissed: String::new(),
            unfolded: String::new(),
        }
    }
}

impl PanelState {
    /// Gives egui its fonts and colors again with the next frame.
    pub fn dress_anew(&mut self) {
        self.dressed = None;
        self.letters = None;
    }

    /// As at first, with the panels shown or hidden.
    pub fn with_panels(panels: Visible) -> PanelState {
        PanelState { panels, ..PanelState::default() }
    }
}

/// What a panel may read.
pub struct Shown<'a> {
    /// The scene.
    pub open: &'a OpenScene,
    /// Where we look.
    pub playhead: &'a Playhead,
    /// Along what it moves.
    pub track: &'a Track,
    /// What is selected.
    pub selection: &'a Selection,
    /// How full every node is.
    pub figures: &'a Figures,
    /// Series and rates.
    pub readings: &'a Readings,
    /// Colors.
    pub theme: &'a Theme,
    /// Which file this is.
    pub files: &'a Files,
    /// What went wrong, and what is going on.
    pub notices: &'a Notices,
    /// Whether there is something to undo.
    pub undoing: &'a Undoing,
    /// From where the picture is seen.
    pub viewpoint: Viewpoint,
    /// The message that is followed.
    pub followed: &'a Followed,
    /// Whether another run is kept beside the one on show.
    pub other_run: OtherRun,
    /// Sizes of bars and panels.
    pub sizes: Sizes,
}

/// Whether a run is kept that a newer one took the place of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OtherRun {
    /// There is none.
    #[default]
    None,
    /// It can be shown.
    Kept,
}

/// What the panels ask for.
#[derive(Default)]
pub struct Asked {
    /// Of the transport.
    pub transport: Vec<TransportRequest>,
    /// Of the files.
    pub files: Vec<FileRequest>,
    /// Of the scene.
    pub edits: Vec<EditRequest>,
    /// Of the window.
    pub window: Vec<WindowRequest>,
    /// Of the camera.
    pub camera: Vec<CameraRequest>,
    /// About the message that is followed.
    pub follow: Vec<FollowRequest>,
    /// Cards to close, by their place.
    pub closed_cards: Vec<usize>,
    /// Closes the status line.
    pub closed_status: bool,
}

impl Asked {
    /// What a button of a notice asks for.
    pub fn offer(&mut self, ctx: &egui::Context, action: &OfferAction) {
        match action {
            OfferAction::File(request) => self.files.push(request.clone()),
            OfferAction::Edit(request) => self.edits.push(request.clone()),
            OfferAction::Copy(text) => ctx.copy_text(text.clone()),
        }
    }
}

impl Plugin for PanelsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<PanelState>()
            .init_resource::<Viewpoint>()
            .init_resource::<dialog::Dialog>()
            .init_resource::<ViewRectangle>()
            .init_resource::<Theme>()
            .init_resource::<Selection>()
            .init_resource::<Notices>()
            .init_resource::<Followed>()
            .init_resource::<EngineRoom>()
            .add_message::<FollowRequest>()
            .add_message::<WindowRequest>()
            .add_message::<CameraRequest>()
            .add_systems(Update, obey_window.in_set(DesktopSystems::Hands))
            .add_systems(EguiPrimaryContextPass, draw);
    }
}

/// The resources that panels read.
#[derive(SystemParam)]
struct Sources<'w> {
    open: Res<'w, OpenScene>,
    playhead: Res<'w, Playhead>,
    track: Res<'w, Track>,
    selection: Res<'w, Selection>,
    figures: Res<'w, Figures>,
    readings: Res<'w, Readings>,
    theme: Res<'w, Theme>,
    files: Res<'w, Files>,
    undoing: Res<'w, Undoing>,
    viewpoint: Res<'w, Viewpoint>,
    followed: Res<'w, Followed>,
    engine: Res<'w, EngineRoom>,
}

/// Where requests go.
#[derive(SystemParam)]
struct Outlets<'w> {
    transport: MessageWriter<'w, TransportRequest>,
    files: MessageWriter<'w, FileRequest>,
    edits: MessageWriter<'w, EditRequest>,
    window: MessageWriter<'w, WindowRequest>,
    camera: MessageWriter<'w, CameraRequest>,
    follow: MessageWriter<'w, FollowRequest>,
}

fn draw(
    mut contexts: EguiContexts,
    sources: Sources,
    mut outlets: Outlets,
    mut notices: ResMut<Notices>,
    mut state: ResMut<PanelState>,
    mut rectangle: ResMut<ViewRectangle>,
    mut dialog: ResMut<dialog::Dialog>,
) -> Result {
    let ctx = contexts.ctx_mut()?.clone();
    if prepare(&ctx, &sources.theme, &mut state) == Fonts::Coming {
        return Ok(());
    }
    let shown = Shown {
        open: &sources.open,
        playhead: &sources.playhead,
        track: &sources.track,
        selection: &sources.selection,
        figures: &sources.figures,
        readings: &sources.readings,
        theme: &sources.theme,
        files: &sources.files,
        notices: &notices,
        undoing: &sources.undoing,
        viewpoint: *sources.viewpoint,
        followed: &sources.followed,
        other_run: if sources.engine.has_old() { OtherRun::Kept } else { OtherRun::None },
        sizes: Sizes::of(ctx.viewport_rect().width()),
    };
    let mut asked = Asked::default();
    let picture = arrange(&ctx, &shown, &mut state, &mut asked);
    dialog.show(&ctx, &mut asked);
    let zoom = ctx.zoom_factor();
    rectangle.set_if_neq(ViewRectangle {
        min: Vec2::new(picture.min.x, picture.min.y) * zoom,
        max: Vec2::new(picture.max.x, picture.max.y) * zoom,
    });
    forward(asked, &mut outlets, &mut notices);
    Ok(())
}

/// Whether the bundled fonts can be used; egui takes them up with its next pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fonts {
    Ready,
    Coming,
}

/// Fonts and colors, where they changed.
fn prepare(ctx: &egui::Context, theme: &Theme, state: &mut PanelState) -> Fonts {
    let fonts = if state.dressed.is_none() { Fonts::Coming } else { Fonts::Ready };
    if fonts == Fonts::Coming {
        ctx.set_fonts(style::fonts(theme));
        ctx.request_repaint();
    }
    let brightened = state.dressed.as_ref().is_some_and(|dressed| dressed.is_dark() != theme.is_dark());
    if brightened {
        ctx.set_fonts(style::fonts(theme));
        ctx.request_repaint();
    }
    if state.dressed.as_ref() != Some(theme) {
        style::dress(ctx, theme);
        state.dressed = Some(theme.clone());
    }
    if (ctx.zoom_factor() - state.zoom).abs() > 0.001 {
        ctx.set_zoom_factor(state.zoom);
    }
    let scale = ctx.pixels_per_point();
    if brightened {
        // The new fonts come with the next frame.
        state.letters = None;
    } else if fonts == Fonts::Ready && state.letters != Some(scale) {
        style::draw_letters(ctx);
        state.letters = Some(scale);
    }
    fonts
}

/// Draws everything and gives back what is left over for the picture.
pub fn arrange(ctx: &egui::Context, shown: &Shown, state: &mut PanelState, asked: &mut Asked) -> egui::Rect {
    if state.document != shown.open.document {
        state.drafts.clear();
        state.document = shown.open.document;
    }
    let layer = egui::UiBuilder::new().layer_id(egui::LayerId::background()).max_rect(ctx.viewport_rect());
    let mut root = egui::Ui::new(ctx.clone(), "window".into(), layer);
    if state.panels == Visible::Shown {
        top::show(&mut root, shown, state, asked);
        card::status_line(&mut root, shown, asked);
        if !shown.open.scene.nodes.is_empty() {
            strip::show(&mut root, shown, state, asked);
            transport::show(&mut root, shown, asked);
            outliner::show(&mut root, shown, state, asked);
            inspector::show(&mut root, shown, state, asked);
        }
    }
    let picture = root.available_rect_before_wrap();
    if shown.open.scene.nodes.is_empty() {
        welcome::show(ctx, picture, shown, asked);
    } else if state.panels == Visible::Shown {
        card::notes(ctx, picture, shown, state);
    }
    card::cards(ctx, picture, shown, asked);
    if state.help == Visible::Shown {
        help::show(ctx, shown, asked);
    }
    picture
}

fn forward(asked: Asked, outlets: &mut Outlets, notices: &mut Notices) {
    outlets.transport.write_batch(asked.transport);
    outlets.files.write_batch(asked.files);
    outlets.edits.write_batch(asked.edits);
    outlets.window.write_batch(asked.window);
    outlets.camera.write_batch(asked.camera);
    outlets.follow.write_batch(asked.follow);
    for index in asked.closed_cards.into_iter().rev() {
        if index < notices.cards.len() {
            notices.cards.remove(index);
        }
    }
    if asked.closed_status {
        notices.status = None;
    }
}

fn obey_window(
    mut requests: MessageReader<WindowRequest>,
    mut state: ResMut<PanelState>,
    mut selection: ResMut<Selection>,
    mut theme: ResMut<Theme>,
    mut viewpoint: ResMut<Viewpoint>,
    followed: Res<Followed>,
    mut camera: MessageWriter<CameraRequest>,
    mut follow: MessageWriter<FollowRequest>,
) {
    for request in requests.read() {
        match request {
            WindowRequest::TogglePanels => state.panels = state.panels.other(),
            WindowRequest::ToggleHelp => state.help = state.help.other(),
            WindowRequest::ToggleNotes => state.notes = state.notes.other(),
            WindowRequest::ToggleCharts => state.charts = state.charts.other(),
            WindowRequest::Theme(name) => *theme = Theme::named(*name),
            WindowRequest::Select(node) => {
                selection.set_if_neq(Selection::Node(node.clone()));
            }
            WindowRequest::SelectLink(link) => {
                selection.set_if_neq(Selection::Link(link.clone()));
            }
            WindowRequest::Escape if state.help == Visible::Shown => state.help = Visible::Hidden,
            WindowRequest::Escape if followed.message.is_some() => drop(follow.write(FollowRequest::Nothing)),
            WindowRequest::Escape => {
                selection.set_if_neq(Selection::None);
            }
            WindowRequest::ToggleFlat => {
                *viewpoint = viewpoint.other();
                camera.write(CameraRequest::FrameAll);
            }
            WindowRequest::Zoom(factor) => state.zoom = (state.zoom * factor).clamp(0.6, 2.5),
        }
    }
}

impl Visible {
    /// Shown where hidden, hidden where shown.
    pub fn other(self) -> Visible {
        match self {
            Visible::Shown => Visible::Hidden,
            Visible::Hidden => Visible::Shown,
        }
    }
}

impl Shown<'_> {
    /// The color of ordinary text.
    pub fn ink(&self) -> egui::Color32 {
        paint(self.theme.text)
    }

    /// The second color of text.
    pub fn second(&self) -> egui::Color32 {
        paint(self.theme.text_second)
    }

    /// The row of the selected node, and its id.
    pub fn selected(&self) -> Option<(usize, &crate::scene::slug::NodeId)> {
        let Selection::Node(id) = self.selection else { return None };
        self.open.scene.nodes.keys().enumerate().find(|(_, node)| *node == id)
    }

    /// What a node is called.
    pub fn label<'s>(&'s self, id: &'s crate::scene::slug::NodeId) -> &'s str {
        match self.open.scene.nodes.get(id) {
            Some(node) if !node.label.is_empty() => &node.label,
            _ => id.as_str(),
        }
    }
}
