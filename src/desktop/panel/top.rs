//! The bar at the top: the name, the menus, what is open, 3D or 2D.

use bevy_egui::egui::{self, Align, Align2, Layout, Margin, Panel, Ui, vec2};
use egui_phosphor::regular as icon;

use super::style::{medium, regular, semibold, words};
use super::widget::{Weight, button};
use super::{Asked, OtherRun, PanelState, Shown};
use crate::desktop::edit::EditRequest;
use crate::desktop::request::{FileRequest, TransportRequest, WindowRequest};
use crate::desktop::state::{CameraRequest, Viewpoint};
use crate::desktop::theme::{ThemeName, paint};

/// Width of a menu.
const MENU: f32 = 236.0;
/// Recent files in the menu; all of them would make it longer than a small window.
const RECENT_SHOWN: usize = 5;
/// Letters of a file's name that a menu has room for.
const NAME_LONGEST: usize = 26;

/// Draws the bar.
pub fn show(root: &mut Ui, shown: &Shown, _state: &mut PanelState, asked: &mut Asked) {
    let frame = super::style::edge(shown.theme, Margin::symmetric(12, 0));
    Panel::top("top").exact_size(shown.sizes.top).resizable(false).frame(frame).show(root, |ui| {
        let bar = ui.max_rect();
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(words("Eventscape", semibold(15.0), shown.ink()));
            ui.add_space(8.0);
            menus(ui, shown, asked);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| right(ui, shown, asked));
        });
        title(ui, shown, bar);
    });
}

fn title(ui: &Ui, shown: &Shown, bar: egui::Rect) {
    let name = shown.files.name(&shown.open.scene);
    let painter = ui.painter();
    let text = painter.layout_no_wrap(name, semibold(13.0), shown.ink());
    // Beside the menus, where the middle of the bar is theirs already.
    let left = (bar.center().x - text.size().x / 2.0).max(bar.left() + 330.0);
    let at = egui::pos2(left, bar.center().y - text.size().y / 2.0);
    let right = left + text.size().x;
    painter.galley(at, text, shown.ink());
    if shown.files.is_unsaved(shown.open) {
        painter.circle_filled(egui::pos2(right + 11.0, bar.center().y), 3.5, shown.second());
    }
}

fn menus(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        widgets.inactive.weak_bg_fill = egui::Color32::TRANSPARENT;
        widgets.open.weak_bg_fill = paint(shown.theme.raised);
        ui.spacing_mut().item_spacing.x = 0.0;
        menu(ui, shown, "File", |ui| file_menu(ui, shown, asked));
        menu(ui, shown, "Edit", |ui| edit_menu(ui, shown, asked));
        menu(ui, shown, "View", |ui| view_menu(ui, shown, asked));
        menu(ui, shown, "Run", |ui| run_menu(ui, shown, asked));
        menu(ui, shown, "Help", |ui| {
            if entry(ui, shown, icon::KEYBOARD, "Keys", "F1") {
                asked.window.push(WindowRequest::ToggleHelp);
            }
            if entry(ui, shown, icon::NOTE, "Notes of the scene", "N") {
                asked.window.push(WindowRequest::ToggleNotes);
            }
        });
    });
}

fn menu(ui: &mut Ui, shown: &Shown, name: &str, contents: impl FnOnce(&mut Ui)) {
    ui.menu_button(words(name, regular(13.0), shown.second()), |ui| {
        ui.set_max_width(MENU);
        ui.spacing_mut().item_spacing.y = 1.0;
        contents(ui);
    });
}

/// One line of a menu; true when it was chosen.
fn entry(ui: &mut Ui, shown: &Shown, icon: &str, label: &str, key: &str) -> bool {
    entry_if(ui, shown, icon, label, key, Usable::Yes)
}

/// Whether a line of a menu can be chosen now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usable {
    Yes,
    No,
}

impl Usable {
    fn when(condition: bool) -> Usable {
        if condition { Usable::Yes } else { Usable::No }
    }
}

