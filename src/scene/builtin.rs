//! The scenes that come with the program, inside the binary.
//!
//! Invariant: each loads without a warning and is written as `text::save` writes it.

/// A scene that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltinScene {
    /// What people call it on the command line: `eventscape patterns`.
    pub name: &'static str,
    /// The scene as text.
    pub text: &'static str,
}

/// All of them; the first is the one that opens by itself.
pub const SCENES: [BuiltinScene; 3] = [
    BuiltinScene { name: "conference", text: include_str!("../../scenes/conference.ron") },
    BuiltinScene { name: "patterns", text: include_str!("../../scenes/patterns.ron") },
    BuiltinScene { name: "shop", text: include_str!("../../scenes/shop.ron") },
];

/// The scene that opens by itself.
pub const DEFAULT: BuiltinScene = SCENES[0];

/// The scene of this name, with or without the ending `.ron`.
pub fn find(name: &str) -> Option<BuiltinScene> {
    let name = name.strip_suffix(".ron").unwrap_or(name);
    SCENES.into_iter().find(|scene| scene.name == name)
}