fn entry_if(ui: &mut Ui, shown: &Shown, icon: &str, label: &str, key: &str, usable: Usable) -> bool {
    let ink = if usable == Usable::Yes { shown.ink() } else { paint(shown.theme.text_faint) };
    let (rect, response) = ui.allocate_exact_size(vec2(MENU, 27.0), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, usable == Usable::Yes, label));
    if usable == Usable::Yes && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect, egui::CornerRadius::same(4), paint(shown.theme.raised));
    }
    let painter = ui.painter();
    let middle = rect.center().y;
    painter.text(egui::pos2(rect.left() + 8.0, middle), Align2::LEFT_CENTER, icon, regular(16.0), shown.second());
    painter.text(egui::pos2(rect.left() + 32.0, middle), Align2::LEFT_CENTER, label, regular(13.0), ink);
    painter.text(egui::pos2(rect.right() - 8.0, middle), Align2::RIGHT_CENTER, key, medium(11.0), shown.second());
    let chosen = usable == Usable::Yes && response.clicked();
    if chosen {
        ui.close();
    }
    chosen
}

fn file_menu(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let entries = [
        (icon::FILE_PLUS, "New", "Ctrl+N", FileRequest::New),
        (icon::FOLDER_OPEN, "Open", "Ctrl+O", FileRequest::OpenDialog),
        (icon::LIST_MAGNIFYING_GLASS, "Open by path", "Ctrl+Shift+O", FileRequest::OpenInside),
        (icon::FLOPPY_DISK, "Save", "Ctrl+S", FileRequest::Save),
        (icon::FLOPPY_DISK_BACK, "Save as", "Ctrl+Shift+S", FileRequest::SaveDialog),
    ];
    for (icon, label, key, request) in entries {
        if entry(ui, shown, icon, label, key) {
            asked.files.push(request);
        }
    }
    recent_entries(ui, shown, asked);
    scene_entries(ui, shown, asked);
    divide(ui, shown);
    if entry(ui, shown, icon::SIGN_OUT, "Quit", "Ctrl+Q") {
        asked.files.push(FileRequest::Quit);
    }
}

/// Files that were open before; the list is not there where there were none.
fn recent_entries(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    if shown.files.recent.is_empty() {
        return;
    }
    divide(ui, shown);
    super::widget::head(ui, shown.theme, "Open recent");
    for path in shown.files.recent.iter().take(RECENT_SHOWN) {
        let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into());
        if entry(ui, shown, icon::CLOCK_COUNTER_CLOCKWISE, &shorten(&name), "") {
            asked.files.push(FileRequest::Open(path.clone()));
        }
    }
}

fn divide(ui: &mut Ui, shown: &Shown) {
    ui.add_space(4.0);
    super::widget::hairline(ui, shown.theme);
    ui.add_space(4.0);
}

/// A name that fits into a line of a menu.
fn shorten(name: &str) -> String {
    if name.chars().count() <= NAME_LONGEST {
        return name.to_owned();
    }
    name.chars().take(NAME_LONGEST - 1).chain(['…']).collect()
}

fn scene_entries(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    divide(ui, shown);
    for scene in crate::scene::builtin::SCENES {
        if entry(ui, shown, icon::CUBE, &super::welcome::sentence_case(scene.name), "") {
            asked.files.push(FileRequest::Builtin(scene.name));
        }
    }
}

fn edit_menu(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let undo = Usable::when(shown.undoing.can_undo);
    let redo = Usable::when(shown.undoing.can_redo);
    if entry_if(ui, shown, icon::ARROW_COUNTER_CLOCKWISE, "Undo", "Ctrl+Z", undo) {
        asked.edits.push(EditRequest::Undo);
    }
    if entry_if(ui, shown, icon::ARROW_CLOCKWISE, "Redo", "Ctrl+Shift+Z", redo) {
        asked.edits.push(EditRequest::Redo);
    }
}

fn view_menu(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    if entry(ui, shown, icon::FRAME_CORNERS, "Show everything", "F") {
        asked.camera.push(CameraRequest::FrameAll);
    }
    let entries = [
        (icon::SQUARE, "Seen from above", "2", WindowRequest::ToggleFlat),
        (icon::SIDEBAR_SIMPLE, "Panels", "Tab", WindowRequest::TogglePanels),
        (icon::CHART_LINE, "Charts", "C", WindowRequest::ToggleCharts),
        (icon::MOON, "Dark theme", "", WindowRequest::Theme(ThemeName::Dark)),
        (icon::SUN, "Light theme", "", WindowRequest::Theme(ThemeName::Light)),
        (icon::PROJECTOR_SCREEN, "Projector theme", "", WindowRequest::Theme(ThemeName::Projector)),
        (icon::MAGNIFYING_GLASS_PLUS, "Larger panels", "Ctrl++", WindowRequest::Zoom(1.1)),
        (icon::MAGNIFYING_GLASS_MINUS, "Smaller panels", "Ctrl+-", WindowRequest::Zoom(1.0 / 1.1)),
    ];
    for (icon, label, key, request) in entries {
        if entry(ui, shown, icon, label, key) {
            asked.window.push(request);
        }
    }
}

fn run_menu(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let entries = [
        (icon::PLAY_PAUSE, "Run or pause", "Space", TransportRequest::Toggle),
        (icon::CARET_RIGHT, "Next event", "Right", TransportRequest::StepForward),
        (icon::CARET_LEFT, "Event before", "Left", TransportRequest::StepBack),
        (icon::SKIP_BACK, "To the beginning", "Home", TransportRequest::ToStart),
        (icon::SKIP_FORWARD, "To the end", "End", TransportRequest::ToEnd),
        (icon::REPEAT, "Loop", "L", TransportRequest::ToggleLoop),
        (icon::BRACKETS_SQUARE, "Loop from here", "[", TransportRequest::LoopFrom),
        (icon::BRACKETS_SQUARE, "Loop to here", "]", TransportRequest::LoopTo),
    ];
    for (icon, label, key, request) in entries {
        if entry(ui, shown, icon, label, key) {
            asked.transport.push(request);
        }
    }
    if entry(ui, shown, icon::ARROW_U_UP_LEFT, "Run again", "Ctrl+R") {
        asked.edits.push(EditRequest::RunAgain);
    }
    if shown.other_run == OtherRun::Kept {
        if entry(ui, shown, icon::SWAP, "Show the other run", "") {
            asked.edits.push(EditRequest::ShowOld);
        }
        if entry(ui, shown, icon::TRASH, "Dismiss the other run", "") {
            asked.edits.push(EditRequest::DismissOld);
        }
    }
    if shown.files.lost_tail().is_some() && entry(ui, shown, icon::PUZZLE_PIECE, "Complete the recording", "") {
        asked.files.push(FileRequest::Complete);
    }
}

fn right(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let help = button(ui, shown.theme, icon::QUESTION, "Keys", Weight::Plain).on_hover_text("What the keys do (F1)");
    if help.clicked() {
        asked.window.push(WindowRequest::ToggleHelp);
    }
    theme_button(ui, shown, asked);
    let frame = egui::Frame::new().fill(paint(shown.theme.field)).corner_radius(5).inner_margin(Margin::same(2));
    frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (viewpoint, icon, label) in [(Viewpoint::Flat, icon::SQUARE, "2D"), (Viewpoint::Space, icon::CUBE, "3D")] {
            let chosen = shown.viewpoint == viewpoint;
            let ink = if chosen { shown.ink() } else { shown.second() };
            let fill = if chosen { paint(shown.theme.raised) } else { egui::Color32::TRANSPARENT };
            let text = words(format!("{icon} {label}"), medium(13.0), ink);
            let response = ui.add(egui::Button::new(text).fill(fill).min_size(vec2(48.0, 22.0)));
            if response.on_hover_text("From the side or from above (2)").clicked() && !chosen {
                asked.window.push(WindowRequest::ToggleFlat);
            }
        }
    });
}

fn theme_button(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let (icon, next) = match shown.theme.name {
        ThemeName::Dark => (icon::MOON, ThemeName::Light),
        ThemeName::Light => (icon::SUN, ThemeName::Projector),
        ThemeName::Projector => (icon::PROJECTOR_SCREEN, ThemeName::Dark),
    };
    let tip = "Dark, light, projector";
    if super::widget::icon_button(ui, shown.theme, icon, 28.0, Weight::Plain, tip).clicked() {
        asked.window.push(WindowRequest::Theme(next));
    }
}
